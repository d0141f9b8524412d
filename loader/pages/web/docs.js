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
