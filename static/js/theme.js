// Sets the theme before anything is drawn. A classic script in <head>, so that nothing flashes.
(() => {
  const root = document.documentElement;
  root.dataset.js = "";
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // storage may be forbidden; the system's theme stays
  }
})();
