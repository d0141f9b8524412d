// SPDX-License-Identifier: Apache-2.0
// A chart as SVG, of lines or of bars: for the status page of a loader and for the report of xtest,
// which both have this very file in them. It imports nothing; all text goes in by textContent.
//
// A chart fills the width of its figure in pixels of the screen, so that its text is never scaled. What
// is under the pointer, or chosen with the arrow keys, is shown by all charts of its group.

const SIDE = { left: 54, right: 12, top: 12, bottom: 22 };
const LETTER = 6.6; // Width of a letter of the labels, on average: enough to see which would overlap.

export function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function node(tag, kind, ...children) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

// The next of 1, 2, 4, 5, 10, .. at or above: all are halved without fuss.
export function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].find((n) => n * power >= value * 0.9999) * power;
}

// Round values from low to high, `most` at most.
export function ticks(low, high, most) {
  if (!(high > low) || most < 2) return [low];
  const rough = (high - low) / (most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((n) => n * power >= rough * 0.9999) * power;
  const out = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) out.push(n * step);
  return out.length > most ? out.slice(0, most) : out;
}

// 1, 2, 5, 10, .. from low to high, or only powers of ten, or only some of those.
export function logTicks(low, high, most) {
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    const out = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
      for (const factor of factors) out.push(factor * 10 ** power);
    }
    const found = out.filter((v) => v >= low * 0.999 && v <= high * 1.001);
    if (found.length <= most) return found;
    if (factors.length === 1) return found.filter((v, i) => i % Math.ceil(found.length / most) === 0);
  }
  return [];
}

function scale(low, high, from, to, log) {
  const at = log ? Math.log10 : (value) => value;
  const span = at(high) - at(low);
  return (value) => (span > 0 ? from + ((at(value) - at(low)) / span) * (to - from) : (from + to) / 2);
}

export class Group {
  charts = [];
  chosen = null; // A value of the x axis.

  choose(x) {
    this.chosen = x;
    for (const chart of this.charts) chart.draw();
  }
}

// spec: title; series: [{name, format}]; format(y); x: {log, label, format, ticks(from, to)}; y: {log,
// least, label}; bars; height; group; latest: without a choice the last values are shown; say(text), of
// what the keys have chosen; hint.
export class Chart {
  constructor(figure, spec) {
    this.spec = { height: 150, group: new Group(), x: {}, y: {}, series: [{ name: "" }], hint: "", ...spec };
    this.width = 0;
    this.data = { lines: [], bars: [], marks: [] };
    this.moment = node("span", "muted");
    this.svg = shape("svg", { role: "img", tabindex: "0", "aria-label": spec.title });
    this.svg.style.height = `${this.spec.height}px`;
    this.values = this.spec.series.map(() => node("b"));
    figure.classList.add("chart");
    figure.replaceChildren(node("figcaption", "", spec.title, this.moment), this.svg, this.legend());
    this.spec.group.charts.push(this);
    new ResizeObserver(() => {
      this.width = this.svg.clientWidth;
      this.draw();
    }).observe(this.svg);
    const point = (event) => this.spec.group.choose(this.nearest(event.offsetX));
    this.svg.addEventListener("pointermove", point);
    this.svg.addEventListener("pointerdown", point);
    for (const leave of ["pointerleave", "blur"]) this.svg.addEventListener(leave, () => this.spec.group.choose(null));
    this.svg.addEventListener("keydown", (event) => this.onKey(event));
  }

  legend() {
    const items = this.spec.bars ? [] : this.spec.series.map((series, i) => node("li", "",
      shape("svg", { viewBox: "0 0 20 8", "aria-hidden": "true" }, shape("path", { class: `line s${i}`, d: "M1 4H19" })),
      series.name, this.values[i]));
    return node("ul", "legend", ...items);
  }

  // lines: of each series its stretches, each a list of [x, y]. bars: [from, to, height]. marks: [x,
  // name]. from, to: the ends of the x axis, where the data do not say them.
  show(data) {
    this.data = { lines: [], bars: [], marks: [], ...data };
    this.draw();
  }

  // All x that have a value, rising.
  places() {
    const found = this.spec.bars ? this.data.bars.map(([from, to]) => (this.spec.x.log ? Math.sqrt(from * to) : (from + to) / 2))
      : this.data.lines.flat(2).map(([x]) => x);
    return [...new Set(found)].sort((a, b) => a - b);
  }

