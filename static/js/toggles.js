// A count or a cell that the page is narrowed to is marked; a second click clears it.

export function markToggles() {
  const here = new URLSearchParams(location.search);
  for (const link of document.querySelectorAll("a[data-toggles]")) {
    const wanted = [...new URL(link.href).searchParams];
    const isOn = wanted.length > 0 && wanted.every(([name, value]) => here.has(name, value));
    if (!isOn) continue;
    link.setAttribute("aria-current", "true");
    for (const [name, value] of wanted) here.delete(name, value);
    link.href = here.size ? `?${here}` : location.pathname;
    link.removeAttribute("data-toggles");
    return;
  }
}
