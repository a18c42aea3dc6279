// The little that htmx does not do.

import { tick as tickAges } from "./ages.js";
import "./copy.js";
import "./keys.js";
import "./facets.js";
import "./audit.js";
import "./review.js";
import "./forms.js";
import { watch } from "./live.js";
import "./palette.js";
import "./said.js";
import "./selection.js";
import { tick as tickToasts } from "./toasts.js";
import { markToggles } from "./toggles.js";
import "./trouble.js";

tickAges();
setInterval(tickAges, 1000);
setInterval(tickToasts, 1000);
markToggles();
watch();
document.addEventListener("htmx:after:swap", () => {
  tickAges();
  markToggles();
});

// A dialog that was fetched opens at once, and leaves the page when it is closed or its request was taken.
document.addEventListener("htmx:after:swap", () => {
  const dialog = document.querySelector("#dialog dialog");
  if (!dialog || dialog.matches(":modal")) return;
  dialog.removeAttribute("open");
  dialog.showModal();
  dialog.addEventListener("close", () => dialog.remove());
});

document.addEventListener("click", (event) => {
  const closer = event.target.closest("[data-close]");
  if (closer?.closest("dialog:modal")) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
  const theme = event.target.closest("[data-set-theme]")?.dataset.setTheme;
  if (theme) setTheme(theme);
});

// Once it is asked, the row shows what becomes of it; a refusal is shown in the dialog, with all that was typed.
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  const isTaken = detail.ctx?.response?.status < 400;
  if (isTaken && target.matches?.("dialog form[data-closes]")) target.closest("dialog").close();
});

function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // storage may be forbidden; the choice then lasts as long as the page
  }
  showTheme();
}

function showTheme() {
  const chosen = document.documentElement.dataset.theme ?? "auto";
  for (const button of document.querySelectorAll("[data-set-theme]")) {
    button.setAttribute("aria-pressed", String(button.dataset.setTheme === chosen));
  }
}

showTheme();
