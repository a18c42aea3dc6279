// At most three toasts; each goes after a while, which waits while it is hovered or focused.

const LIFE = 12;

export function tick() {
  const toasts = [...document.querySelectorAll("#dock .toast")];
  for (const toast of toasts.slice(0, -3)) toast.remove();
  for (const toast of toasts) {
    if (toast.matches(":hover, :focus-within")) continue;
    const age = Number(toast.dataset.lived ?? 0) + 1;
    toast.dataset.lived = age;
    if (age > LIFE) toast.remove();
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest(".toast")?.remove();
});
