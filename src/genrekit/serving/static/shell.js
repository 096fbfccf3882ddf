// Tabs, colours, dropping: what every part of the page shares, whoever answers.

const $ = (id) => document.getElementById(id);
const NAMES = [...document.querySelectorAll('[role="tab"]')].map((tab) => tab.id.replace("tab-", ""));

/** Show a tab, by its name, and hide the others. */
export function open(name, { focus = false } = {}) {
  if (!NAMES.includes(name)) return;
  for (const one of NAMES) {
    const tab = $(`tab-${one}`), chosen = one === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    $(`panel-${one}`).hidden = !chosen;
    if (chosen && focus) tab.focus();
  }
  dispatchEvent(new CustomEvent("tabchange", { detail: name }));
  if (location.hash.slice(1) !== name) history.replaceState(null, "", `#${name}`);
}

/** Tabs by mouse, by arrow keys and by address. */
export function wireTabs() {
  NAMES.forEach((name, number) => {
    const tab = $(`tab-${name}`);
    tab.addEventListener("click", () => open(name));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const to = { Home: 0, End: NAMES.length - 1 }[event.key] ?? (step && (number + step + NAMES.length) % NAMES.length);
      if (to === undefined) return;
      event.preventDefault();
      open(NAMES[to], { focus: true });
    });
  });
  addEventListener("hashchange", () => open(location.hash.slice(1)));
  open(location.hash.slice(1) || "track");
}

/** Light or dark, as the system or the button says. */
export function wireTheme() {
  const button = $("theme"), system = matchMedia("(prefers-color-scheme: dark)");
  const set = (dark) => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
    dispatchEvent(new Event("themechange"));
  };
  const kept = localStorage.getItem("genrekit-theme");
  set(kept ? kept === "dark" : system.matches);
  system.addEventListener("change", () => localStorage.getItem("genrekit-theme") || set(system.matches));
  button.addEventListener("click", () => {
    const dark = button.getAttribute("aria-pressed") !== "true";
    localStorage.setItem("genrekit-theme", dark ? "dark" : "light");
    set(dark);
  });
}

/** Files that are dropped anywhere go to `taken`, with what they were dropped on. */
export function wireDrop(taken) {
  let depth = 0;
  const over = (change) => {
    depth = change === 0 ? 0 : Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => carriesFiles(event) && over(1));
  addEventListener("dragleave", (event) => carriesFiles(event) && over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(0);
    const files = [...event.dataTransfer.files];
    if (files.length) taken(files, event.target);
  });
}
