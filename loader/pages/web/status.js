// SPDX-License-Identifier: Apache-2.0
// The status page: asks /status.json once a second for what it does not have yet, and shows it.

import { callsQuery, forgetCalls, startCalls, takeCalls } from "./calls.js";
import { makeChart, setSamples } from "./charts.js";
import { ago, byId, bytes, clock, count, el, setFacts, setFigure, setRows, setText, short, span, time, timeText } from "./dom.js";
import { setService, startTryIt } from "./tryit.js";

const PERIOD_MS = 1000;
const ANSWER_LIMIT_MS = 5000;
const MEANINGS = {
  0: "Success", 10000: "Body is not JSON", 10001: "A field cannot be read", 10003: "No such operation",
  10004: "Mode is not served", 10008: "No such session", 10009: "Input is missing or malformed",
  10101: "Session is over", 10102: "Deadline passed, or client gone", 10105: "Handle is in use",
  10106: "Output is not what was expected", 10109: "Worker died or is not available",
  10110: "Refused: licences or queue are full", 10401: "Input is not protobuf", 10901: "wrapperInit failed",
  10903: "Loading a resource failed", 10904: "Unloading a resource failed", 10905: "wrapperCreate failed",
  10907: "wrapperWrite failed", 10908: "wrapperRead failed", 10909: "The engine failed", 10910: "The engine's callback failed",
};
const STATES = { ready: "good", starting: "", backoff: "bad", stopped: "" };
const MODEL_STATES = { ready: "good", loading: "", unloading: "", unloaded: "", failed: "bad" };
const STAGE_BARS = { queue: "b0", channel: "b1", engine: "b2", total: "" };
const COLUMN = { time: 0, calls: 1, errors: 2, items: 3, p50: 4, p99: 5, queued: 6, hand: 7, sessions: 8 };

let loader = null; // started_ms of the process whose figures these are.
let next = 0; // First sample wanted.
let lastFailure = 0;
let samples = [];
let failures = new Map(); // By id, the newest last.
let timer = 0;
let asking = false;
let answered = performance.now();
let skew = 0; // The loader's clock minus ours.

async function ask() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(`status.json?history=${next}&failures=${lastFailure}${callsQuery()}`,
      { cache: "no-store", signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    take(await answer.json());
    answered = performance.now();
    byId("stale").hidden = true;
  } catch (error) {
    setText(byId("stale"), `No answer from the loader for ${span((performance.now() - answered) / 1000)} (${error.message}). Figures are old; the page keeps asking.`);
    byId("stale").hidden = false;
    setText(byId("state"), "No answer");
    byId("state").className = "pill bad";
  } finally {
    asking = false;
    timer = setTimeout(ask, PERIOD_MS);
  }
}

function take(data) {
  if (data.started_ms !== loader) {
    const restarted = loader !== null;
    [loader, next, lastFailure, samples, failures] = [data.started_ms, 0, 0, [], new Map()];
    byId("errors").replaceChildren();
    forgetCalls();
    if (restarted) return; // The numbers that were asked with are of another process.
  }
  skew = data.now_ms - Date.now();
  samples = [...samples, ...data.history.samples].slice(-data.history.kept);
  next = data.history.next;
  lastFailure = data.failures.last;
  showHead(data);
  showTiles(data);
  setSamples(samples);
  showModels(data.models);
  showInstances(data.instances);
  takeFailures(data.failures);
  takeCalls(data.calls, failures, data.models !== undefined);
  showStages(data.stages);
  showAnswers(data);
  showExtras(data);
  setService(data.service, data.openapi);
}

