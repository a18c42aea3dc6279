// What changed, for those who do not see it: rows that came into another state, summed up at most every five seconds.
// Those who do see it find the row with an edge for two seconds.

const PATIENCE = 5000;
const EDGE = 2000;
const waiting = new Map(); // row to the activity it has come to
let known = activities();
let saidAt = 0;

function activities() {
  const rows = document.querySelectorAll(".board tr[data-activity]");
  return new Map([...rows].map((row) => [row.id, row.dataset.activity]));
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const now = activities();
  if (ctx.sourceElement?.id === "stream") for (const [id, activity] of now) note(id, activity);
  known = now;
});

function note(id, activity) {
  if (!known.has(id) || known.get(id) === activity) return;
  waiting.set(id, activity);
  const row = document.getElementById(id);
  row.classList.add("is-changed");
  setTimeout(() => document.getElementById(id)?.classList.remove("is-changed"), EDGE);
}

setInterval(() => {
  if (!waiting.size || Date.now() - saidAt < PATIENCE) return;
  document.querySelector("#said").textContent = words();
  saidAt = Date.now();
  waiting.clear();
}, 1000);

function words() {
  if (waiting.size === 1) {
    const [[id, activity]] = waiting;
    return `${document.getElementById(id)?.querySelector(".name a")?.textContent} ${verb(activity)}.`;
  }
  const numbers = new Map();
  for (const activity of waiting.values()) numbers.set(activity, (numbers.get(activity) ?? 0) + 1);
  return `${[...numbers].map(([activity, number]) => `${number} ${verb(activity)}`).join(", ")}.`;
}

const verb = (activity) => (activity === "active" ? "active again" : activity);
