// Keeps every file of this page, so that it works without a network; a new export replaces them all.

const VERSION = ""; // both are filled in by the export
const FILES = [];
const NAME = `genrekit-${new URL(registration.scope).pathname}-`;

addEventListener("install", (event) => {
  // Past the browser's own cache, which may hold files of an older export.
  const fresh = FILES.map((name) => new Request(name, { cache: "reload" }));
  event.waitUntil(caches.open(NAME + VERSION).then((cache) => cache.addAll(fresh)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const old = (name) => name.startsWith(NAME) && name !== NAME + VERSION;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  const kept = caches.open(NAME + VERSION).then((cache) => cache.match(request, { ignoreSearch: true }));
  event.respondWith(kept.then((found) => found ?? fetch(request)));
});
