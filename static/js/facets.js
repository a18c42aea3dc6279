// Filter menus are counted when they are opened. What another way than the form has changed is shown in its boxes.

const form = () => document.querySelector("#filters");

document.addEventListener("toggle", ({ target }) => {
  if (target.open && target.dataset?.facet) count(target);
}, true);

async function count(menu) {
  const list = menu.querySelector("ul");
  await window.htmx.ajax("GET", menu.dataset.facet, { target: list, swap: "innerHTML" });
}

// An address holds what was chosen and nothing empty; what is typed leaves one step behind it, not one a letter.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== form()) return;
  const { type, target } = ctx.sourceEvent ?? {};
  if (type === "submit" || target?.type === "search") [ctx.push, ctx.replace] = [null, "true"];
  for (const [name, value] of [...ctx.request.body.entries()]) if (!value) ctx.request.body.delete(name);
});

// What was typed while the page was still loading is searched once it can be.
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("form[hx-get] input[type=search]")) {
    if (box.value !== box.defaultValue) box.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!form() || ctx.sourceElement === form() || ctx.sourceElement?.id === "stream") return;
  for (const box of form().querySelectorAll("input[type=checkbox]")) box.checked = box.defaultChecked;
});
