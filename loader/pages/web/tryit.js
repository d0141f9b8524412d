// SPDX-License-Identifier: Apache-2.0
// The form that sends one call to /v1/raw/<service>, and shows what came back.

import { byId, bytes, el, setText, timeText } from "./dom.js";

const form = byId("call");
const fields = form.elements;
const LONGEST_TEXT = 200_000; // Of an answer, shown.
const STAGES = { queue: "b0", channel: "b1", engine: "b2" };
// What data are when nobody says it, by their first bytes.
const MAGIC = [
  [/^\x89PNG/, "image/png"], [/^\xff\xd8\xff/, "image/jpeg"], [/^GIF8/, "image/gif"], [/^BM/, "image/bmp"],
  [/^RIFF....WEBP/s, "image/webp"], [/^RIFF....WAVE/s, "audio/wav"], [/^ID3|^\xff[\xfb\xf3\xf2]/, "audio/mpeg"],
  [/^OggS/, "audio/ogg"], [/^fLaC/, "audio/flac"], [/^....ftyp/s, "video/mp4"],
];

let service = "";
let shownUrls = []; // Of the pictures and sounds on the page; given back with the next answer.

export function startTryIt() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
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

// What /openapi.json says of this call: its input, its parameters.
async function useSchema() {
  try {
    const answer = await fetch("openapi.json");
    if (!answer.ok) return;
    const found = (await answer.json()).paths?.[`/v1/raw/${service}`]?.post?.parameters ?? [];
    const key = found.find((p) => p.name === "key") ?? {};
    const names = [key.example, key.schema?.default, ...(key.schema?.enum ?? [])].filter(Boolean);
    byId("keys").replaceChildren(...names.map((name) => el("option", { value: name })));
    if (names.length && fields.key.value === "data") fields.key.value = names[0];
    const declared = found.filter((p) => p.name?.startsWith("p."));
    const lines = declared.map((p) => `${p.name.slice(2)}=${p.schema?.default ?? p.schema?.enum?.[0] ?? ""}`);
    if (lines.length) fields.params.placeholder = lines.join("\n");
    changed();
  } catch {
    // The form works without it.
  }
}

function parameters() {
  return fields.params.value.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
}

function request() {
  const query = new URLSearchParams();
  if (fields.key.value) query.set("key", fields.key.value);
  if (fields.type.value) query.set("type", fields.type.value);
  for (const [name, value] of parameters()) query.append(`p.${name}`, value);
  if (fields.timeout.value.trim()) query.set("timeout_ms", fields.timeout.value.trim());
  const kind = fields.kind.value;
  const file = kind === "file" ? fields.file.files[0] : null;
  const type = kind === "file" ? file?.type || "application/octet-stream"
    : kind === "json" ? "application/json" : "text/plain; charset=utf-8";
  const url = `/v1/raw/${encodeURIComponent(service)}?${query}`;
  return { url, type, file, body: kind === "file" ? file : fields.text.value };
}

