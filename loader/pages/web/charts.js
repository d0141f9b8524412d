// SPDX-License-Identifier: Apache-2.0
// The curves: one SVG per chart, drawn anew with each sample. A moment under the pointer, or chosen
// with the arrow keys, is shown in all charts, its values in their legends.

import { byId, clock, el, setText } from "./dom.js";

const HEIGHT = 150;
const SIDE = { left: 46, right: 6, top: 10, bottom: 20 };
const MINUTE_MS = 60_000; // The axis shows one minute at first, five at most.
const LONGEST_GAP_MS = 3500; // Between samples: then the line is broken.

const charts = [];
let samples = []; // Rows of /status.json, oldest first; column 0 is the time.
let chosen = null; // Time of the moment looked at.

// series: {name, column, format}. unit: of the axis. least: the axis reaches at least to here.
export function makeChart(figure, { title, series, format, least }) {
  const moment = el("span", { class: "muted" });
  const svg = el("svg", { role: "img", tabindex: "0", "aria-label": title });
  const values = series.map(() => el("b"));
  const legend = el("ul", { class: "legend" }, ...series.map((s, i) => {
    const swatch = el("svg", { viewBox: "0 0 20 8", "aria-hidden": "true" },
      el("path", { class: `line s${i}`, d: "M1 4H19" }));
    return el("li", {}, swatch, s.name, values[i]);
  }));
  figure.replaceChildren(el("figcaption", {}, title, moment), svg, legend);
  const chart = { svg, series, format, least, moment, values, title, width: 0 };
  charts.push(chart);
  new ResizeObserver(() => {
    chart.width = svg.clientWidth;
    draw(chart);
  }).observe(svg);
  svg.addEventListener("pointermove", (event) => choose(timeAt(chart, event.offsetX)));
  svg.addEventListener("pointerdown", (event) => choose(timeAt(chart, event.offsetX)));
  svg.addEventListener("pointerleave", () => choose(null));
  svg.addEventListener("blur", () => choose(null));
  svg.addEventListener("keydown", onKey);
}

export function setSamples(rows) {
  samples = rows;
  for (const chart of charts) draw(chart);
}

function onKey(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
  if (event.key === "Escape") return choose(null);
  if (step === undefined || samples.length === 0) return;
  event.preventDefault();
  const now = chosen === null ? samples.length - 1 : nearest(chosen);
  choose(samples[Math.min(Math.max(now + step, 0), samples.length - 1)][0]);
  setText(byId("said"), `${clock(chosen)}: ${charts.flatMap((c) => c.series.map((s, i) =>
    `${s.name} ${c.values[i].textContent}`)).join(", ")}`);
}

function choose(time) {
  chosen = time === null || samples.length === 0 ? null : samples[nearest(time)][0];
  for (const chart of charts) draw(chart);
}

function nearest(time) {
  let best = 0;
  samples.forEach((s, i) => {
    if (Math.abs(s[0] - time) < Math.abs(samples[best][0] - time)) best = i;
  });
  return best;
}

const windowMs = () => Math.min(5, Math.max(1, Math.ceil((end() - (samples[0]?.[0] ?? 0)) / MINUTE_MS))) * MINUTE_MS;
const end = () => (samples.length ? samples[samples.length - 1][0] : 0);
const plotWidth = (chart) => chart.width - SIDE.left - SIDE.right;
const xAt = (chart, time) => SIDE.left + (1 - (end() - time) / windowMs()) * plotWidth(chart);
const timeAt = (chart, x) => end() - (1 - (x - SIDE.left) / plotWidth(chart)) * windowMs();

// The next of 1, 2, 4, 5, 10, .. at or above: all are halved without fuss.
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].find((n) => n * power >= value * 0.9999) * power;
}

function draw(chart) {
  if (chart.width < 80) return;
  const seen = samples.filter((s) => s[0] >= end() - windowMs());
  const most = Math.max(0, ...seen.flatMap((s) => chart.series.map((x) => s[x.column] ?? 0)));
  const top = niceTop(Math.max(most, chart.least));
  const bottom = HEIGHT - SIDE.bottom;
  const yAt = (value) => bottom - (value / top) * (bottom - SIDE.top);
  const parts = axes(chart, top, yAt);
  chart.series.forEach((series, i) => {
    const runs = runsOf(seen, series.column).map((run) =>
      run.map(([time, value]) => [xAt(chart, time).toFixed(1), yAt(value).toFixed(1)]));
    for (const run of runs) {
      const d = `M${run.map((p) => p.join(" ")).join("L")}`;
      if (i === 0) {
        parts.push(el("path", { class: "fill f0", d: `${d}L${run.at(-1)[0]} ${bottom}L${run[0][0]} ${bottom}Z` }));
      }
      // A lone sample has no length: its round cap is the dot.
      parts.push(el("path", { class: `line s${i}`, d: run.length > 1 ? d : `${d}h0.1` }));
    }
  });
  const row = samples.length === 0 ? null : samples[chosen === null ? samples.length - 1 : nearest(chosen)];
  if (chosen !== null && row) {
    const x = xAt(chart, row[0]);
    parts.push(el("line", { class: "cross", x1: x, x2: x, y1: SIDE.top, y2: bottom }));
    chart.series.forEach((series, i) => {
      const value = row[series.column];
      if (value !== null) parts.push(el("circle", { class: `f${i}`, cx: x, cy: yAt(value), r: 3.5 }));
    });
  }
  chart.svg.setAttribute("viewBox", `0 0 ${chart.width} ${HEIGHT}`);
  chart.svg.replaceChildren(...parts);
  setText(chart.moment, chosen === null ? "" : `at ${clock(chosen)}`);
  chart.series.forEach((series, i) => {
    setText(chart.values[i], row ? (series.format || chart.format)(row[series.column]) : "–");
  });
  chart.svg.setAttribute("aria-label", `${chart.title}: ${chart.series.map((s, i) =>
    `${s.name} ${chart.values[i].textContent}`).join(", ")}. Arrow keys move through the last minutes.`);
}

function axes(chart, top, yAt) {
  const right = chart.width - SIDE.right;
  const parts = [];
  for (const value of [0, top / 2, top]) {
    const y = Math.round(yAt(value)) + 0.5;
    parts.push(el("line", { class: "grid", x1: SIDE.left, x2: right, y1: y, y2: y }));
    parts.push(el("text", { x: SIDE.left - 6, y: y + 4, "text-anchor": "end" }, chart.format(value)));
  }
  const minutes = windowMs() / MINUTE_MS;
  const steps = minutes === 1 ? 4 : minutes;
  for (let step = 0; step <= steps; step += 1) {
    const x = right - (step / steps) * plotWidth(chart);
    const label = step === 0 ? "now" : minutes === 1 ? `−${step * 15} s` : `−${step} min`;
    parts.push(el("text", { x, y: HEIGHT - 5, "text-anchor": step ? "middle" : "end" }, label));
  }
  return parts;
}

// Stretches without a missing value, as [time, value].
function runsOf(rows, column) {
  const runs = [];
  let last = -Infinity;
  for (const row of rows) {
    const value = row[column];
    if (value === null) {
      last = -Infinity;
      continue;
    }
    if (row[0] - last > LONGEST_GAP_MS) runs.push([]);
    runs.at(-1).push([row[0], value]);
    last = row[0];
  }
  return runs;
}
