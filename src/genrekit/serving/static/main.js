// Tabs, colours, dropping: what all parts of the page share.

import * as batch from "./batch.js";
import * as live from "./live.js";
import * as model from "./model.js";
import * as piles from "./piles.js";
import * as track from "./track.js";

const NAMES = ["track", "live", "batch", "piles", "model"];
const $ = (id) => document.getElementById(id);

function open(name, { focus = false } = {}) {
  if (!NAMES.includes(name)) return;
  for (const one of NAMES) {
    const tab = $(`tab-${one}`), chosen = one === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    $(`panel-${one}`).hidden = !chosen;
    if (chosen && focus) tab.focus();
  }
  if (name !== "live") live.end();
  if (location.hash.slice(1) !== name) history.replaceState(null, "", `#${name}`);
}

function wireTabs() {
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

function wireTheme() {
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

function wireDrop() {
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
    if (!files.length) return;
    if (!$("panel-piles").hidden) {
      piles.dropped(files);
    } else if (files.length === 1 && $("panel-batch").hidden) {
      open("track");
      track.analyse(files[0]);
    } else {
      open("batch");
      batch.add(files);
    }
  });
}

wireTheme();
wireTabs();
wireDrop();
track.wire();
live.wire();
batch.wire();
piles.wire();
model.load().then(track.lookForIndex).then(track.offerDemos);