// What is wrong with the form, or an empty text.
function mistake({ body }) {
  if (!body && fields.kind.value === "file") return "Choose a file first.";
  if (fields.kind.value !== "json") return "";
  try {
    JSON.parse(body);
    return "";
  } catch (error) {
    return `Not JSON: ${error.message}`;
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function changed() {
  const isFile = fields.kind.value === "file";
  byId("file-row").hidden = !isFile;
  byId("text-row").hidden = isFile;
  const { url, type, file, body } = request();
  const data = isFile ? `--data-binary ${quoted(`@${file?.name ?? "picture.png"}`)}` : `--data-raw ${quoted(body)}`;
  setText(byId("curl"), `curl -X POST -H ${quoted(`Content-Type: ${type}`)} \\\n  ${data} \\\n  ${quoted(location.origin + url)}`);
  setText(byId("send-note"), "");
}

async function send() {
  const call = request();
  const wrong = mistake(call);
  setText(byId("send-note"), wrong);
  if (wrong) return;
  byId("send").disabled = true;
  setText(byId("send-note"), "Waiting for the answer");
  const begin = performance.now();
  try {
    const answer = await fetch(call.url, { method: "POST", headers: { "Content-Type": call.type }, body: call.body });
    const data = await answer.blob();
    await show(answer, data, performance.now() - begin);
  } catch (error) {
    head([["no answer", "bad"]], error.message);
    byId("answer-body").replaceChildren();
    times("");
  } finally {
    byId("send").disabled = false;
    setText(byId("send-note"), "");
  }
}

function head(pills, ...facts) {
  byId("answer-head").replaceChildren(...pills.map(([text, kind]) => el("span", { class: `pill ${kind}` }, text)),
    ...facts.filter(Boolean).map((fact) => el("span", {}, fact)));
}

async function show(answer, data, took) {
  const said = (answer.headers.get("Content-Type") ?? "").split(";")[0];
  const type = await typeOf(data, said);
  const key = answer.headers.get("X-Output-Key");
  head([[`${answer.status} ${answer.statusText}`.trim(), answer.ok ? "good" : "bad"]],
    timeText(took), bytes(data.size), type, key && `key ${key}`);
  times(answer.headers.get("Server-Timing") ?? "");
  shownUrls.forEach((url) => URL.revokeObjectURL(url));
  shownUrls = [];
  const found = await outputs(data, answer.headers.get("Content-Type") ?? "", key, type);
  const shown = [];
  for (const [name, kind, part] of found) {
    if (found.length > 1) shown.push(el("p", {}, `${name} (${kind}, ${bytes(part.size)})`));
    shown.push(await body(part, kind));
  }
  byId("answer-body").replaceChildren(...shown);
}

// [key, type, data] of each output: several come as the parts of multipart/mixed, whose delimiter
// is random, and so in no data.
async function outputs(data, header, key, type) {
  const boundary = /^multipart\/mixed;.*boundary=([\w-]+)/.exec(header)?.[1];
  if (!boundary) return [[key, type, data]];
  const all = new Uint8Array(await data.arrayBuffer());
  let text = ""; // A character for each byte, so that places in it are places in the data.
  for (let at = 0; at < all.length; at += 0x8000) text += String.fromCharCode(...all.subarray(at, at + 0x8000));
  const found = [];
  const line = `--${boundary}\r\n`;
  for (let at = text.indexOf(line); at >= 0; at = text.indexOf(line, at + 1)) {
    const begin = text.indexOf("\r\n\r\n", at) + 4;
    const head = text.slice(at, begin);
    const part = data.slice(begin, text.indexOf(`\r\n--${boundary}`, begin));
    const said = /^content-type: *([^;\r]+)/im.exec(head)?.[1] ?? "";
    found.push([nameIn(head), await typeOf(part, said), part]);
  }
  return found;
}

// The key in the head of a part, whose characters are bytes of UTF-8.
function nameIn(head) {
  const coded = /name="([^"]*)"/.exec(head)?.[1] ?? "";
  return new TextDecoder().decode(Uint8Array.from(coded, (c) => c.charCodeAt(0)));
}

async function typeOf(data, said) {
  if (said && said !== "application/octet-stream") return said;
  const first = String.fromCharCode(...new Uint8Array(await data.slice(0, 16).arrayBuffer()));
  return MAGIC.find(([magic]) => magic.test(first))?.[1] ?? said ?? "application/octet-stream";
}

async function body(data, type) {
  const tag = { image: "img", audio: "audio", video: "video" }[type.split("/")[0]];
  if (tag) {
    const url = URL.createObjectURL(data.slice(0, data.size, type));
    shownUrls.push(url);
    const attributes = tag === "img" ? { alt: "The answer as a picture" } : { controls: "" };
    return el(tag, { src: url, ...attributes });
  }
  if (type === "application/octet-stream") return hex(data);
  const text = await data.slice(0, LONGEST_TEXT).text();
  const rest = data.size > LONGEST_TEXT ? `\n[${bytes(data.size - LONGEST_TEXT)} more]` : "";
  return el("pre", { tabindex: "0" }, (rest ? text : pretty(text)) + rest);
}

function pretty(text) {
  try {
    return /^\s*[[{]/.test(text) ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch {
    return text;
  }
}

async function hex(data) {
  const first = new Uint8Array(await data.slice(0, 512).arrayBuffer());
  const lines = [];
  for (let at = 0; at < first.length; at += 16) {
    const row = [...first.slice(at, at + 16)];
    const numbers = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${numbers.padEnd(47)}  ${letters}`);
  }
  if (data.size > first.length) lines.push(`[${bytes(data.size - first.length)} more]`);
  return el("pre", { tabindex: "0" }, lines.join("\n"));
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
