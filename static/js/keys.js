// Single keys: / search, j and k from row to row, x to select, p r s to act, z to undo, g and a letter to a page, ? the
// list of keys. They are off while a field has focus, and can be turned off in that list.

import { clear, pick } from "./selection.js";
import { undo } from "./toasts.js";

const isField = (element) => element.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]");
let waitsForPlace = false;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return escape();
  if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
  if (document.querySelector("dialog:modal") || !areOn()) return;
  const done = waitsForPlace ? go(event.key) : press(event.key);
  if (done) event.preventDefault();
});

function press(key) {
  if (key === "/") return focus(document.querySelector("[type=search]"));
  if (key === "j") return step(1);
  if (key === "k") return step(-1);
  if (key === "x" || key === "X") return pick(row(), key === "X");
  if (key in VERBS) return act(VERBS[key]);
  if (key === ".") return openMenu(row()?.querySelector(".act details.menu"));
  if (key === "n") return click(document.querySelector("[data-news]"));
  if (key === "z") return undo();
  if (key === "?") return toggle(document.querySelector("#keys"));
  waitsForPlace = key === "g";
  return waitsForPlace;
}

const VERBS = { p: ["pause", "resume"], r: ["restart_failed", "restart", "sync_now"], s: ["stop", "start"] };

// The first of these verbs that the row has and that is on.
function act(kinds) {
  const press = (kind) => row()?.querySelector(
    `.verbs :is(button[value="${kind}"], a[href$="kind=${kind}"]):not([aria-disabled=true])`,
  );
  return click(kinds.map(press).find(Boolean));
}

function click(element) {
  element?.click();
  return Boolean(element);
}

function openMenu(menu) {
  if (!menu) return false;
  menu.open = true;
  return focus(menu.querySelector("li :is(a, button)"));
}

function areOn() {
  try {
    return localStorage.getItem("keys") !== "off";
  } catch {
    return true; // storage may be forbidden; then they stay on
  }
}

document.addEventListener("change", ({ target }) => {
  if (!target.matches?.("[data-single-keys]")) return;
  try {
    localStorage.setItem("keys", target.checked ? "on" : "off");
  } catch {
    // storage may be forbidden; the choice then cannot be kept
  }
});

function go(key) {
  waitsForPlace = false;
  const link = document.querySelector(`[data-key="g ${CSS.escape(key)}"]`);
  link?.click();
  return Boolean(link);
}

function step(by) {
  const links = [...document.querySelectorAll(".sheet tbody th[scope=row] a")];
  const here = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = here < 0 ? 0 : Math.min(Math.max(here + by, 0), links.length - 1);
  return focus(links[next]);
}

const row = () => document.activeElement?.closest(".board tbody tr");

// First what is open closes, then what is selected is let go.
function escape() {
  if (document.querySelector("dialog:modal, details.menu[open]")) closeMenus();
  else clear();
}

function focus(element) {
  element?.focus();
  return Boolean(element);
}

function toggle(dialog) {
  const choice = dialog?.querySelector("[data-single-keys]");
  if (choice) choice.checked = areOn();
  dialog?.showModal();
  return Boolean(dialog);
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu.contains(except)) continue;
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus) menu.querySelector("summary").focus();
  }
}

document.addEventListener("click", ({ target }) => {
  if (target.closest?.("[data-keys]")) toggle(document.querySelector("#keys"));
});

// What is pressed in a menu closes it; boxes leave it open for the next one.
document.addEventListener("click", ({ target }) => {
  const pressed = target.closest?.("details.menu > :not(summary) :is(a, button)");
  closeMenus(pressed ? null : target);
});
