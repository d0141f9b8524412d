// SPDX-License-Identifier: Apache-2.0
// The form that sends one call, and shows what came back. Where the service declares its inputs, it
// has a field for each; else, or where one wants that, the data go as they are to /v1/raw/<service>.

import { forgetShown, outputs, preview, showEvents } from "./answer.js";
import { byId, bytes, el, setText, timeText } from "./dom.js";
import { asField, declaredInputs, fieldsOf, valuesOf } from "./inputs.js";

const form = byId("call");
const fields = form.elements;
const STAGES = { queue: "b0", channel: "b1", engine: "b2" };

let service = "";
let declared = null; // What inputs.js has found.
let sending = null; // An AbortController, while a call is under way.

export function startTryIt() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sending) sending.abort();
    else send();
  });
  form.addEventListener("input", changed);
  byId("copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(byId("curl").textContent);
    setText(byId("copy"), "Copied");
    setTimeout(() => setText(byId("copy"), "Copy"), 1500);
  });
}

export function setService(name, hasSchema) {
  if (name === service) return;
  service = name;
  changed();
  if (hasSchema) useSchema();
}

// What /openapi.json says of the call: its inputs; of the raw call its keys and parameters.
async function useSchema() {
  try {
    const answer = await fetch("openapi.json");
    if (!answer.ok) return;
    const told = await answer.json();
    useRawNames(told.paths?.[`/v1/raw/${service}`]?.post?.parameters ?? []);
    declared = declaredInputs(told, service);
    if (declared) {
      byId("declared").replaceChildren(...fieldsOf(declared.inputs));
      byId("kind-form").hidden = false;
      for (const kind of ["text", "file"]) byId(`kind-${kind}`).hidden = declared.typed;
      fields.kind.value = "form";
      fields.live.checked = declared.streams;
    }
    changed();
  } catch {
    // The form works without it.
  }
}

function useRawNames(found) {
  const key = found.find((p) => p.name === "key") ?? {};
  const names = [key.example, key.schema?.default, ...(key.schema?.enum ?? [])].filter(Boolean);
  byId("keys").replaceChildren(...names.map((name) => el("option", { value: name })));
  if (names.length && fields.key.value === "data") fields.key.value = names[0];
  const lines = found.filter((p) => p.name?.startsWith("p."))
    .map((p) => `${p.name.slice(2)}=${p.schema?.default ?? p.schema?.enum?.[0] ?? ""}`);
  if (lines.length) fields.params.placeholder = lines.join("\n");
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function parameters() {
  return fields.params.value.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
}

async function base64(file) {
  const all = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < all.length; at += 0x8000) text += String.fromCharCode(...all.subarray(at, at + 0x8000));
  return { base64: btoa(text), type: file.type || "application/octet-stream" };
}

// A call, for fetch and for curl: {url, type, body, curl}; body() may have to read a file first.
// Throws an Error in words where the form is not filled in.
function request() {
  const kind = fields.kind.value;
  const live = fields.live.checked;
  const query = new URLSearchParams();
  if (fields.timeout.value.trim() && !(declared?.typed)) query.set("timeout_ms", fields.timeout.value.trim());
  if (kind === "form") return ofFields(query, live);
  if (declared?.typed) return asJson(declared.route, query, fields.text.value);
  const key = fields.key.value;
  const file = kind === "file" ? fields.file.files[0] : null;
  if (live) {
    for (const [name, value] of parameters()) query.append(`p.${name}`, value);
    const url = `/v1/json/${encodeURIComponent(service)}?${query}`;
    const value = async () => ({ [key || "data"]: file ? await base64(file) : kind === "json" ? JSON.parse(fields.text.value) : fields.text.value });
    const shown = file ? { [key || "data"]: { base64: ".." } } : { [key || "data"]: fields.text.value };
    return { url, type: "application/json", body: async () => JSON.stringify(await value()), curl: `--json ${quoted(JSON.stringify(shown))}`, file, kind };
  }
  if (key) query.set("key", key);
  if (fields.type.value) query.set("type", fields.type.value);
  for (const [name, value] of parameters()) query.append(`p.${name}`, value);
  const type = kind === "file" ? file?.type || "application/octet-stream"
    : kind === "json" ? "application/json" : "text/plain; charset=utf-8";
  const data = kind === "file" ? `--data-binary ${quoted(`@${file?.name ?? "picture.png"}`)}` : `--data-raw ${quoted(fields.text.value)}`;
  return {
    url: `/v1/raw/${encodeURIComponent(service)}?${query}`, type, body: () => (kind === "file" ? file : fields.text.value),
    curl: `-X POST -H ${quoted(`Content-Type: ${type}`)} \\\n  ${data}`, file, kind,
  };
}

const asJson = (url, query, text) => ({
  url: `${url}${query.size ? `?${query}` : ""}`, type: "application/json", body: () => text, curl: `--json ${quoted(text)}`, kind: "json",
});

// Each input by its name: as JSON, or as a form where there are files. What the fields of aiges.sdk
// declare goes as a form, so that a picture comes back as a picture.
function ofFields(query, live) {
  const values = valuesOf(form, declared.inputs);
  const files = values.some(([, value]) => value instanceof File);
  if (live && !declared.typed) {
    for (const [input, value] of values) if (input.parameter) query.append(`p.${input.name}`, asField(value));
    const payloads = values.filter(([input]) => !input.parameter);
    const shown = Object.fromEntries(payloads.map(([input, value]) => [input.name, value instanceof File ? { base64: ".." } : value]));
    return { ...asJson(`/v1/json/${encodeURIComponent(service)}`, query, JSON.stringify(shown)),
      body: async () => JSON.stringify(Object.fromEntries(await Promise.all(payloads.map(async ([input, value]) =>
        [input.name, value instanceof File ? await base64(value) : value])))) };
  }
  if (declared.typed && !files) {
    return asJson(declared.route, query, JSON.stringify(Object.fromEntries(values.map(([input, value]) => [input.name, value]))));
  }
  const body = new FormData();
  const parts = [];
  for (const [{ name }, value] of values) {
    body.append(name, value instanceof File ? value : asField(value));
    parts.push(value instanceof File ? `-F ${quoted(`${name}=@${value.name}`)}` : `--form-string ${quoted(`${name}=${asField(value)}`)}`);
  }
  return { url: `${declared.route}${query.size ? `?${query}` : ""}`, body: () => body, curl: parts.join(" \\\n  "), kind: "form" };
}

