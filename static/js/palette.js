// Ctrl K: a box that finds, and a list to choose from with the arrows. The focus stays in the box.

import { focusedRow, isSelecting } from "./selection.js";

const dialog = () => document.querySelector("#palette");
const box = () => dialog().querySelector("[role=combobox]");
const list = () => dialog().querySelector("[role=listbox]");
const options = () => [...list().querySelectorAll("[role=option]")];
let chosen = -1;
let timer = null;
let row = null; // the row that had the focus: what a verb means when nothing is selected

export function open() {
  if (!dialog() || document.querySelector("dialog:modal")) return false;
  row = isSelecting() ? null : focusedRow();
  box().value = "";
  dialog().showModal();
  find();
  return true;
}

async function find() {
  const query = new URLSearchParams({ q: box().value.trim() });
  const form = document.querySelector("#selection");
  if (form && isSelecting()) for (const [name, value] of new FormData(form)) query.append(name, value);
  else if (row) query.append("row", row);
  await window.htmx.ajax("GET", `${dialog().querySelector("form").dataset.palette}?${query}`, {
    source: list(), target: list(), swap: "innerHTML",
  });
  options().forEach((option, place) => { option.id = `palette-${place}`; });
  choose(0);
}

function choose(place) {
  const all = options();
  chosen = all.length ? (place + all.length) % all.length : -1;
  all.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
  all[chosen]?.scrollIntoView({ block: "nearest" });
  if (chosen < 0) box().removeAttribute("aria-activedescendant");
  else box().setAttribute("aria-activedescendant", all[chosen].id);
}

document.addEventListener("input", ({ target }) => {
  if (target !== dialog()?.querySelector("[role=combobox]")) return;
  clearTimeout(timer);
  timer = setTimeout(find, 80);
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    if (open()) event.preventDefault();
    return;
  }
  if (!dialog()?.open) return;
  const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined && !(["Home", "End"].includes(event.key) && box().value)) {
    event.preventDefault();
    choose(to);
  }
});

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.palette) return;
  event.preventDefault();
  options()[chosen]?.click();
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-jump]") && open()) event.preventDefault();
  if (event.target === dialog() || event.target.closest?.("#palette [role=option]")) dialog().close();
});
