/**
 * One WebSocket a tab. It carries numbers and "changed" signals only; HTML travels over HTTP.
 *
 * Sent: {"sub": [topics of all [data-live-topic]], "since": second the page was made}; a topic is a key or its
 * part before the colon. What changed since then comes at once: between page and socket nothing is missed.
 * Received: {"t": "hello", "n"} and {"t": "batch", "n", "changed": [key…], "numbers": {key: {name: value}}}.
 * A number goes to `data-live="key.name"` and `data-live-bar="key.name"`, the name "state" to
 * `data-live-state="key"`, the name "row.state" to `data-live-state="key.row"`; a changed key fires `changed:<key>` on body. A gap in "n" re-fetches all.
 */

const QUIET_MS = 10_000;
const GATHER_MS = 300;
const looks = JSON.parse(document.getElementById("live-looks")?.textContent ?? "{}");
const changedSoon = new Map();
const missedWhileHidden = new Set();
let socket = null;
let topics = "";
let tries = 0;
let lastNumber = null;
let lastHeard = 0;
let wasConnected = false;

function wantedTopics() {
  const found = [...document.querySelectorAll("[data-live-topic]")];
  return [...new Set(found.flatMap((node) => node.dataset.liveTopic.split(/\s+/).filter(Boolean)))].sort();
}

/** Open the socket, or tell an open one that the page now wants other topics. */
export function start() {
  const wanted = JSON.stringify(wantedTopics());
  if (!socket) connect();
  else if (wanted !== topics && socket.readyState === WebSocket.OPEN) subscribe();
}

function subscribe() {
  topics = JSON.stringify(wantedTopics());
  const since = Number(document.documentElement.dataset.made) || null;
  socket.send(`{"sub":${topics},"since":${since}}`);
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/ws/live/`);
  socket.addEventListener("open", () => {
    subscribe();
    tries = 0;
    lastNumber = null;
    lastHeard = Date.now();
    showState("live");
    if (wasConnected) refreshAll();
    wasConnected = true;
  });
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    socket = null;
    if (event.code === 4403 || event.code === 4401) showState("stale");
    else reconnectLater();
  });
}

function reconnectLater() {
  const wait = Math.min(2 ** tries, 30) * 1000 * (0.75 + Math.random() / 2);
  tries += 1;
  showState(tries > 2 ? "stale" : "reconnecting");
  setTimeout(connect, wait);
}

function receive(message) {
  lastHeard = Date.now();
  if (message.t === "batch" && lastNumber !== null && message.n > lastNumber + 1) refreshAll();
  lastNumber = message.n;
  for (const [key, values] of Object.entries(message.numbers ?? {})) {
    for (const [name, value] of Object.entries(values)) {
      if (name === "state") writeState(key, value);
      else if (name.endsWith(".state")) writeState(`${key}.${name.slice(0, -6)}`, value);
      else writeValue(`${key}.${name}`, value);
    }
  }
  for (const key of message.changed ?? []) {
    announce(key);
    if (key.includes(":")) announce(key.split(":")[0]);
  }
}

function writeValue(key, value) {
  const name = CSS.escape(key);
  for (const node of document.querySelectorAll(`[data-live="${name}"]`)) {
    const text = value === null ? "–" : typeof value === "number" ? readable(value, node) : String(value);
    if (node.textContent !== text) node.textContent = text;
    if (node.classList.contains("count")) node.hidden = !value;
    node.classList.remove("is-stale");
  }
  for (const bar of document.querySelectorAll(`[data-live-bar="${name}"]`)) {
    const share = Math.max(0, Math.min(1, (value ?? 0) / Number(bar.dataset.max || 100)));
    bar.setAttribute("width", String(share * 100));
  }
}

function readable(value, node) {
  const digits = Number(node.dataset.liveDigits ?? 1);
  return value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });
}

function writeState(key, code) {
  const look = looks[code];
  if (!look) return;
  for (const pill of document.querySelectorAll(`[data-live-state="${CSS.escape(key)}"]`)) {
    pill.className = `pill tone-${look.tone}`;
    pill.querySelector("svg").innerHTML = look.shape;
    pill.querySelector("span").textContent = look.word;
  }
}

/** Fire `changed:<topic>` once for many signals, and not while nobody looks. */
function announce(topic) {
  if (document.hidden) {
    missedWhileHidden.add(topic);
    return;
  }
  if (changedSoon.has(topic)) return;
  changedSoon.set(topic, setTimeout(() => {
    changedSoon.delete(topic);
    document.body.dispatchEvent(new CustomEvent(`changed:${topic}`));
  }, GATHER_MS));
}

function refreshAll() {
  for (const topic of wantedTopics()) announce(topic);
}

function showState(state) {
  for (const badge of document.querySelectorAll("[data-live-badge]")) {
    if (badge.dataset.state === state) continue;
    badge.dataset.state = state;
    badge.textContent = badge.dataset[`${state}Text`];
    if (state === "stale") badge.textContent += ` ${clockOf(lastHeard || Date.now())}`;
  }
}

function clockOf(moment) {
  const shape = { hour: "2-digit", minute: "2-digit", hour12: false };
  return new Intl.DateTimeFormat(document.documentElement.dataset.dates, shape).format(moment);
}

/** Grey the tiles that carry numbers when nothing has been heard for ten seconds. */
function greyQuietTiles() {
  const quiet = lastHeard > 0 && Date.now() - lastHeard > QUIET_MS && socket?.readyState !== WebSocket.OPEN;
  for (const node of document.querySelectorAll("[data-live]")) node.classList.toggle("is-stale", quiet);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const topic of missedWhileHidden) announce(topic);
  missedWhileHidden.clear();
});
setInterval(greyQuietTiles, 2000);
