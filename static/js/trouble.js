// Reading the board again may take a while, or fail: the page says so, keeps what it shows, and offers to try again.

import { age } from "./ages.js";
import { refresh } from "./live.js";

const SOON = 600; // below that nothing is said
let isFiltering = false; // was it the filters that could not be followed?
const waiting = new Map(); // what is being read, since when

const isBoard = (ctx) => Boolean(document.querySelector("#board-trouble")) && ctx?.select === "#main";

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (isBoard(ctx)) waiting.set(ctx, Date.now());
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  waiting.delete(ctx);
  say();
});

setInterval(say, 500);

function say() {
  const place = document.querySelector("#board-wait");
  const since = waiting.size ? Date.now() - Math.min(...waiting.values()) : 0;
  const words = since < SOON ? "" : `Looking, ${age(since / 1000)} so far`;
  if (place && place.textContent !== words) place.textContent = words;
  document.querySelector(".sheet")?.toggleAttribute("aria-busy", since >= SOON);
}

// An error page is not the board: it takes nobody's place.
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  const status = ctx.response?.status ?? ctx.response?.raw?.status ?? 0;
  if (!isBoard(ctx) || status < 500) return;
  event.preventDefault();
  tell(ctx, `The server answered ${status}.`);
});

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (isBoard(ctx) && ctx.request?.signal?.aborted !== true) tell(ctx, "The server was not reached.");
});

function tell(ctx, why) {
  isFiltering = ctx.sourceElement?.id === "filters";
  const banner = document.querySelector("#board-trouble");
  banner.querySelector("[data-why]").textContent = why;
  banner.hidden = false;
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest?.("[data-again]")) return;
  if (isFiltering) document.querySelector("#filters").requestSubmit();
  else refresh();
});
