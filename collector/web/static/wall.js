// The wall: turns tiles, replaces cards, filters. The words and figures all come from the server.

import { onChanges, resync, setSince, tickAges } from "/static/live.js";

const ROOMY = 150; // so few players may have larger tiles
const { alarm } = document.body.dataset;
const title = document.title.replace(`${alarm} · `, "");
let tiles = new Map(); // subject → its tile
let cards = new Map(); // agreement → its card
const wanted = { states: new Set(), site: "", text: "" };

function index() {
  tiles = new Map();
  for (const tile of document.querySelectorAll(".t")) {
    tiles.set(decodeURIComponent(tile.pathname.slice("/player/".length)), tile);
  }
  cards = new Map();
  for (const card of document.querySelectorAll("[data-agreement]")) cards.set(card.dataset.agreement, card);
}

function turn([subject, state, emitting, words]) {
  const tile = tiles.get(subject);
  if (!tile) return false;
  tile.className = `t s-${state}${emitting ? "" : " off-air"}`;
  tile.title = words;
  return true;
}

function redraw(key, html) {
  const card = cards.get(key);
  if (!card) return false;
  const made = document.createElement("template");
  made.innerHTML = html; // drawn and escaped by the server
  const fresh = made.content.querySelector("[data-agreement]");
  card.replaceWith(fresh);
  cards.set(key, fresh);
  return true;
}

function count(counts) {
  for (const chip of document.querySelectorAll(".chip")) {
    const number = counts[chip.dataset.state];
    chip.querySelector("b").textContent = number;
    chip.classList.toggle("zero", number === 0);
  }
}

onChanges((data) => {
  document.title = data.alarm ? `${alarm} · ${title}` : title;
  count(data.counts);
  let known = true;
  if (data.players) {
    for (const player of data.players) known = turn(player) && known;
    for (const [key, html] of Object.entries(data.cards)) known = redraw(key, html) && known;
    if (data.alerts !== null) document.getElementById("alerts").innerHTML = data.alerts; // escaped by the server
    if (data.players.length) apply();
  }
  for (const [key, instant] of Object.entries(data.evidence)) {
    const card = cards.get(key);
    if (card) setSince(card.querySelector(".age"), instant);
  }
  if (!known) resync(); // the registry has grown
});

// --- the filter: kept in the address, so that it outlives a reload and can be sent to a colleague ----------------

function fits(tile) {
  if (wanted.states.size) {
    const state = tile.classList[1].slice(2);
    if (!wanted.states.has(state)) return false;
  }
  return !wanted.text || tile.title.toLowerCase().includes(wanted.text);
}

function apply() {
  const active = wanted.states.size > 0 || wanted.site !== "" || wanted.text !== "";
  let count = 0;
  for (const site of document.querySelectorAll(".site")) {
    let shown = false;
    const here = !wanted.site || site.dataset.site === wanted.site;
    for (const tile of site.querySelectorAll(".t")) {
      const fit = here && (!active || fits(tile));
      if (tile.hidden === fit) tile.hidden = !fit;
      shown = shown || fit;
      if (fit) count += 1;
    }
    if (site.hidden === shown) site.hidden = !shown;
  }
  document.getElementById("nothing").hidden = count > 0 || !active;
  document.querySelector(".sites").classList.toggle("roomy", active && count <= ROOMY);
  document.querySelector(".clear").hidden = !active;
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  wanted.states = new Set((words.get("state") || "").split(",").filter(Boolean));
  wanted.site = words.get("site") || "";
  wanted.text = (words.get("text") || "").toLowerCase();
  showWanted();
}

function showWanted() {
  const form = document.getElementById("filter");
  for (const chip of form.querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(wanted.states.has(chip.dataset.state)));
  }
  form.elements.site.value = wanted.site;
  if (form.elements.text.value.toLowerCase() !== wanted.text) form.elements.text.value = wanted.text;
  apply();
}

function writeAddress() {
  const words = new URLSearchParams();
  if (wanted.states.size) words.set("state", [...wanted.states].join(","));
  if (wanted.site) words.set("site", wanted.site);
  if (wanted.text) words.set("text", wanted.text);
  const hash = words.toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
  showWanted();
}

document.addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (!chip) return;
  const { state } = chip.dataset;
  if (!wanted.states.delete(state)) wanted.states.add(state);
  writeAddress();
});
document.addEventListener("input", (event) => {
  if (event.target.name === "site") wanted.site = event.target.value;
  else if (event.target.name === "text") wanted.text = event.target.value.trim().toLowerCase();
  else return;
  writeAddress();
});
document.addEventListener("reset", () => {
  wanted.states = new Set();
  wanted.site = "";
  wanted.text = "";
  writeAddress();
});
document.addEventListener("submit", (event) => event.target.id === "filter" && event.preventDefault());
document.addEventListener("swapped", () => {
  index();
  showWanted();
  tickAges();
});
window.addEventListener("hashchange", readAddress);

index();
readAddress();
