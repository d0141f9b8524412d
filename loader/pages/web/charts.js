// SPDX-License-Identifier: Apache-2.0
// The curves of the last minutes: chart.js, with the samples of /status.json, a new one each second.

import { Chart, Group } from "./chart.js";
import { byId, clock, setText } from "./dom.js";

const MINUTE_MS = 60_000; // The axis shows one minute at first, five at most.
const LONGEST_GAP_MS = 3500; // Between samples: then the line is broken.

const group = new Group();
const charts = [];

// series: {name, column, format}. least: the axis reaches at least to here.
export function makeChart(figure, { title, series, format, least }) {
  charts.push(new Chart(figure, {
    title, series, format, group, y: { least }, x: { ticks: minutes, moment: clock }, latest: true, area: true,
    hint: "Arrow keys move through the last minutes.", say: (text) => setText(byId("said"), text),
  }));
}

// Rows of /status.json, oldest first; column 0 is the time.
export function setSamples(rows) {
  const end = rows.length ? rows.at(-1)[0] : 0;
  const whole = Math.min(5, Math.max(1, Math.ceil((end - (rows[0]?.[0] ?? 0)) / MINUTE_MS)));
  const from = end - whole * MINUTE_MS;
  const seen = rows.filter((row) => row[0] >= from);
  if (group.chosen !== null && group.chosen < from) group.chosen = null;
  for (const chart of charts) {
    chart.show({ from, to: end, lines: chart.spec.series.map((series) => runsOf(seen, series.column)) });
  }
}

function minutes(from, to) {
  const whole = Math.round((to - from) / MINUTE_MS);
  const steps = whole === 1 ? 4 : whole;
  return Array.from({ length: steps + 1 }, (_, step) => [to - (step / steps) * (to - from),
    step === 0 ? "now" : whole === 1 ? `−${step * 15} s` : `−${step} min`]);
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