function showHead(data) {
  setText(byId("service"), data.service);
  document.title = `${data.ready ? "" : "▲ "}${data.service} · AIGES`;
  setText(byId("state"), data.ready ? "Ready" : "Not ready");
  byId("state").className = `pill ${data.ready ? "good" : "bad"}`;
  byId("docs").hidden = !data.openapi;
  const facts = byId("facts");
  if (facts.children.length === 0) {
    facts.replaceChildren(el("span", {}), el("span", {}, "gRPC ", el("code", {}, data.grpc)),
      el("span", {}, "HTTP ", el("code", {}, data.http)));
  }
  const file = userFile(data.instances[0]?.plugin ?? "");
  setText(facts.children[0], `${file ? `${file}, ` : ""}AIGES ${data.version}, up ${span(data.up_s)}`);
  setText(byId("version"), `AIGES ${data.version}`);
}

function showTiles({ queue, instances, answers, sessions }) {
  const last = samples.at(-1);
  const of = (column) => (last ? last[column] : null);
  const all = answers.reduce((sum, a) => sum + a.count, 0);
  const failed = answers.filter((a) => a.code !== 0).reduce((sum, a) => sum + a.count, 0)
    + sessions.failures.reduce((sum, f) => sum + f.count, 0);
  setFigure(byId("t-calls"), [short(of(COLUMN.calls)), "/s"]);
  setText(byId("t-calls-sub"), `${count(all)} since the start`);
  setFigure(byId("t-p99"), time(of(COLUMN.p99)));
  setText(byId("t-p99-sub"), `median ${timeText(of(COLUMN.p50))}`);
  setFigure(byId("t-errors"), [short(of(COLUMN.errors)), "/s"]);
  byId("t-errors").classList.toggle("hot", of(COLUMN.errors) > 0);
  setText(byId("t-errors-sub"), `${count(failed)} since the start`);
  setFigure(byId("t-hand"), [count(queue.in_flight), `of ${count(queue.licences)}`]);
  setText(byId("t-hand-sub"), sessions.open ? `${count(sessions.open)} are sessions` : "licences in use");
  byId("t-hand-meter").value = queue.licences ? queue.in_flight / queue.licences : 0;
  setFigure(byId("t-queue"), [count(queue.queued), ""]);
  setText(byId("t-queue-sub"), bytes(queue.queued_bytes));
  const ready = instances.filter((i) => i.state === "ready").length;
  const restarts = instances.reduce((sum, i) => sum + i.restarts, 0);
  setFigure(byId("t-inst"), [String(ready), `of ${instances.length} ready`]);
  byId("t-inst").classList.toggle("hot", ready < instances.length);
  setText(byId("t-inst-sub"), `${count(restarts)} restart${restarts === 1 ? "" : "s"}`);
}

// "/usr/lib/libwrapper.so (python 3.11.2, wrapper.py)" in the words of who wrote it.
function userFile(plugin) {
  const [, python, file] = /\(python ([\d.]+)(?:, (.+))?\)$/.exec(plugin) ?? [];
  return python ? `${file ?? "Python code"} on Python ${python}` : plugin.replace(/^.*\/(?=[^/]+$)/, "");
}

// Of a loader with [models]; one without does not tell of them.
function showModels(models) {
  byId("models-card").hidden = !models;
  if (!models) return;
  setRows(byId("models"), models.map((m) => [
    m.name, m.version, { text: m.state, pill: MODEL_STATES[m.state] || "idle" }, m.instances,
    `${Math.round(m.memory_bytes / 1048576)} MB`, count(m.calls), count(m.failed), m.queued, m.reason || "–",
  ]));
}

function showInstances(instances) {
  setRows(byId("instances"), instances.map((i) => [
    i.index, { text: i.state, pill: STATES[i.state] || "idle" }, i.pid ?? "–", count(i.restarts), count(i.calls),
    { text: `${i.outstanding} of ${i.window}`, title: "Calls in it, and how many it is given at once" },
    { text: userFile(i.plugin) || i.plugin, title: i.plugin }, i.last_error || "–",
  ]));
}

