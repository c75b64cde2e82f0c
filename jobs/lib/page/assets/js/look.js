// How the page looks around itself: the reader's theme, the section in view.

/** The theme: the system's, light, dark. */
function theme() {
  const button = byId("theme"), names = ["Auto", "Light", "Dark"], root = document.documentElement;
  let now = 0;
  try { now = Math.max(0, names.indexOf(localStorage.getItem("theme") ?? "")); } catch { /* a page from a disk may have no storage */ }
  const put = () => {
    if (now) root.dataset.theme = names[now].toLowerCase(); else delete root.dataset.theme;
    button.textContent = names[now];
    button.setAttribute("aria-label", `Theme: ${names[now]}`);
  };
  put();
  button.addEventListener("click", () => {
    now = (now + 1) % 3;
    try { localStorage.setItem("theme", names[now]); } catch { /* then it is not remembered */ }
    put();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** Which section is in view. */
function sections() {
  const links = [...document.querySelectorAll("nav a")];
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) for (const a of links) {
      if (a.getAttribute("href") === `#${target.id}`) a.setAttribute("aria-current", "true"); else a.removeAttribute("aria-current");
    }
  }, { rootMargin: "-30% 0px -60%" });
  for (const s of document.querySelectorAll("main > section[id]")) seen.observe(s);
}
