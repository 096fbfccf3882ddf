// What went wrong, in one shape for all of the page.

/** What went wrong, for people: a title, the server's words, and advice. */
export class Problem extends Error {
  constructor(title, text, advice, { status = 0, retrySeconds = 0 } = {}) {
    super(text);
    Object.assign(this, { title, advice, status, retrySeconds });
  }
}
