// What every page does: listen, look stale when it is, and read everything again when told to.
// The browser computes nothing but ages: it counts on from instants that the server gave.

const STALE_MS = 15000; // the server pulses every 5 s
const RETRY_MS = 3000; // after an answer that EventSource itself gives up on
const SPREAD_MS = 1000; // so that a hundred walls do not all ask in the same moment
const FULL_RESYNC_MS = 3600000; // against drift, and it keeps the session young

const body = document.body;
const lost = document.getElementById("lost");
const link = document.getElementById("link");
const listeners = [];

let skewMs = Number(body.dataset.now) - Date.now();
let lastWordMs = Date.now();
let lastId = body.dataset.event;
let source = null;
let resyncing = null;
let again = false;
let behind = false; // a resync failed: the page is old although the stream may be alive

export function onChanges(listener) {
  listeners.push(listener);
}

export function setSince(element, instantMs) {
  if (!element || instantMs === null || instantMs === undefined) return;
  element.dataset.since = instantMs;
  element.textContent = age(instantMs);
}

function age(sinceMs) {
  const s = Math.max(0, Math.floor((Date.now() + skewMs - sinceMs) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86400)} d ${two(Math.floor((s % 86400) / 3600))} h`;
}

export function tickAges(root = document) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const text = age(Number(element.dataset.since));
    if (element.textContent !== text) element.textContent = text;
  }
}

function hear(event) {
  lastWordMs = Date.now();
  if (event && event.lastEventId) lastId = event.lastEventId;
  if (behind || (!body.classList.contains("stale") && link.dataset.state === "live")) return;
  body.classList.remove("stale");
  lost.hidden = true;
  link.dataset.state = "live";
  link.textContent = link.dataset.live;
}

function lose() {
  if (body.classList.contains("stale")) return;
  body.classList.add("stale");
  setSince(document.getElementById("last-word"), lastWordMs + skewMs);
  lost.hidden = false;
  link.dataset.state = "lost";
  link.textContent = link.dataset.lost;
}

function signs(data) {
  skewMs = data.now_ms - Date.now();
  const count = document.getElementById("newcomers");
  count.textContent = data.newcomers;
  count.hidden = data.newcomers === 0;
  setSince(document.getElementById("newest"), data.newest);
}

// Fetch this page again and put its main part in place of ours.
export function resync() {
  if (resyncing) {
    again = true;
    return resyncing;
  }
  resyncing = swap()
    .then(() => {
      behind = false;
    })
    .catch((error) => {
      console.warn("resync failed", error);
      behind = true;
      lose();
      setTimeout(resync, RETRY_MS);
    })
    .finally(() => {
      resyncing = null;
      if (again) {
        again = false;
        resync();
      }
    });
  return resyncing;
}

async function swap() {
  const answer = await fetch(location.href, { cache: "no-store", headers: { Accept: "text/html" } });
  if (answer.redirected) return location.reload();
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = fresh.getElementById("main");
  const scroll = window.scrollY;
  document.getElementById("main").replaceWith(document.adoptNode(main));
  const newest = fresh.getElementById("newest");
  if (newest && newest.dataset.since) setSince(document.getElementById("newest"), Number(newest.dataset.since));
  window.scrollTo(0, scroll);
  document.dispatchEvent(new CustomEvent("swapped"));
}

function connect() {
  if (source) source.close();
  source = new EventSource(`/live?after=${encodeURIComponent(lastId)}`);
  source.addEventListener("pulse", (event) => {
    hear(event);
    const data = JSON.parse(event.data);
    signs(data);
    for (const listener of listeners) listener(data);
  });
  source.addEventListener("changes", (event) => {
    hear(event);
    const data = JSON.parse(event.data);
    signs(data);
    for (const listener of listeners) listener(data);
  });
  source.addEventListener("resync", (event) => {
    hear(event);
    setTimeout(resync, Math.random() * SPREAD_MS);
  });
  source.onopen = () => hear(null);
  source.onerror = () => {
    lose();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  };
}

// Pages that are drawn whole by the server are read again when something of theirs changes.
function followPage() {
  const { subject, alerts, newcomers, refresh } = body.dataset;
  let seen = document.getElementById("newcomers").textContent;
  onChanges((data) => {
    const mine = subject && data.players
      && (data.players.some((player) => player[0] === subject) || data.platforms.includes(subject));
    const count = String(data.newcomers);
    if (mine || (alerts && data.alerts) || (newcomers && count !== seen)) resync();
    seen = count;
  });
  if (refresh) setInterval(() => document.hidden || resync(), Number(refresh) * 1000);
}

followPage();
connect();
setInterval(() => {
  tickAges();
  if (Date.now() - lastWordMs > STALE_MS) {
    lose();
    // A connection that is open but silent is a dead one that nobody told us about.
    if (source.readyState === EventSource.OPEN) connect();
  }
}, 1000);
setInterval(resync, FULL_RESYNC_MS);
window.addEventListener("pagehide", () => source.close());
window.addEventListener("pageshow", (event) => event.persisted && connect());
