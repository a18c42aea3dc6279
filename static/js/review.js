// The review by keyboard: j and k open the next item and the one before, x selects it, a q e decide, u takes back.

const page = () => document.querySelector("#review");
const isField = (element) => element.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]");

function step(by) {
  const links = [...page().querySelectorAll("tbody th[scope=row] a")];
  const here = links.findIndex((link) => link.closest("tr").getAttribute("aria-current") === "true");
  links[Math.min(Math.max(here + by, 0), links.length - 1)]?.click();
}

function select() {
  const box = page().querySelector("tr[aria-current=true] input[name=item]");
  if (box) box.checked = !box.checked;
}

function decide(key) {
  const button = page().querySelector(`[data-press="${key}"]`);
  const comment = page().querySelector("#id_text");
  if (!button) return;
  if (key !== "a" && !comment.value.trim()) {
    comment.focus();
    return;
  }
  button.click();
}

document.addEventListener(
  "keydown",
  (event) => {
    if (!page() || event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    if (document.querySelector("dialog:modal")) return;
    if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    else if (event.key === "x") select();
    else if ("aqe".includes(event.key)) decide(event.key);
    else if (event.key === "u") document.querySelector("#undo-review button")?.click();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
