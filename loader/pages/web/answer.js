// SPDX-License-Identifier: Apache-2.0
// What came back, shown as what it is: picture, sound, film, JSON, text, or the first bytes.

import { bytes, el } from "./dom.js";

const LONGEST_TEXT = 200_000; // Of an answer, shown.
// What data are when nobody says it, by their first bytes.
const MAGIC = [
  [/^\x89PNG/, "image/png"], [/^\xff\xd8\xff/, "image/jpeg"], [/^GIF8/, "image/gif"], [/^BM/, "image/bmp"],
  [/^RIFF....WEBP/s, "image/webp"], [/^RIFF....WAVE/s, "audio/wav"], [/^ID3|^\xff[\xfb\xf3\xf2]/, "audio/mpeg"],
  [/^OggS/, "audio/ogg"], [/^fLaC/, "audio/flac"], [/^....ftyp/s, "video/mp4"],
];

let shownUrls = []; // Of the pictures and sounds on the page; given back with the next answer.

export function forgetShown() {
  shownUrls.forEach((url) => URL.revokeObjectURL(url));
  shownUrls = [];
}

// [key, type, data] of each output: several come as the parts of multipart/mixed, whose delimiter
// is random, and so in no data.
export async function outputs(data, header, key) {
  const boundary = /^multipart\/mixed;.*boundary=([\w-]+)/.exec(header)?.[1];
  if (!boundary) return [[key, await typeOf(data, header.split(";")[0]), data]];
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

export async function typeOf(data, said) {
  if (said && said !== "application/octet-stream") return said;
  const first = String.fromCharCode(...new Uint8Array(await data.slice(0, 16).arrayBuffer()));
  return MAGIC.find(([magic]) => magic.test(first))?.[1] ?? said ?? "application/octet-stream";
}

// Nodes for one output.
export async function preview(data, type, name = "The answer") {
  const tag = { image: "img", audio: "audio", video: "video" }[type.split("/")[0]];
  if (tag) {
    const url = URL.createObjectURL(data.slice(0, data.size, type));
    shownUrls.push(url);
    return [el(tag, { src: url, ...(tag === "img" ? { alt: `${name} as a picture` } : { controls: "", "aria-label": name }) })];
  }
  if (type === "application/octet-stream") return [await hex(data)];
  const text = await data.slice(0, LONGEST_TEXT).text();
  if (data.size > LONGEST_TEXT) return [pre(`${text}\n[${bytes(data.size - LONGEST_TEXT)} more]`)];
  const value = parsed(text);
  return value === undefined ? [pre(text)] : [pre(JSON.stringify(value, shortened, 2)), ...await filesIn(value)];
}

export const pre = (text) => el("pre", { tabindex: "0", role: "region", "aria-label": "Text of the answer" }, text);

function parsed(text) {
  try {
    return /^\s*[[{]/.test(text) ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

export const isFile = (value) => typeof value?.base64 === "string";
export const blobOf = ({ base64, type }) =>
  new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type: type ?? "" });

// A picture in JSON is for the eye, not for the reader of base64.
function shortened(key, value) {
  return key === "base64" && typeof value === "string" && value.length > 80
    ? `${value.slice(0, 60)}.. (${bytes(Math.floor(value.length * 0.75))})` : value;
}

// The pictures and sounds that lie in JSON as {"base64": .., "type": ..}.
async function filesIn(value, name = "result") {
  if (value === null || typeof value !== "object") return [];
  if (!isFile(value)) {
    return (await Promise.all(Object.entries(value).map(([key, each]) => filesIn(each, key)))).flat();
  }
  try {
    const data = blobOf(value);
    const type = await typeOf(data, value.type);
    return /^(image|audio|video)\//.test(type) ? await preview(data, type, name) : [];
  } catch {
    return []; // Not base64 after all.
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
  return pre(lines.join("\n"));
}

// An answer that comes in events ("data: <JSON>"), shown as it comes: text goes on where it
// stopped, all else is a line or a picture of its own. The number of events, or throws what the
// engine said.
export async function showEvents(stream, into) {
  let number = 0;
  for await (const { kind, data } of events(stream)) {
    const value = JSON.parse(data);
    if (kind === "error") throw new Error(value.error?.message ?? data);
    if (kind === "end") break;
    number += 1;
    const values = value !== null && typeof value === "object" && !isFile(value) ? Object.values(value) : [value];
    if (values.length === 1 && typeof values[0] === "string") {
      const last = into.lastElementChild;
      if (last?.dataset.text) last.append(values[0]);
      else into.append(Object.assign(pre(values[0])));
      into.lastElementChild.dataset.text = "1";
    } else {
      into.append(pre(JSON.stringify(value, shortened)), ...await filesIn(value));
    }
  }
  return number;
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    kept += value.replaceAll("\r", "");
    for (let end = kept.indexOf("\n\n"); end >= 0; end = kept.indexOf("\n\n")) {
      const lines = kept.slice(0, end).split("\n");
      kept = kept.slice(end + 2);
      const of = (name) => lines.filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trimStart());
      const data = of("data").join("\n");
      if (data) yield { kind: of("event")[0] ?? "message", data };
    }
  }
}
