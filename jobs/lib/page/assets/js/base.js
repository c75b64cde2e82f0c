// What every part of the page uses: elements, words for numbers and times, buttons, the live region.

/** The data that the page was made with. */
const DATA = JSON.parse(byId("data").textContent ?? "{}");
const DAY = 86400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** An element; children are elements, strings or nothing. Texts are never parsed as HTML.
 * @param {string} tag @param {Record<string, any>} [set]
 * @param {...(Node|string|number|null|undefined|false)} children @returns {HTMLElement} */
function el(tag, set = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(set)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(node.style, value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");

/** Words for instants in seconds since the epoch; all of them are UTC. */
const when = {
  day(/** @type {number} */ t) { const d = new Date(t * 1000); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`; },
  short(/** @type {number} */ t) { const d = new Date(t * 1000); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`; },
  month(/** @type {number} */ t) { const d = new Date(t * 1000); return `${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`; },
  iso(/** @type {number} */ t) { return new Date(t * 1000).toISOString().slice(0, 10); },
  clock(/** @type {number} */ t) { const d = new Date(t * 1000); return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`; },
  /** The start of a bar of `step` seconds. @param {number} t @param {number} step */
  bar(t, step) { return step >= DAY ? when.day(t) : `${when.day(t)} ${when.clock(t)}`; },
};

const grouped = new Intl.NumberFormat("en");
const compacted = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
const say = {
  whole: (/** @type {number} */ n) => grouped.format(n),
  compact: (/** @type {number} */ n) => compacted.format(n),
  /** A price from a whole number of its smallest units: exact, digit by digit. @param {number} n @param {number} digits */
  price(n, digits) {
    const text = String(Math.abs(Math.round(n))).padStart(digits + 1, "0");
    const head = grouped.format(Number(text.slice(0, text.length - digits)));
    return (n < 0 ? "−" : "") + head + (digits ? "." + text.slice(text.length - digits) : "");
  },
  percent: (/** @type {number} */ x, digits = 2) => (x >= 0 ? "+" : "−") + Math.abs(x).toFixed(digits) + " %",
  time: (/** @type {number} */ s) => s < 90 ? `${s} s` : s < 5400 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`,
  /** Millionths of a dollar. @param {number} millionths */
  dollars: (millionths) => `$${(millionths / 1e6).toFixed(millionths < 1e5 ? 4 : 2)}`,
};

/** Tells those who listen rather than look. @param {string} text */
function tell(text) {
  byId("live").textContent = text;
}

/** Says in words why a place is empty. @param {string} id @param {string} words */
function empty(id, words) {
  byId(id).replaceChildren(el("p", { class: "empty" }, words));
}

/** A row of buttons of which one is pressed. Gives a function that presses another.
 * @param {string} id @param {[string, string][]} choices @param {string} now @param {(key: string) => void} chosen */
function choose(id, choices, now, chosen) {
  const group = byId(id);
  const press = (/** @type {string} */ key) => {
    for (const b of group.children) b.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (b).dataset.key === key));
  };
  const button = (/** @type {[string, string]} */ [key, label]) =>
    el("button", { type: "button", "data-key": key, onclick: () => { press(key); chosen(key); } }, label);
  group.replaceChildren(...choices.map(button));
  press(now);
  return press;
}

/** A table. A head that begins with ">" stands to the right. @param {string[]} heads @param {(string|Node|Node[])[][]} rows */
function table(heads, rows) {
  const right = heads.map((h) => h.startsWith(">"));
  const cell = (/** @type {string|Node|Node[]} */ content, /** @type {number} */ i) => {
    const long = typeof content === "string" && content.length > 40;
    const node = el("td", { class: right[i] ? "num" : long ? "text" : null });
    node.append(...(Array.isArray(content) ? content : [content]));
    return node;
  };
  const head = el("tr", {}, ...heads.map((h, i) => el("th", { scope: "col", class: right[i] ? "num" : null }, h.replace(">", ""))));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell)))));
}
