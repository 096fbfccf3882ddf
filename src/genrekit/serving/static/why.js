// Why: what a genre rests on, laid over the spectrogram, in words, and to listen to.

import { explain, withRetries } from "./api.js";
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
  $("why-sentence").textContent = "Hiding one second after another, in three ways. This takes a while.";
  try {
    const found = await withRetries(() => explain(file, { genre, model, spectrogram: false }, { signal }), signal);
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
  const holds = holding(found);
  $("why-sentence").textContent = said(found, holds);
  verdicts(found, holds);
  parts($("why-for"), found.speaks_for, "There is no evidence that any second alone speaks for it.");
  parts($("why-against"), found.speaks_against, "There is no evidence that any second alone speaks against it.");
  $("why-rows").replaceChildren(...found.occlusion.map((one) => element("tr", {},
    ...[exact(one.start_seconds), exact(one.end_seconds), one.evidence ? change(one.loss) : "no evidence"].map((text) => element("td", { text })))));
  deck.setWhy({ ...found, faded: !holds.map });
}

/** Under the sentence: what was tested, and with what result. */
function verdicts(found, holds) {
  const lines = [["Seconds", found.verdict, holds.seconds], ["Map", found.patch_verdict, holds.map], ["Time line", found.line_verdict, true]];
  $("why-verdicts").replaceChildren(...lines.filter(([, text]) => text).map(([name, text, good]) => element("li", { className: good ? "" : "failed" },
    element("strong", { text: `${name}: ` }), `${text.replace(/\.$/, "")}.${good ? "" : " It is drawn faded."}`)));
}

/** Seconds with a tenth where they are not whole. */
function exact(seconds) {
  const tenths = Math.round((seconds % 1) * 10) % 10;
  return clock(Math.round(seconds * 10) / 10) + (tenths ? `.${tenths}` : "");
}

/** What happens without a part, in odds. */
function change(loss) {
  const times = Math.exp(Math.abs(loss));
  if (times < 1.01) return "odds hardly change";
  if (times < 1.995) return `odds ${loss > 0 ? "fall" : "rise"} by ${Math.round(loss > 0 ? 100 * (1 - 1 / times) : 100 * (times - 1))} %`;
  const size = times < 9.95 ? times.toFixed(1) : times < 1e4 ? Math.round(times) : "over 10000";
  return `odds ${loss > 0 ? "fall" : "rise"} ${size} times`;
}

const pitch = (hz) => (hz < 1000 ? `${Math.round(hz)} Hz` : `${(hz / 1000).toFixed(1)} kHz`);
const span = (one) => `${exact(one.start_seconds)} to ${exact(one.end_seconds)}`;

/** The picture in words; what no test supports is not said. */
function said({ genre, probability, speaks_for: [first], speaks_against: [worst], patches }, { seconds, map }) {
  const has = `Here ${genre} has ${percent(probability)}.`;
  const rests = first ? `It rests most on ${span(first)}: with that hidden its ${change(first.loss)}.` : seconds ? "No second alone carries it: it rests on the whole." : "Which seconds it rests on cannot be said.";
  const against = worst ? `What speaks most against it is ${span(worst)}: with that hidden its ${change(worst.loss)}.` : "";
  const placed = patches.filter((one) => one.low_hz !== null && one.evidence).sort((a, b) => b.loss - a.loss);
  const patch = map && placed[0]?.loss > 0 ? `In the spectrogram it rests most on what sounds between ${pitch(placed[0].low_hz)} and ${pitch(placed[0].high_hz)} from ${span(placed[0])}.` : "";
  return [has, rests, against, patch].filter(Boolean).join(" ");
}

/** What holds: seconds where the ways of hiding agree, the map where it also passes its test. */
function holding({ agreement, patch_agreement: patches, patch_faithfulness: test }) {
  return { seconds: agreement?.enough ?? true, map: (patches?.enough ?? true) && (test?.faithful ?? true) };
}

function parts(list, spans, none) {
  list.replaceChildren(...spans.map((one) => {
    const button = element("button", { type: "button", className: "part", "aria-label": `Play ${span(one)}: with that hidden its ${change(one.loss)}` },
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
