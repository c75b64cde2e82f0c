// The tables: results of checks, rejects, runs; the certificate's state.

/** @param {string} state a class of the style sheet */
const stateOf = (state, words = state) => el("span", { class: `state ${state}` }, words);
/** @type {Record<string, string>} */
const OUTCOMES = { p: "passed", s: "skipped", w: "warned", f: "failed", "-": "did not run" };

/** @param {any[]} checks @param {[string, number, string][]} rejects */
function quality(checks, rejects) {
  let only = "all";
  const find = /** @type {HTMLInputElement} */ (byId("check-find"));
  const past = (/** @type {string} */ text) => {
    const told = [..."pwfs"].filter((k) => text.includes(k)).map((k) => `${[...text].filter((c) => c === k).length} ${OUTCOMES[k]}`);
    return el("span", { class: "past", role: "img", "aria-label": `last ${text.length} runs: ${told.join(", ")}` }, ...[...text].map((c) => el("i", { class: c === "-" ? "none" : c, title: OUTCOMES[c] })));
  };
  const row = (/** @type {any} */ c) => [
    stateOf(c.outcome), el("span", { class: "mono" }, c.name), el("span", { class: "mono" }, c.subject), c.expected,
    c.detail ? [document.createTextNode(c.found), el("small", {}, c.detail)] : c.found, past(c.history),
  ];
  const draw = () => {
    const words = find.value.trim().toLowerCase();
    const shown = checks.filter((c) => (only === "all" || c.outcome === only) && (!words || `${c.name} ${c.subject} ${c.detail}`.toLowerCase().includes(words)));
    if (!shown.length) return empty("checks", checks.length ? "No check matches." : "No check has run yet: check runs at the end of each run.");
    byId("checks").replaceChildren(table(["Result", "Check", "Subject", "Expected", "Found", "Last runs"], shown.map(row)));
  };
  const count = (/** @type {string} */ s) => checks.filter((c) => c.outcome === s).length;
  const kinds = ["fail", "warn", "pass", "skip"].filter((s) => s !== "skip" || count(s));
  choose("check-filter", [["all", `All ${checks.length}`], ...kinds.map((s) => /** @type {[string, string]} */ ([s, `${s[0].toUpperCase()}${s.slice(1)} ${count(s)}`]))], "all", (key) => { only = key; draw(); });
  find.addEventListener("input", draw);
  draw();
  if (!rejects.length) return empty("rejects", "None: every line that was read is a row, or one that was there already.");
  byId("rejects").replaceChildren(table(["Reason", ">Lines", "The first of them, as received"], rejects.map(([reason, lines, first]) => [el("span", { class: "mono" }, reason), say.whole(lines), el("code", {}, first)])));
}

/** @param {{id: string, at: number, holds: boolean, text: string} | null} made */
function certificate(made) {
  byId("certificate").replaceChildren(...(made
    ? [stateOf(made.holds ? "pass" : "fail", made.holds ? "Certified" : "The certificate does not hold"), ` ${made.text} `, el("small", {}, el("span", { class: "mono" }, made.id), `, ${when.day(made.at)} ${when.clock(made.at)} UTC`)]
    : [el("small", {}, "No certificate: nothing has signed this state of the lake yet.")]));
}

/** @param {any[]} runs */
function runHistory(runs) {
  if (!runs.length) {
    byId("run-plots").hidden = true;
    return empty("runs-table", "No run yet: cargo xtask local run makes the first.");
  }
  const costs = runs.some((r) => r.cost !== null);
  const row = (/** @type {any} */ r) => [
    el("span", { class: "mono" }, r.id), `${when.day(r.at)} ${when.clock(r.at)}`, r.seconds === null ? stateOf("fail", "not committed") : r.failed ? stateOf("warn", `${say.whole(r.failed)} left out`) : stateOf("pass", "done"),
    r.seconds === null ? "–" : say.time(r.seconds), say.whole(r.archives) + (r.failed ? ` of ${say.whole(r.archives + r.failed)}` : ""), say.bytes(r.bytes),
    ...r.rows.map(say.whole), ...(costs ? [r.cost === null ? "–" : say.dollars(r.cost)] : []),
  ];
  byId("runs-table").replaceChildren(table(["Run", "Started (UTC)", "Outcome", ">Time", ">Archives", ">Fetched", ">Rows read", ">Silver", ">Rejected", ">Duplicate", ...(costs ? [">Cost"] : [])], runs.map(row)));
}
