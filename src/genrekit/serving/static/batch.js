// Many files: two at a time, each with its own answer or error, and the lot as CSV.

import { withRetries, predict } from "./api.js";
import { colour, element, percent, ranked } from "./words.js";

const AT_ONCE = 2;
const AUDIO = /\.(mp3|flac|wav|ogg|oga|opus|m4a|aac|wma|aiff?|au|webm|mp4|mka)$/i;

const $ = (id) => document.getElementById(id);
let entries = []; // { file, name, row, prediction, problem }
let abort = null;

/** Whether a file of a folder is worth sending. */
export const looksLikeAudio = (file) => file.type.startsWith("audio/") || AUDIO.test(file.name);

/** Add files and work until all are answered. */
export async function add(files) {
  const fresh = files.map((file) => ({ file, name: file.webkitRelativePath || file.name, prediction: null, problem: null }));
  if (!fresh.length) {
    $("batch-empty").hidden = false;
    $("batch-empty").textContent = "There is no audio in it. Choose files named like music: .mp3, .flac, .wav, .ogg, .m4a.";
    return;
  }
  for (const entry of fresh) {
    entry.row = element("tr");
    $("batch-rows").append(entry.row);
    fill(entry);
  }
  entries.push(...fresh);
  $("batch-empty").hidden = true;
  $("batch-scroll").hidden = $("batch-busy").hidden = false;
  if (!abort) await work();
}

async function work() {
  abort = new AbortController();
  const { signal } = abort;
  $("batch-stop").hidden = false;
  const one = async () => {
    for (;;) {
      const entry = entries.find((each) => !each.prediction && !each.problem && !each.begun);
      if (!entry || signal.aborted) return;
      entry.begun = true;
      fill(entry);
      await answer(entry, signal);
      entry.begun = false;
      fill(entry);
      progress();
    }
  };
  progress();
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  abort = null;
  progress();
}

async function answer(entry, signal) {
  try {
    entry.prediction = await withRetries(() => predict(entry.file, {}, { signal }), signal);
  } catch (error) {
    if (error.name !== "AbortError") entry.problem = error;
  }
}

function fill({ row, name, prediction, problem, begun }) {
  const cells = [element("th", { scope: "row", text: name, title: name })];
  if (prediction) {
    const [first, ...rest] = ranked(prediction.scores);
    const told = prediction.genres.join(", ") || prediction.genre || "unknown";
    const dot = element("i");
    dot.style.setProperty("--colour", colour(prediction.genres[0] ?? ""));
    cells.push(element("td", { className: prediction.genres.length ? "" : "unknown" }, dot, told),
      element("td", { className: "number", text: percent(first[1]) }),
      element("td", { className: "quiet", text: rest.slice(0, 2).map(([genre, p]) => `${genre} ${percent(p)}`).join(", ") }));
  } else {
    const cell = element("td", { className: problem ? "failed" : "quiet", text: problem ? `${problem.title}: ${problem.message}` : begun ? "Listening" : "Waiting" });
    cell.colSpan = 3;
    cells.push(cell);
  }
  row.replaceChildren(...cells);
}

function progress() {
  const done = entries.filter((one) => one.prediction || one.problem).length;
  const failed = entries.filter((one) => one.problem).length;
  $("batch-bar").max = entries.length;
  $("batch-bar").value = done;
  const state = abort ? "" : done < entries.length ? " Stopped." : " Done.";
  $("batch-text").textContent = `${done} of ${entries.length} tracks${failed ? `, ${failed} could not be read` : ""}.${state}`;
  $("batch-stop").hidden = !abort;
  $("batch-csv").hidden = !done;
  $("batch-retry").hidden = Boolean(abort) || done - failed === entries.length;
  $("batch-retry").textContent = failed ? "Try the failed again" : "Go on";
  tally();
}

function tally() {
  const counts = new Map();
  for (const { prediction } of entries) if (prediction) counts.set(prediction.genre ?? "unknown", (counts.get(prediction.genre ?? "unknown") ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  $("batch-tally").setAttribute("aria-label", `Genres found: ${sorted.map(([genre, n]) => `${genre} ${n}`).join(", ")}`);
  $("batch-tally").replaceChildren(...sorted.map(([genre, n]) => {
    const part = element("span", { title: `${genre}: ${n}`, text: `${genre} ${n}` });
    part.style.setProperty("--n", n);
    part.style.setProperty("--colour", colour(genre));
    return part;
  }));
}

/** The answers as CSV; a cell never begins like a formula. */
export function csv() {
  const quoted = (value) => {
    const text = String(value ?? "");
    return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  const head = ["track", "genre", "probability", "second", "second_probability", "seconds", "model", "warnings", "error"];
  const lines = entries.filter((one) => one.prediction || one.problem).map(({ name, prediction, problem }) => {
    if (!prediction) return [name, "", "", "", "", "", "", "", problem.message];
    const [first = [], second = []] = ranked(prediction.scores);
    return [name, prediction.genres.join("; ") || prediction.genre, first[1]?.toFixed(4), second[0], second[1]?.toFixed(4),
      prediction.seconds.toFixed(2), `${prediction.model.name} ${prediction.model.version}`, prediction.warnings.join("; "), ""];
  });
  return [head, ...lines].map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}

function save() {
  const link = element("a", { href: URL.createObjectURL(new Blob(["\ufeff", csv()], { type: "text/csv;charset=utf-8" })), download: "genres.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function wire() {
  for (const id of ["batch-files", "batch-folder"]) {
    const input = $(id);
    input.addEventListener("change", () => {
      const files = [...input.files];
      add(id === "batch-folder" ? files.filter(looksLikeAudio) : files);
      input.value = "";
    });
  }
  $("batch-stop").addEventListener("click", () => abort?.abort());
  $("batch-csv").addEventListener("click", save);
  $("batch-retry").addEventListener("click", () => {
    for (const entry of entries) entry.problem = null;
    for (const entry of entries) fill(entry);
    work();
  });
}
