// SPDX-License-Identifier: Apache-2.0
// The search of the site, in a worker: every word must stand in a section as it is typed, so that
// names (max_bytes), numbers (10110) and Chinese are found, which stemming and splitting at blanks
// would lose. Speaks with the search plugin's main.js.
const MOST = 40, AROUND = 90;
let sections = [], waiting = null;

fetch("search_index.json").then((answer) => answer.json()).then((index) => {
  // A page as a whole is there, too: its sections say the same, and where.
  const found = index.docs.filter(({location}) =>
    location.includes("#") && !location.startsWith("files/"));
  sections = found.map((doc) => ({
    ...doc, low: doc.text.toLowerCase(), head: doc.title.toLowerCase(),
  }));
  postMessage({config: index.config});
  postMessage({allowSearch: true});
  if (waiting !== null) answer(waiting);
});

// A word in a title counts for more than one in the text, and a whole title for most.
function rank(section, words) {
  let sum = 0;
  for (const word of words) {
    const times = section.low.split(word).length - 1;
    if (section.head.includes(word)) sum += section.head === word ? 30 : 10;
    else if (times === 0) return 0;
    sum += Math.min(times, 5);
  }
  return sum;
}

function summary(section, words) {
  const at = Math.max(0, section.low.indexOf(words.find((word) => section.low.includes(word))));
  const from = Math.max(0, at - AROUND);
  const text = section.text.slice(from, at + AROUND);
  return `${from ? "…" : ""}${text}…`;
}

function answer(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length === 0 ? [] : sections
    .map((section) => ({section, rank: rank(section, words)}))
    .filter((each) => each.rank > 0)
    .sort((a, b) => b.rank - a.rank)
    .slice(0, MOST);
  postMessage({results: found.map(({section}) => ({
    location: section.location, title: section.title, summary: summary(section, words),
  }))});
}

onmessage = (event) => {
  if (event.data.query === undefined) return;
  if (sections.length) answer(event.data.query); else waiting = event.data.query;
};
