// Further labels of a track as chips, by group; nothing where the model has none.

import { element, percent, ranked } from "./words.js";

const MOST = 5; // of each group

/** Fill a list with the tags of a prediction and its wide genres, the surest of each.
 *
 * "genres" may be a group of tags, so the wide genres have another name.
 */
export function showTags(list, { tags, wide }) {
  const groups = Object.entries(tags ?? {}).map(([group, scores]) => [group, ranked(scores).slice(0, MOST)]);
  if (wide) groups.push(widest(wide));
  list.replaceChildren(...groups.map(([group, found]) =>
    element("div", {}, element("dt", { text: group }), element("dd", {}, chips(group, found)))));
  list.hidden = !groups.length;
}

/** The wide genres that were told; where none was, the nearest. */
function widest({ genres, scores }) {
  if (!genres.length) return ["nearest wider genres", ranked(scores).slice(0, MOST)];
  return ["wider genres", genres.map((genre) => [genre, scores[genre]])];
}

function chips(group, found) {
  const made = found.map(([name, p]) => {
    // The more probable, the stronger its ground; letters stay readable, and are read with it.
    const chip = element("li", { title: percent(p) }, name, element("span", { className: "visually-hidden", text: ` ${percent(p)}` }));
    chip.style.setProperty("--p", p);
    return chip;
  });
  return element("ul", { className: "chips", "aria-label": group }, ...made);
}
