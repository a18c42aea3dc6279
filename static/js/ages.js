// Ages count on in the browser, by the clock of the server, and facts turn old without a message.

const THIN = "\u2009";
const [MINUTE, HOUR, DAY] = [60, 3600, 86400];
const skew = Date.now() - 1000 * Number(document.documentElement.dataset.now || Date.now() / 1000);

export const serverNow = () => Date.now() - skew;

// The same rule as connectors/templatetags/figures.py
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole}${THIN}s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}${THIN}min`;
  const hours = Math.floor(whole / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  if (whole < 10 * HOUR && minutes) return `${hours}${THIN}h${THIN}${String(minutes).padStart(2, "0")}`;
  return whole < 2 * DAY ? `${hours}${THIN}h` : `${Math.floor(whole / DAY)}${THIN}d`;
}

export function tick() {
  const now = serverNow();
  const seen = seenByAccount();
  for (const mark of document.querySelectorAll(".fresh[data-budget]")) freshen(mark, seen, now);
  for (const time of document.querySelectorAll("time[data-age]")) {
    const text = age((now - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("time[data-left]")) {
    const seconds = (Date.parse(time.dateTime) - now) / 1000;
    const text = seconds > 0 ? `in ${age(seconds)}` : "now";
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("time[data-ends]")) {
    const left = (Date.parse(time.dateTime) - now) / 1000;
    const text = left > 0 ? `${age(left)} left` : "ends now";
    if (time.textContent !== text) time.textContent = text;
  }
}

// One message tells when each account was read, as "id=seconds"; the rows it holds need not be sent again.
function seenByAccount() {
  const told = document.getElementById("accounts-seen")?.value ?? "";
  return new Map(told.split(" ").map((pair) => pair.split("=")));
}

function freshen(mark, seen, now) {
  const time = mark.querySelector("time");
  const told = 1000 * Number(seen.get(mark.dataset.account) ?? 0);
  if (told > Date.parse(time.dateTime)) time.dateTime = new Date(told).toISOString().replace(".000", "");
  const seconds = (now - Date.parse(time.dateTime)) / 1000;
  const budget = Number(mark.dataset.budget);
  const isOld = seconds > budget / 2 && seconds <= budget;
  if (isOld) document.dispatchEvent(new Event("switchyard:old"));
  mark.classList.toggle("is-old", isOld);
  mark.classList.toggle("is-gone", seconds > budget);
  if (seconds > budget) hatch(mark.closest("[data-hatches]"));
}

// Past its budget nothing is green and nothing is joined: the pair says what it was.
function hatch(place) {
  for (const pair of place?.querySelectorAll(".pair:not(.is-stale)") ?? []) {
    pair.classList.add("is-stale");
    pair.classList.remove("is-active");
    for (const state of pair.querySelectorAll(".state:not(.is-unknown)")) {
      const word = [...state.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (word) word.data = `was ${word.data.trim().replace("…", "").toLowerCase()}`;
    }
  }
}