  nearest(pixel) {
    if (!this.xAt) return null;
    return this.places().reduce((best, x) =>
      (best === null || Math.abs(this.xAt(x) - pixel) < Math.abs(this.xAt(best) - pixel) ? x : best), null);
  }

  onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
    const { group } = this.spec;
    const places = this.places();
    if (event.key === "Escape") return group.choose(null);
    if (step === undefined || places.length === 0) return;
    event.preventDefault();
    const now = group.chosen === null ? places.length - 1 : Math.max(0, places.findLastIndex((x) => x <= group.chosen));
    group.choose(places[Math.min(Math.max(now + step, 0), places.length - 1)]);
    const said = group.charts.map((chart) => chart.said()).filter(Boolean).join(", ");
    this.spec.say?.(`${this.moment.textContent.replace(/^at /, "")}: ${said}`);
  }

  said() {
    return this.spec.bars ? "" : this.spec.series.map((s, i) => `${s.name} ${this.values[i].textContent}`).join(", ");
  }

  usable(y) {
    return Number.isFinite(y) && (!this.spec.y.log || y > 0);
  }

  draw() {
    if (this.width < 80) return;
    const parts = this.spec.bars ? this.drawBars() : this.drawLines();
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.spec.height}`);
    this.svg.replaceChildren(...(parts ?? [
      shape("text", { x: this.width / 2, y: this.spec.height / 2, class: "mid" }, "nothing was measured"),
    ]));
  }

  drawLines() {
    const { spec, data } = this;
    const points = data.lines.flat(2).filter(([, y]) => this.usable(y));
    this.tell();
    if (points.length === 0 && data.from === undefined) return null;
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    const most = ys.reduce((a, b) => Math.max(a, b), spec.y.least ?? 0);
    const [low, high] = spec.y.log ? [ys.reduce((a, b) => Math.min(a, b)) * 0.8, most * 1.25] : [0, niceTop(most || 1)];
    const bottom = spec.height - SIDE.bottom;
    this.scaleX(data.from ?? xs.reduce((a, b) => Math.min(a, b)), data.to ?? xs.reduce((a, b) => Math.max(a, b)));
    const yAt = scale(low, high, bottom, SIDE.top, spec.y.log);
    const parts = this.axes(yAt, spec.y.log ? logTicks(low, high, 5) : [0, high / 2, high]);
    spec.series.forEach((series, i) => {
      for (const run of data.lines[i] ?? []) {
        const line = run.filter(([, y]) => this.usable(y)).map(([x, y]) => [this.xAt(x).toFixed(1), yAt(y).toFixed(1)]);
        if (line.length === 0) continue;
        const d = `M${line.map((p) => p.join(" ")).join("L")}`;
        if (i === 0 && spec.area) {
          parts.push(shape("path", { class: "fill f0", d: `${d}L${line.at(-1)[0]} ${bottom}L${line[0][0]} ${bottom}Z` }));
        }
        // A lone value has no length: its round cap is the dot.
        parts.push(shape("path", { class: `line s${i}`, d: line.length > 1 ? d : `${d}h0.1` }));
        if (spec.dots) for (const [cx, cy] of line) parts.push(shape("circle", { class: `f${i}`, cx, cy, r: 2.6 }));
      }
    });
    const { chosen } = spec.group;
    if (chosen !== null && chosen >= this.from && chosen <= this.to) {
      const x = this.xAt(chosen);
      parts.push(shape("line", { class: "cross", x1: x, x2: x, y1: SIDE.top, y2: bottom }));
      spec.series.forEach((series, i) => {
        const y = this.valueAt(i, chosen);
        if (this.usable(y)) parts.push(shape("circle", { class: `f${i}`, cx: x, cy: yAt(y), r: 3.5 }));
      });
    }
    return parts;
  }

  drawBars() {
    const { spec, data } = this;
    if (data.bars.length === 0) {
      this.moment.textContent = "";
      return null;
    }
    const bottom = spec.height - SIDE.bottom;
    const most = data.bars.reduce((a, [, , n]) => Math.max(a, n), 2) * 1.2;
    const low = spec.y.log ? 0.5 : 0; // Below 1, so that a single call can be seen.
    this.scaleX(data.bars[0][0], data.bars.at(-1)[1]);
    const yAt = scale(low, most, bottom, SIDE.top + 12, spec.y.log);
    const parts = this.axes(yAt, spec.y.log ? logTicks(1, most, 5) : ticks(0, most, 4));
    const chosen = data.bars.find(([from, to]) => from <= spec.group.chosen && spec.group.chosen < to);
    for (const bar of data.bars) {
      const [from, to, n] = bar;
      if (n <= 0) continue;
      const x = this.xAt(from);
      parts.push(shape("rect", { class: bar === chosen ? "bar chosen" : "bar", x, y: yAt(n), width: Math.max(1, this.xAt(to) - x - 1), height: bottom - yAt(n) }));
    }
    let free = 0;
    for (const [value, name] of data.marks) {
      const x = this.xAt(Math.min(Math.max(value, this.from), this.to));
      parts.push(shape("line", { class: "mark", x1: x, x2: x, y1: SIDE.top + 6, y2: bottom }));
      const half = (name.length * LETTER) / 2;
      const at = Math.min(Math.max(x, SIDE.left + half), this.width - half);
      if (at - half < free) continue; // The line stays; a name on another would be read by nobody.
      free = at + half + 4;
      parts.push(shape("text", { x: at, y: SIDE.top, class: "mid" }, name));
    }
    this.moment.textContent = chosen ? `${spec.x.format(chosen[0])} to ${spec.x.format(chosen[1])}: ${spec.format(chosen[2])} ${spec.y.label ?? ""}` : "";
    const names = data.marks.map(([value, name]) => `${name} ${spec.x.format(value)}`).join(", ");
    this.svg.setAttribute("aria-label", `${spec.title}: ${names}. ${spec.hint}`.trim());
    return parts;
  }

  scaleX(from, to) {
    [this.from, this.to] = [from, to];
    this.xAt = scale(from, to, SIDE.left, this.width - SIDE.right, this.spec.x.log);
  }

  axes(yAt, values) {
    const { spec } = this;
    const right = this.width - SIDE.right;
    const parts = [];
    for (const value of values) {
      const y = Math.round(yAt(value)) + 0.5;
      parts.push(shape("line", { class: "grid", x1: SIDE.left, x2: right, y1: y, y2: y }));
      parts.push(shape("text", { x: SIDE.left - 6, y: y + 4, class: "end" }, spec.format(value)));
    }
    const format = spec.x.format ?? String;
    const room = Math.max(2, Math.floor((right - SIDE.left) / 70));
    const marks = spec.x.ticks?.(this.from, this.to)
      ?? (spec.x.log ? logTicks(this.from, this.to, room) : ticks(this.from, this.to, room)).map((v) => [v, format(v)]);
    const label = spec.x.label ?? "";
    const end = label ? right - label.length * LETTER - 8 : this.width;
    let free = 0;
    for (const [value, text] of [...marks].sort((a, b) => a[0] - b[0])) {
      const half = (text.length * LETTER) / 2;
      const at = Math.min(Math.max(this.xAt(value), half), this.width - half);
      if (at - half < free || at + half > end) continue;
      free = at + half + 6;
      parts.push(shape("text", { x: at, y: spec.height - 6, class: "mid" }, text));
    }
    if (label) parts.push(shape("text", { x: right, y: spec.height - 6, class: "end" }, label));
    return parts;
  }

  valueAt(series, x) {
    for (const run of this.data.lines[series] ?? []) {
      const found = run.find((point) => point[0] === x);
      if (found) return found[1];
    }
    return null;
  }

  // The values of the chosen place, or of the last, in the legend and for those who listen.
  tell() {
    const { spec } = this;
    const { chosen } = spec.group;
    const at = chosen ?? (spec.latest ? this.data.to : null);
    this.moment.textContent = chosen === null ? "" : `at ${(spec.x.moment ?? spec.x.format ?? String)(chosen)}`;
    spec.series.forEach((series, i) => {
      const text = at === null || at === undefined ? "" : (series.format ?? spec.format)(this.valueAt(i, at));
      if (this.values[i].textContent !== text) this.values[i].textContent = text;
    });
    const values = at === null || at === undefined ? this.ranges() : this.said();
    this.svg.setAttribute("aria-label", `${spec.title}: ${values}. ${spec.hint}`.trim());
  }

  ranges() {
    return this.spec.series.map((series, i) => {
      const ys = (this.data.lines[i] ?? []).flat().map(([, y]) => y).filter((y) => this.usable(y));
      if (ys.length === 0) return `${series.name} nothing`;
      const format = series.format ?? this.spec.format;
      return `${series.name} ${format(ys.reduce((a, b) => Math.min(a, b)))} to ${format(ys.reduce((a, b) => Math.max(a, b)))}`;
    }).join(", ");
  }
}