function takeFailures({ entries, kept }) {
  for (const failure of entries) {
    failures.delete(failure.id);
    failures.set(failure.id, failure);
  }
  for (const kind of ["call", "session", "worker"]) {
    const ids = [...failures.values()].filter((f) => f.kind === kind).map((f) => f.id);
    for (const id of ids.slice(0, -kept)) failures.delete(id);
  }
  const list = byId("errors");
  const shown = new Map([...list.children].map((node) => [Number(node.dataset.id), node]));
  for (const [id, node] of shown) if (!failures.has(id)) node.remove();
  // In the order in which they came up first: what happens again does not move under the finger.
  for (const failure of entries.sort((a, b) => a.id - b.id)) {
    let node = shown.get(failure.id);
    if (!node) list.prepend(node = emptyEntry(failure));
    fill(node, failure);
  }
  const now = Date.now() + skew;
  for (const node of list.children) {
    setText(node.querySelector(".when"), ago((now - failures.get(Number(node.dataset.id)).last_ms) / 1000));
  }
  byId("no-errors").hidden = failures.size > 0;
}

function emptyEntry({ id, kind, code, instance, text }) {
  const isWorker = kind === "worker";
  return el("details", { class: "fail", "data-id": id },
    el("summary", {}, el("span", { class: "badge" }, isWorker ? "worker" : String(code)),
      el("span", { class: "what" }, isWorker ? `Worker ${instance} ${text}` : text),
      el("span", { class: "meta muted" }, el("span", { class: "when" }), el("span", { class: "times" }))),
    el("div", { class: "more" }, el("dl"), el("h3", {}, isWorker ? "Its last output" : "Traceback"),
      el("pre", { tabindex: "0", role: "region", "aria-label": isWorker ? "Its last output" : "Traceback" })));
}

function fill(node, failure) {
  const repeated = failure.count > 1;
  setText(node.querySelector(".times"), `×${count(failure.count)}`);
  node.querySelector(".times").hidden = !repeated;
  setFacts(node.querySelector("dl"), [
    ["What", failure.kind === "worker" ? "the end of a worker" : `a ${failure.kind}: ${MEANINGS[failure.code] ?? "error"}`],
    ["When", repeated ? `first ${clock(failure.first_ms)}, last ${clock(failure.last_ms)}` : clock(failure.last_ms)],
    ...(failure.instance === null ? [] : [[repeated ? "Instance, last" : "Instance", failure.instance]]),
    ...(failure.sid ? [[repeated ? "sid, last" : "sid", failure.sid]] : []),
  ]);
  setText(node.querySelector("pre"), failure.detail);
  for (const part of node.querySelectorAll("h3, pre")) part.hidden = !failure.detail;
}

function showStages(stages) {
  const names = Object.keys(STAGE_BARS);
  setRows(byId("stages"), names.map((name) => [
    { text: name, dot: STAGE_BARS[name] }, ...["mean_ms", "p50_ms", "p90_ms", "p99_ms"].map((key) => timeText(stages[name][key])),
  ]));
  const parts = names.filter((name) => name !== "total" && stages[name].mean_ms);
  const all = parts.reduce((sum, name) => sum + stages[name].mean_ms, 0);
  const bar = byId("share");
  if (bar.children.length === 0) bar.replaceChildren(...["b0", "b1", "b2"].map((kind) => el("i", { class: kind })));
  ["queue", "channel", "engine"].forEach((name, i) => {
    bar.children[i].style.width = all ? `${(100 * (stages[name].mean_ms ?? 0)) / all}%` : "0";
    bar.children[i].hidden = !all;
  });
  bar.setAttribute("aria-label", `Mean time of a call: ${parts.map((name) => `${name} ${timeText(stages[name].mean_ms)}`).join(", ")}`);
}

function showAnswers({ answers, sessions, queue }) {
  const rows = answers.map((a) => [{ text: a.code, class: "code" }, MEANINGS[a.code] ?? "", count(a.count)]);
  setRows(byId("answers"), rows.length ? rows : [["–", "No call yet", "0"]]);
  const facts = [];
  if (sessions.opened) {
    facts.push(`Sessions: ${count(sessions.opened)} opened, ${count(sessions.open)} open, ${count(sessions.items)} outputs`);
    for (const f of sessions.failures) facts.push(`${count(f.count)} failed with ${f.code}`);
    if (sessions.expired) facts.push(`${count(sessions.expired)} idle for too long`);
    if (sessions.aborted) facts.push(`${count(sessions.aborted)} ended by the client`);
  }
  if (queue.unwanted) facts.push(`${count(queue.unwanted)} results came too late`);
  if (queue.replayed) facts.push(`${count(queue.replayed)} calls ran once more after a worker died`);
  setText(byId("sessions"), facts.join(" · "));
}

