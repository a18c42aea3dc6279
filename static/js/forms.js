// What a dialog's fields need of the browser: words to begin with, and the clock of whoever fills them in.

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-fill]");
  const field = button && document.getElementById(button.dataset.fill);
  if (!field) return;
  field.value = `${button.textContent.trim()}: ${field.value.replace(/^[^:]*: /, "")}`;
  field.focus();
});

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  const field = button && document.getElementById(button.dataset.copy);
  if (!field) return;
  field.select();
  await navigator.clipboard?.writeText(field.value);
  button.lastChild.textContent = "Copied";
});

document.addEventListener("htmx:after:swap", tellOffset);
document.addEventListener("change", tellOffset);

function tellOffset() {
  for (const field of document.querySelectorAll("[data-offset]")) field.value = new Date().getTimezoneOffset();
  for (const field of document.querySelectorAll("[data-zone]")) {
    if (field.value === "UTC" || !field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
    delete field.dataset.zone;
  }
}
tellOffset();
