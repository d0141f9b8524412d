// SPDX-License-Identifier: Apache-2.0
// The list of the last calls: asked for only while it is open, filtered here, one line a call.

import { byId, bytes, clock, count, el, setText, timeText } from "./dom.js";

const MOST = 300; // Lines kept; the loader keeps 200 and those that failed.
const BARS = [["queue_ms", "b0"], ["channel_ms", "b1"], ["engine_ms", "b2"]];

let last = 0; // Number of the last call that is known.
let calls = []; // The newest last.
let several = false;
let meanings = {};
let failures = new Map();

export function startCalls(meaningOf) {
  meanings = meaningOf;
  byId("calls-filter").addEventListener("input", show);
  byId("calls-failed").addEventListener("input", show);
}

// What /status.json is to be asked for.
export const callsQuery = () => (byId("calls-box").open ? `&calls=${last}` : "");

export function forgetCalls() {
  [last, calls] = [0, []];
  byId("calls").replaceChildren();
}

// failed: the entries of recent errors by their id, with text and traceback.
export function takeCalls(told, failed, hasModels) {
  [failures, several] = [failed, hasModels];
  if (!told) return;
  last = told.last;
  const fresh = told.entries.map((row) => Object.fromEntries(told.columns.map((name, i) => [name, row[i]])));
  if (fresh.length === 0 && calls.length > 0) return;
  calls = [...calls, ...fresh].slice(-MOST);
  show();
}

function words(call) {
  return [call.code === 0 ? "ok" : call.code, meanings[call.code], call.protocol, call.model, call.id,
    call.session ? "session" : "", failures.get(call.failure)?.text].join(" ").toLowerCase();
}

function show() {
  const wanted = byId("calls-filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const bad = byId("calls-failed").checked;
  const found = calls.filter((call) => (!bad || call.code !== 0) && wanted.every((word) => words(call).includes(word)));
  const list = byId("calls");
  const open = new Set([...list.querySelectorAll("details[open]")].map((node) => Number(node.dataset.number)));
  const nodes = new Map([...list.children].map((node) => [Number(node.dataset.number), node]));
  list.replaceChildren(...found.toReversed().map((call) => nodes.get(call.number) ?? line(call, open.has(call.number))));
  setText(byId("calls-none"), calls.length === 0 ? "No call yet." : found.length === 0 ? "None of them matches." : `${count(found.length)} of ${count(calls.length)}`);
}

function line(call, open) {
  const good = call.code === 0;
  const summary = el("summary", {}, el("span", { class: "when" }, clock(call.unix_ms)),
    el("span", { class: `badge ${good ? "good" : ""}` }, good ? "ok" : String(call.code)),
    el("span", { class: "what" }, [several ? call.model : "", call.protocol, call.session ? "session" : ""].filter(Boolean).join(" · "), " ", el("code", {}, call.id)),
    el("span", { class: "meta muted" }, timeText(call.total_ms)));
  const node = el("details", { class: "fail call", "data-number": call.number, ...(open ? { open: "" } : {}) }, summary);
  // Most are never opened.
  node.addEventListener("toggle", () => { if (node.open && node.children.length === 1) node.append(detail(call)); });
  if (open) node.append(detail(call));
  return node;
}

function detail(call) {
  const facts = [["Code", `${call.code}${meanings[call.code] ? `, ${meanings[call.code]}` : ""}`], ["Request", call.id],
    ["Model", call.model], ["Protocol", call.protocol], ["Data in", bytes(call.bytes_in)], ["Data out", bytes(call.bytes_out)], ["Took", timeText(call.total_ms)]];
  if (call.session) facts.push(["Outputs", count(call.outputs)]);
  else facts.push(...BARS.map(([name]) => [`of that ${name.replace("_ms", "")}`, timeText(call[name])]));
  if (call.instance !== null) facts.push(["Instance", call.instance]);
  const failure = failures.get(call.failure);
  const all = BARS.reduce((sum, [name]) => sum + call[name], 0);
  const bar = el("div", { class: "share", "aria-hidden": "true" }, ...BARS.map(([name, kind]) => {
    const part = el("i", { class: kind });
    part.style.width = all ? `${(100 * call[name]) / all}%` : "0";
    return part;
  }));
  return el("div", { class: "more" },
    el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))])),
    ...(call.session || !all ? [] : [bar]),
    ...(failure ? [el("h3", {}, "Error"), box(failure.text, "Error")] : []),
    ...(failure?.detail ? [el("h3", {}, "Traceback"), box(failure.detail, "Traceback")] : []));
}

const box = (text, label) => el("pre", { tabindex: "0", role: "region", "aria-label": label }, text);
