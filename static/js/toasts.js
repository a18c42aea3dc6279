// At most three toasts; each goes after a while, which waits while it is hovered or focused.

const LIFE = 12; // seconds; one that can be undone says itself for how long

export function tick() {
  const toasts = [...document.querySelectorAll("#dock .toast")];
  for (const toast of toasts.slice(0, -3)) toast.remove();
  for (const toast of toasts) {
    if (toast.matches(":hover, :focus-within")) continue;
    const age = Number(toast.dataset.lived ?? 0) + 1;
    toast.dataset.lived = age;
    if (age > Number(toast.dataset.life ?? LIFE)) toast.remove();
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest(".toast")?.remove();
});

// What was taken back, or cannot be any more, is said by the answer.
document.addEventListener("htmx:finally:request", ({ target }) => {
  if (target.matches?.("[data-undo]")) target.closest(".toast")?.remove();
});

export function undo() {
  const button = [...document.querySelectorAll("#dock [data-undo]")].at(-1);
  button?.click();
  return Boolean(button);
}