// What is wrong with the form, or an empty text.
function mistake(call) {
  if (call.kind === "file" && !call.file) return "Choose a file first.";
  if (call.kind !== "json" || fields.kind.value !== "json") return "";
  try {
    JSON.parse(fields.text.value);
    return "";
  } catch (error) {
    return `Not JSON: ${error.message}`;
  }
}

function changed() {
  const kind = fields.kind.value;
  byId("declared").hidden = kind !== "form";
  byId("file-row").hidden = kind !== "file";
  byId("text-row").hidden = kind === "file" || kind === "form";
  for (const id of ["raw-row", "params-row"]) byId(id).hidden = kind === "form" || declared?.typed === true;
  setText(byId("send-note"), "");
  try {
    const call = request();
    const events = fields.live.checked ? "-N -H 'Accept: text/event-stream' " : "";
    setText(byId("curl"), `curl ${events}${call.curl} \\\n  ${quoted(location.origin + call.url)}`);
  } catch (error) {
    setText(byId("curl"), error.message);
  }
}

async function send() {
  let call;
  try {
    call = request();
    const wrong = mistake(call);
    if (wrong) throw new Error(wrong);
  } catch (error) {
    setText(byId("send-note"), error.message);
    return;
  }
  const live = fields.live.checked;
  sending = new AbortController();
  setText(byId("send"), "Stop");
  setText(byId("send-note"), "Waiting for the answer");
  const begin = performance.now();
  try {
    const headers = { ...(call.type ? { "Content-Type": call.type } : {}), ...(live ? { Accept: "text/event-stream" } : {}) };
    const answer = await fetch(call.url, { method: "POST", headers, body: await call.body(), signal: sending.signal });
    const type = answer.headers.get("Content-Type") ?? "";
    if (type.startsWith("text/event-stream")) await showLive(answer, begin);
    else await show(answer, await answer.blob(), performance.now() - begin);
  } catch (error) {
    const stopped = error.name === "AbortError";
    head([[stopped ? "stopped" : "no answer", "bad"]], stopped ? "" : error.message);
    if (!live) byId("answer-body").replaceChildren();
    times("");
  } finally {
    sending = null;
    setText(byId("send"), "Send");
    setText(byId("send-note"), "");
  }
}

function head(pills, ...facts) {
  byId("answer-head").replaceChildren(...pills.map(([text, kind]) => el("span", { class: `pill ${kind}` }, text)),
    ...facts.filter(Boolean).map((fact) => el("span", {}, fact)));
}

// Text appears as the engine says it.
async function showLive(answer, begin) {
  forgetShown();
  const body = byId("answer-body");
  body.replaceChildren();
  times("");
  head([["coming", ""]], "answer as it comes");
  let first = 0;
  const seen = new MutationObserver(() => { first ||= performance.now() - begin; });
  seen.observe(body, { childList: true, characterData: true, subtree: true });
  try {
    const number = await showEvents(answer.body, body);
    head([[`${answer.status} ${answer.statusText}`.trim(), "good"]], timeText(performance.now() - begin),
      `${number} event${number === 1 ? "" : "s"}`, first ? `the first after ${timeText(first)}` : "");
  } catch (error) {
    if (error.name === "AbortError") throw error;
    head([["failed", "bad"]], error.message);
  } finally {
    seen.disconnect();
  }
}

async function show(answer, data, took) {
  const key = answer.headers.get("X-Output-Key");
  forgetShown();
  const found = await outputs(data, answer.headers.get("Content-Type") ?? "", key);
  head([[`${answer.status} ${answer.statusText}`.trim(), answer.ok ? "good" : "bad"]],
    timeText(took), bytes(data.size), found.length === 1 ? found[0][1] : `${found.length} outputs`, key && `key ${key}`);
  times(answer.headers.get("Server-Timing") ?? "");
  const shown = [];
  for (const [name, kind, part] of found) {
    if (found.length > 1) shown.push(el("p", {}, `${name} (${kind}, ${bytes(part.size)})`));
    shown.push(...await preview(part, kind, name || "The answer"));
  }
  byId("answer-body").replaceChildren(...shown);
}

// Server-Timing as a bar: "queue;dur=0.012, channel;dur=..".
function times(header) {
  const stages = [...header.matchAll(/(\w+);dur=([\d.]+)/g)].filter(([, name]) => name in STAGES);
  const all = stages.reduce((sum, [, , ms]) => sum + Number(ms), 0);
  byId("answer-times").hidden = byId("answer-legend").hidden = !(all > 0);
  byId("answer-times").replaceChildren(...stages.map(([, name, ms]) => {
    const part = el("i", { class: STAGES[name] });
    part.style.width = `${(100 * ms) / all}%`;
    return part;
  }));
  byId("answer-legend").replaceChildren(...stages.map(([, name, ms]) =>
    el("li", {}, el("i", { class: `dot ${STAGES[name]}` }), name, el("b", {}, timeText(Number(ms))))));
}
