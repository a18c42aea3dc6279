// The live mark, and polling while the event stream is cut.

import { age } from "./ages.js";

const POLL = 10_000;
const PATIENCE = 30_000; // then the page is polled until the stream is back

const marks = document.querySelectorAll("#live [data-when]");
let cutSince = null;
let polledAt = 0;

export function watch(stream) {
  show("live");
  stream.addEventListener("htmx:after:sse:connection", ({ detail }) => {
    const missed = cutSince !== null;
    cutSince = null;
    show("live");
    if (missed && !detail.connection.lastEventId) refresh();
  });
  stream.addEventListener("htmx:before:sse:connection", ({ detail }) => {
    if (detail.connection.attempt > 0) cutSince ??= Date.now();
  });
  for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:error", "htmx:response:error"]) {
    stream.addEventListener(name, () => (cutSince ??= Date.now()));
  }
  stream.addEventListener("resync", refresh);
  setInterval(() => check(stream), 1000);
}

// Fetches the page again and morphs it in place: focus, selection and open menus stay.
export function refresh() {
  window.htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerMorph" });
}

function check(stream) {
  if (cutSince === null || document.hidden) return;
  const cut = Date.now() - cutSince;
  if (cut < 1500) return; // a stream that ends after some minutes is back at once
  show(cut < PATIENCE ? "cut" : "polling", age(cut / 1000));
  if (Date.now() - polledAt < POLL) return;
  polledAt = Date.now();
  if (cut >= PATIENCE) refresh();
  const url = stream.getAttribute("hx-sse:connect");
  if (!stream._htmx?.sse) window.htmx.ajax("GET", url, { source: stream, swap: "none" });
}

function show(name, elapsed = "") {
  for (const mark of marks) {
    mark.hidden = mark.dataset.when !== name;
    const place = mark.querySelector("[data-elapsed]");
    if (place) place.textContent = elapsed;
  }
}
