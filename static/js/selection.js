// Rows picked for one verb: by box, with shift up to here, a group, all shown, or all that match the filter.

const THIN = "\u202f";
let anchor = null;

const bar = () => document.querySelector("#selection");
const boxes = () => [...document.querySelectorAll('.board tbody input[name="row"]')];
const matching = () => bar()?.querySelector("[data-pick-match]");
const picked = () => boxes().filter((box) => box.checked).length;

export const isSelecting = () => Boolean(bar()) && (picked() > 0 || Boolean(matching()?.checked));

export const focusedRow = () => document.activeElement?.closest(".board tbody tr")?.querySelector('[name="row"]')?.value;

export function pick(row, upToHere = false) {
  const box = row?.querySelector('input[name="row"]');
  if (!box) return false;
  box.checked = !box.checked;
  if (upToHere) fill(box);
  anchor = box;
  update();
  return true;
}

export function clear() {
  if (!isSelecting()) return false;
  for (const box of boxes()) box.checked = false;
  if (matching()) matching().checked = false;
  update();
  return true;
}

export function update() {
  if (!bar()) return;
  const number = picked();
  const total = boxes().length;
  bar().classList.toggle("is-open", isSelecting());
  const words = matching()?.checked ? "All that match" : `${String(number).replace(/\B(?=(\d{3})+$)/g, THIN)} selected`;
  const place = bar().querySelector("[data-picked]");
  if (place.textContent !== words) place.textContent = words;
  mark(document.querySelector("[data-pick-all]"), number, total);
  for (const box of document.querySelectorAll("[data-pick-group]")) {
    const rows = rowsOf(box);
    mark(box, rows.filter((row) => row.checked).length, rows.length);
  }
}

// A box that stands for others: on, off, or neither.
function mark(box, number, total) {
  if (!box) return;
  box.checked = total > 0 && number === total;
  box.indeterminate = number > 0 && number < total;
  box.disabled = total === 0;
}

const rowsOf = (box) => [...box.closest("tbody").querySelectorAll('input[name="row"]')];

// All boxes from the one touched before to this one take its state.
function fill(box) {
  const all = boxes();
  const [from, to] = [all.indexOf(anchor), all.indexOf(box)].sort((a, b) => a - b);
  if (from < 0) return;
  for (const other of all.slice(from, to + 1)) other.checked = box.checked;
}

document.addEventListener("click", ({ target, shiftKey }) => {
  if (target.matches?.('.board tbody input[name="row"]')) {
    if (shiftKey) fill(target);
    anchor = target;
    update();
  }
  if (target.closest?.("[data-pick-none]")) clear();
});

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-pick-all]")) {
    for (const box of boxes()) box.checked = target.checked;
    update();
  }
  if (target.matches?.("[data-pick-group]")) {
    for (const box of rowsOf(target)) box.checked = target.checked;
    update();
  }
  if (target.matches?.("[data-pick-match]")) update();
});

document.addEventListener("htmx:after:swap", update);
