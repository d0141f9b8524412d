// SPDX-License-Identifier: Apache-2.0
// Small tools for the page. All text goes in by textContent: what engines and clients wrote stays text.

export const byId = (id) => document.getElementById(id);

// el("td", {class: "n"}, "text", child, ..)
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Only what changed is touched, so that a selection or the focus survives the next second.
export function setText(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

// A big number with a small unit.
export function setFigure(node, [number, unit]) {
  const wanted = unit ? `${number} ${unit}` : number;
  if (node.dataset.shown === wanted) return;
  node.dataset.shown = wanted;
  node.replaceChildren(number, ...(unit ? [" ", el("small", {}, unit)] : []));
}

// rows: arrays of cells; a cell is a text, or {text, class, dot, pill, title}. Labels are the heads,
// for phones.
export function setRows(table, rows) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, r) => {
    const row = body.rows[r] || body.insertRow();
    cells.forEach((cell, c) => {
      const { text = cell, class: kind = "", dot } = cell ?? {};
      const td = row.cells[c] || row.insertCell();
      const name = `${heads[c].className} ${kind}`.trim();
      if (td.className !== name) td.className = name;
      td.dataset.label = heads[c].textContent;
      if (cell?.title) td.title = cell.title;
      if (td.dataset.shown === String(text)) return;
      td.dataset.shown = text;
      if (dot) td.replaceChildren(el("i", { class: `dot ${dot}` }), text);
      else if (cell && cell.pill) td.replaceChildren(el("span", { class: `pill ${cell.pill}` }, text));
      else td.textContent = text ?? "";
    });
  });
}

export function setFacts(list, facts) {
  list.replaceChildren(...facts.flatMap(([name, value, kind]) =>
    [el("dt", {}, name), el("dd", kind ? { class: kind } : {}, String(value))]));
}

const whole = new Intl.NumberFormat("en");

export const count = (n) => whole.format(n);

// Three digits that matter.
export function short(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  const size = Math.abs(n);
  if (size >= 1e6) return `${+(n / 1e6).toPrecision(3)} M`;
  if (size >= 1e4) return `${+(n / 1e3).toPrecision(3)} k`;
  if (size >= 100) return whole.format(Math.round(n));
  if (size >= 10) return String(+n.toFixed(1));
  return String(+n.toFixed(2));
}

// [number, unit] of a time in ms.
export function time(ms) {
  if (ms === null || ms === undefined) return ["–", ""];
  if (ms < 1) return [short(ms * 1000), "µs"];
  if (ms < 1000) return [short(ms), "ms"];
  return [short(ms / 1000), "s"];
}
export const timeText = (ms) => time(ms).join(" ").trim();

export function bytes(n) {
  if (n < 1024) return `${n} bytes`;
  if (n < 1 << 20) return `${short(n / 1024)} KB`;
  return `${short(n / (1 << 20))} MB`;
}

export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function ago(seconds) {
  if (seconds < 2) return "just now";
  return `${span(seconds < 3600 && seconds >= 60 ? Math.floor(seconds / 60) * 60 : seconds).replace(" 0 s", "")} ago`;
}

export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
