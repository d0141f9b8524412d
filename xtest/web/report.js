// SPDX-License-Identifier: Apache-2.0
// Draws the figures of the report out of their data-chart, by chart.js, which stands before this in
// the same script.

const whole = new Intl.NumberFormat("en");

function shortNumber(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1e9) return `${+(value / 1e9).toPrecision(3)}G`;
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return value >= 100 ? whole.format(Math.round(value)) : String(+value.toPrecision(3));
}

function shortTime(ns) {
  if (!Number.isFinite(ns)) return "–";
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
    if (ns >= size * 0.9995) return `${+(ns / size).toPrecision(3)} ${unit}`;
  }
  return `${Math.round(ns)} ns`;
}

const overTime = new Group(); // Charts over the seconds of the run show the same moment.
for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const told = JSON.parse(figure.dataset.chart);
  const hint = "Arrow keys move through the values.";
  if (told.kind === "bars") {
    new Chart(figure, {
      title: told.title, bars: true, height: 220, hint, format: shortNumber,
      x: { log: true, format: shortTime, label: "latency" }, y: { log: true, label: "calls" },
    }).show({ bars: told.bars, marks: told.marks });
    continue;
  }
  const seconds = told.x === "seconds";
  new Chart(figure, {
    title: told.title, height: 220, hint, dots: told.dots, series: told.series,
    format: told.unit === "ns" ? shortTime : shortNumber, ...(seconds ? { group: overTime } : {}),
    x: { format: seconds ? (x) => `${+x.toFixed(1)} s` : shortNumber, label: seconds ? "" : told.x }, y: { log: told.log },
  }).show({ lines: told.series.map(({ runs }) => runs) });
}
