// SPDX-License-Identifier: Apache-2.0
// Swagger UI over the document of this service; nothing from elsewhere (validatorUrl asks a public server).

// Swagger UI plays a sound by asking for its address once more, with GET: no answer of a POST can be heard so.
function playable(Original, { React }) {
  const Player = ({ content, tag }) => {
    const url = React.useMemo(() => URL.createObjectURL(content), [content]);
    React.useEffect(() => () => URL.revokeObjectURL(url), [url]);
    return React.createElement(tag, { controls: true, src: url });
  };
  return (props) => {
    const tag = /^(audio|video)\//i.exec(props.contentType ?? "")?.[1].toLowerCase();
    return tag && props.content instanceof Blob
      ? React.createElement(Player, { content: props.content, tag })
      : React.createElement(Original, props);
  };
}

// Names for what Swagger UI leaves without one, for those who hear the page; and no links inside
// buttons, which do what the button does.
function nameThings() {
  const name = (selector, text) => {
    for (const node of document.querySelectorAll(selector)) {
      if (!node.hasAttribute("aria-label")) node.setAttribute("aria-label", typeof text === "function" ? text(node) : text);
    }
  };
  const row = (node) => node.closest("tr[data-param-name]")?.dataset.paramName
    ?? node.closest("tr")?.querySelector(".parameter__name, .parameters-col_name")?.textContent.trim() ?? "value";
  name("#servers", "Server");
  name(".parameters :is(input, select, textarea)", row);
  name(".body-param :is(textarea, input)", "Body of the request");
  name(".content-type, .body-param-content-type select, .opblock-section-request-body select", "Content type");
  name(".copy-to-clipboard button", "Copy");
  name("input, select, textarea", row);
  for (const image of document.querySelectorAll("#swagger-ui img:not([alt])")) image.alt = "The answer as a picture";
  for (const link of document.querySelectorAll(".opblock-summary-control a[href], .opblock-tag a[href]")) link.removeAttribute("href");
  for (const title of document.querySelectorAll("#swagger-ui .info h2.title:not([role])")) {
    title.setAttribute("role", "heading");
    title.setAttribute("aria-level", "1");
  }
}
new MutationObserver(nameThings).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
document.getElementById("home").href = location.pathname.includes("/-/") ? "status" : "-/status";

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [() => ({ wrapComponents: { responseBody: playable } })],
  onComplete: () => {
    document.title = `${window.ui.specSelectors.info().get("title")} API`;
  },
});
