// Copies the text of an element that is on the page, and says so on the button.

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (!source) return;
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    source.hidden = false; // a browser may forbid it: then it can be marked and copied by hand
  }
  setTimeout(() => {
    button.textContent = words;
  }, 2000);
});
