// Completing a query: what the word under the caret may become, offered below the field. Without this file one types it all.

const field = () => document.querySelector("#id_q");
const list = () => document.querySelector("#completions");
let newest = 0;

function wordAround(text, caret) {
  const start = text.lastIndexOf(" ", caret - 1) + 1;
  const space = text.indexOf(" ", caret);
  return [start, space < 0 ? text.length : space];
}

const bare = (word) => word.replaceAll(/["~]/g, "").toLowerCase();

// What no longer begins as the word does is gone at once, so that nobody takes it while the next offers are on their way.
function narrow(input) {
  const [start] = wordAround(input.value, input.selectionStart);
  const begun = bare(input.value.slice(start, input.selectionStart));
  for (const option of [...list().children]) if (!bare(option.dataset.word).startsWith(begun)) option.remove();
  if (!list().children.length) open(false);
}

async function offer(input) {
  const mine = ++newest;
  narrow(input);
  const query = new URLSearchParams({ q: input.value, at: String(input.selectionStart) });
  const answer = await fetch(`${input.form.dataset.completes}?${query}`, { headers: { "HX-Request": "true" } });
  if (mine !== newest || !answer.ok || document.activeElement !== input) return;
  const offers = await answer.text();
  const was = chosen()?.dataset.word;
  list().innerHTML = offers;
  open(list().children.length > 0);
  choose([...list().children].find((option) => option.dataset.word === was));
}

function open(isOpen) {
  list().hidden = !isOpen;
  field().setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) field().removeAttribute("aria-activedescendant");
}

const chosen = () => list().querySelector("[aria-selected=true]");

function move(by) {
  const options = [...list().children];
  const here = options.indexOf(chosen());
  choose(options[(here + by + options.length + (here < 0 && by < 0 ? 1 : 0)) % options.length]);
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (!option) return field().removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field().setAttribute("aria-activedescendant", option.id);
}

function take(option) {
  const input = field();
  const [start, end] = wordAround(input.value, input.selectionStart);
  const word = option.dataset.word + (option.dataset.word.endsWith(":") ? "" : " ");
  input.setRangeText(word, start, end, "end");
  open(false);
  input.focus();
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("input", ({ target }) => {
  if (target.id !== "id_q") return;
  for (const mirror of document.querySelectorAll("[data-mirrors=id_q]")) mirror.value = target.value;
  offer(target);
});

document.addEventListener("keydown", (event) => {
  if (event.target.id !== "id_q" || list().hidden) return;
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Escape") open(false);
  else if ((event.key === "Enter" || event.key === "Tab") && chosen()) take(chosen());
  else return;
  event.preventDefault();
});

document.addEventListener("click", ({ target }) => {
  const option = target.closest?.("#completions [role=option]");
  if (option) take(option);
  else if (list() && target.id !== "id_q") open(false);
});

document.addEventListener("focusout", ({ target, relatedTarget }) => {
  if (target.id === "id_q" && !list().contains(relatedTarget)) setTimeout(() => open(document.activeElement === field() && !list().hidden), 150);
});
