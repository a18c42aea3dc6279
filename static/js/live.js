// The live mark, and polling while the event stream is cut.

import { age } from "./ages.js";
import { isSelecting } from "./selection.js";

const POLL = 10_000;
const PATIENCE = 30_000; // then the page is polled until the stream is back
const SIGNED_OUT = [401, 403];

let cutSince = null;
let polledAt = 0;
let connected = null;
const held = new Map(); // rows that wait until nothing is selected and no menu is open

const stream = () => document.querySelector("#stream");
const mark = () => document.querySelector("#live");

export function watch() {
  document.addEventListener("switchyard:old", poll);
  if (!stream()) return;
  connected = address();
  cutSince = stream()._htmx?.sse ? null : Date.now();
  show("live");
  mark().ariaBusy = String(cutSince !== null); // its place is kept; it is seen when the stream is open
  window.htmx.process(stream()); // in case htmx went through the page before it knew of streams
  document.addEventListener("htmx:after:sse:connection", () => {
    cutSince = null;
    show("live");
  });
  document.addEventListener("htmx:before:sse:message", hold);
  document.addEventListener("htmx:before:sse:connection", ({ detail }) => {
    if (detail.connection.attempt > 0) cutSince ??= Date.now();
  });
  document.addEventListener("htmx:sse:error", ({ detail }) => {
    if (SIGNED_OUT.includes(detail.status)) location.reload(); // the server leads to the sign-in page
    cutSince ??= Date.now();
  });
  for (const name of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, (event) => {
      if (event.target === stream()) cutSince ??= Date.now();
    });
  }
  document.addEventListener("htmx:after:swap", follow);
  setInterval(check, 1000);
  for (const name of ["click", "change", "keyup"]) document.addEventListener(name, () => setTimeout(letGo));
}

const address = () => stream()?.getAttribute("hx-sse:connect");

// Other filters, other rows: the page now asks for other rows to be kept up to date.
function follow() {
  if (address() === connected) return;
  connected = address();
  cutSince ??= Date.now();
  for (const ctx of asked.values()) ctx.request.abort(); // htmx would open it when the answer comes, and leave it so
  const anew = stream().cloneNode();
  stream().replaceWith(anew);
  window.htmx.process(anew);
}

// htmx goes through what came, and through what was there and has another address now, and keeps for later what is asked
// for twice. The element of another address is left to `follow`: it would go on with the old one, too. A stream that is
// open or being asked for is not asked for again, however long its answer takes: only one of the two would end.
const asked = new Map();
document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = event.detail;
  const element = ctx.sourceElement;
  if (element?.id !== "stream") return;
  const isLeft = element !== stream() || (connected !== null && address() !== connected);
  if (isLeft || element._htmx?.sse || asked.has(element)) event.preventDefault();
  else asked.set(element, ctx);
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (asked.get(ctx.sourceElement) === ctx) asked.delete(ctx.sourceElement);
});

// Fetches the page again and morphs it in place: focus, selection and open menus stay.
function poll() {
  if (document.hidden || Date.now() - polledAt < POLL) return;
  refresh();
}

export function refresh() {
  polledAt = Date.now();
  window.htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerMorph" });
}

// New rows come in when they are asked for, in place.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-news]")) return;
  event.preventDefault();
  refresh();
});

const isHeld = () => isSelecting() || Boolean(document.querySelector(".board details.menu[open]"));

// While somebody selects, rows stay as they are; the head of the board goes on.
function hold({ detail: { message } }) {
  if (message.event || !isHeld()) return;
  const parts = message.data.match(/<hx-partial[^]*?<\/hx-partial>/g) ?? [];
  const others = parts.filter((part) => {
    const place = part.match(/^<hx-partial hx-target="(#connector-\d+)"/)?.[1];
    if (place) held.set(place, part);
    return !place;
  });
  message.data = others.join("\n");
  message.cancelled = !others.length;
  tellHeld();
}

function tellHeld() {
  if (cutSince !== null) return;
  if (isHeld()) show("held", `${held.size} wait${held.size === 1 ? "s" : ""}`);
  else show("live");
}

function letGo() {
  tellHeld();
  if (isHeld() || !held.size) return;
  const text = [...held.values()].join("\n");
  held.clear();
  window.htmx.swap({ sourceElement: stream(), target: stream(), swap: "none swapEmpty:false", text });
}

function check() {
  if (cutSince === null) letGo();
  if (cutSince === null || document.hidden) return;
  const cut = Date.now() - cutSince;
  if (cut < 1500) return; // a stream that ends after some minutes is back at once
  show(cut < PATIENCE ? "cut" : "polling", age(cut / 1000));
  if (cut >= PATIENCE) poll();
  if (!stream()._htmx?.sse && Math.round(cut / 1000) % 10 === 0) {
    window.htmx.ajax("GET", address(), { source: stream(), swap: "none" });
  }
}

function show(name, elapsed = "") {
  mark().ariaBusy = "false";
  for (const words of mark().querySelectorAll("[data-when]")) {
    words.hidden = words.dataset.when !== name;
    const place = words.querySelector("[data-elapsed]");
    if (place) place.textContent = elapsed;
  }
}