function showExtras({ registry, config, meters, admin_token: token, http }) {
  const facts = [];
  if (registry) {
    facts.push(["Registry", `${registry.backend}, ${registry.connected ? "connected" : "not connected"}`, registry.connected ? "" : "bad"]);
    facts.push(["Registered", registry.registered ? `as ${registry.id}` : "no", registry.registered ? "" : "bad"]);
    facts.push(["Requests", `${count(registry.requests)}, ${count(registry.failures)} failed`]);
    if (registry.problem) facts.push(["Problem", registry.problem, "bad"]);
  }
  if (config) {
    facts.push(["Configuration", `${config.revision}${config.cached ? ", as kept from an earlier start" : ""}`]);
    facts.push(["Pushes", `${count(config.applied)} applied, ${count(config.refused)} refused`]);
    if (config.refusal) facts.push(["Refused", config.refusal, "bad"]);
    for (const key of config.restart) facts.push(["At next start", key]);
  }
  byId("registry").hidden = facts.length === 0;
  const list = byId("registry").querySelector("dl");
  const shown = JSON.stringify(facts);
  if (list.dataset.shown !== shown) {
    list.dataset.shown = shown;
    setFacts(list, facts);
  }
  const units = Object.entries(meters ?? {});
  byId("meters").hidden = units.length === 0;
  setRows(byId("meters").querySelector("table"), units.map(([key, n]) => [key, count(n)]));
  byId("reload").hidden = !token;
  byId("no-token").hidden = token;
  setText(byId("reload-curl"), `curl -X POST http://${http}/admin/reload`);
}

// The only thing on this page that changes the loader; it needs the token.
function startReload() {
  const form = byId("reload");
  form.addEventListener("input", () => { byId("reload-button").disabled = !form.elements.token.value; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    byId("reload-button").disabled = true;
    setText(byId("reload-note"), "Starting new workers");
    try {
      const answer = await fetch("admin/reload",
        { method: "POST", headers: { Authorization: `Bearer ${form.elements.token.value}` } });
      const said = await answer.json();
      setText(byId("reload-note"), answer.ok ? `Reloaded at ${clock(Date.now())}`
        : `Refused (${answer.status}): ${said.header?.message ?? ""}`);
    } catch (error) {
      setText(byId("reload-note"), `Failed: ${error.message}`);
    } finally {
      byId("reload-button").disabled = !form.elements.token.value;
    }
  });
}

const perSecond = (n) => (n === null || n === undefined ? "–" : short(n));
const milliseconds = (ms) => (ms === null || ms === undefined ? "–" : ms === 0 ? "0" : timeText(ms));

makeChart(byId("c-rate"), { title: "Calls and errors, per second", least: 5, format: perSecond, series: [
  { name: "calls", column: COLUMN.calls }, { name: "errors", column: COLUMN.errors }, { name: "session outputs", column: COLUMN.items }] });
makeChart(byId("c-latency"), { title: "Latency", least: 0.1, format: milliseconds, series: [
  { name: "median", column: COLUMN.p50 }, { name: "p99", column: COLUMN.p99 }] });
makeChart(byId("c-load"), { title: "Calls in hand and waiting", least: 5, format: perSecond, series: [
  { name: "in hand", column: COLUMN.hand }, { name: "waiting", column: COLUMN.queued }, { name: "sessions", column: COLUMN.sessions }] });
startCalls(MEANINGS);
byId("calls-box").addEventListener("toggle", ask);
startTryIt();
startReload();
document.addEventListener("visibilitychange", ask);
ask();
