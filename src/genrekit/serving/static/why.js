// Why: what a genre rests on, laid over the spectrogram, in words, and to listen to.

import { explain, patiently } from "./api.js";
import * as deck from "./deck.js";
import { clock, element, percent, ranked } from "./words.js";

const CONTEXT_SECONDS = 0.5;
const $ = (id) => document.getElementById(id);
let asked = null; // { file, model } of the answer that is shown
let abort = new AbortController();

/** Forget the explanation of the last track. */
export function reset() {
  abort.abort();
  asked = null;
  clear();
  $("why").hidden = true;
}

function clear() {
  $("why-answer").hidden = $("why-bar").hidden = true;
  $("why-lead").hidden = false;
  $("why-sentence").textContent = "";
  deck.setWhy(null);
}

/** Offer to explain an answer: its best genre, or any other. */
export function offer(file, prediction) {
  const { name, version } = prediction.model;
  asked = { file, model: `${name}@${version}` };
  $("why-genre").replaceChildren(...ranked(prediction.scores).map(([genre]) => element("option", { value: genre, text: genre })));
  $("why").hidden = false;
}

async function ask() {
  if (!$("why-bar").hidden) { // the button says Stop
    abort.abort();
    return;
  }
  abort = new AbortController();
  const { signal } = abort, { file, model } = asked, genre = $("why-genre").value;
  clear();
  $("why-bar").hidden = false;
  $("why-ask").textContent = "Stop";
  $("why-sentence").textContent = "Hiding one second after another. This takes a few seconds.";
  try {
    const found = await patiently(() => explain(file, { genre, model, spectrogram: false, time_line: false }, { signal }), signal);
    if (!signal.aborted) show(found);
  } catch (error) {
    if (abort.signal === signal) $("why-sentence").textContent = signal.aborted ? "" : `${error.title}: ${error.message} ${error.advice ?? ""}`;
  } finally {
    if (abort.signal === signal) {
      $("why-bar").hidden = true;
      $("why-ask").textContent = "Show why";
    }
  }
}

function show(found) {
  $("why-lead").hidden = true;
  $("why-answer").hidden = false;
  $("why-name").textContent = found.genre;
  $("why-sentence").textContent = said(found);
  parts($("why-for"), found.speaks_for, "No second alone speaks for it.");
  parts($("why-against"), found.speaks_against, "No second alone speaks against it.");
  $("why-rows").replaceChildren(...found.occlusion.map((one) => element("tr", {},
    ...[exact(one.start_seconds), exact(one.end_seconds), change(one.loss)].map((text) => element("td", { text })))));
  deck.setWhy(found);
}

/** Seconds with a tenth where they are not whole. */
function exact(seconds) {
  const tenths = Math.round((seconds % 1) * 10) % 10;
  return clock(Math.round(seconds * 10) / 10) + (tenths ? `.${tenths}` : "");
}

/** What happens without a part, in points of probability. */
function change(loss) {
  const points = Math.abs(loss) * 100;
  if (points < 0.05) return "hardly changes";
  const size = points < 0.95 ? points.toFixed(1) : Math.round(points);
  return `${loss > 0 ? "falls" : "rises"} by ${size} ${size === 1 ? "point" : "points"}`;
}

const pitch = (hz) => (hz < 1000 ? `${Math.round(hz)} Hz` : `${(hz / 1000).toFixed(1)} kHz`);
const span = (one) => `${exact(one.start_seconds)} to ${exact(one.end_seconds)}`;

/** The picture in words. */
function said({ genre, probability, speaks_for: [first], speaks_against: [worst], patches }) {
  const has = `Here ${genre} has ${percent(probability)}.`;
  const rests = first ? `It rests most on ${span(first)}: with that hidden it ${change(first.loss)}.` : "No second alone carries it: it rests on the whole.";
  const against = worst ? `What speaks most against it is ${span(worst)}: with that hidden it ${change(worst.loss)}.` : "";
  const placed = patches.filter((one) => one.low_hz !== null).sort((a, b) => b.loss - a.loss);
  const patch = placed[0]?.loss > 0.0005 ? `In the spectrogram it rests most on what sounds between ${pitch(placed[0].low_hz)} and ${pitch(placed[0].high_hz)} from ${span(placed[0])}.` : "";
  return [has, rests, against, patch].filter(Boolean).join(" ");
}

function parts(list, spans, none) {
  list.replaceChildren(...spans.map((one) => {
    const button = element("button", { type: "button", className: "part", "aria-label": `Play ${span(one)}: with that hidden it ${change(one.loss)}` },
      element("span", { className: "triangle", "aria-hidden": "true" }), element("span", { className: "when", text: span(one) }), element("span", { className: "quiet", text: change(one.loss) }));
    button.addEventListener("click", () => deck.playPart(Math.max(0, one.start_seconds - CONTEXT_SECONDS), one.end_seconds + CONTEXT_SECONDS));
    return element("li", {}, button);
  }));
  if (!spans.length) list.replaceChildren(element("li", { className: "quiet", text: none }));
}

export function wire() {
  $("why-ask").addEventListener("click", ask);
  $("why-genre").addEventListener("change", () => {
    abort.abort();
    clear();
  });
  const lay = () => deck.layWhy($("why-shown").checked, $("why-strength").value / 100);
  $("why-shown").addEventListener("change", lay);
  $("why-strength").addEventListener("input", lay);
  lay();
}
