// The results of checks: those of one kind, and those with some words.

function checks() {
  const rows = [...document.querySelectorAll("#checks tbody tr")].map((node) => /** @type {HTMLElement} */ (node));
  const find = /** @type {HTMLInputElement} */ (byId("check-find")), none = el("p", { class: "empty" }, "No check matches.");
  let only = "all";
  const draw = () => {
    const words = find.value.trim().toLowerCase();
    for (const row of rows) row.hidden = only !== "all" && row.dataset.outcome !== only || !(row.textContent ?? "").toLowerCase().includes(words);
    if (rows.some((row) => !row.hidden)) none.remove(); else byId("checks").append(none);
  };
  byId("check-tools").hidden = !rows.length;
  const many = (/** @type {string} */ kind) => rows.filter((row) => row.dataset.outcome === kind).length;
  const kinds = ["fail", "warn", "pass", "skip"].filter((kind) => kind !== "skip" || many(kind));
  const choices = kinds.map((kind) => /** @type {[string, string]} */ ([kind, `${kind[0].toUpperCase()}${kind.slice(1)} ${many(kind)}`]));
  choose("check-filter", [["all", `All ${rows.length}`], ...choices], "all", (kind) => { only = kind; draw(); });
  find.addEventListener("input", draw);
}
