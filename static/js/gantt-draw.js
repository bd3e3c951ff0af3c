/** Draw the visible part of a plan on a canvas; nothing here keeps state but colours. */

import { barsBetween, DAY, HOUR, LINE } from "app/gantt-model";

export const HEAD = 34;
const BAR_TOP = 4;
const BAR_HEIGHT = 20;
const TONES = [
  "production", "confirmed", "done", "risk", "setup", "setup-2", "brand", "now", "off", "ground", "group", "line",
  "grid", "fg", "fg-2", "focus", "maintenance",
];

/** Read the tokens as real colours and build the two hatchings; again after a theme change. */
export function readInk(element, ratio) {
  const style = getComputedStyle(element);
  const ink = Object.fromEntries(TONES.map((name) => [name, style.getPropertyValue(`--gantt-${name}`).trim()]));
  ink.font = style.fontFamily;
  ink.hatch = hatching(ink.setup, ink["setup-2"], 2.2, false, ratio);
  ink.cross = hatching(null, ink.maintenance, 1, true, ratio);
  ink.widths = new Map();
  return ink;
}

function hatching(ground, line, weight, crossed, ratio) {
  const size = 7;
  const tile = new OffscreenCanvas(size * ratio, size * ratio);
  const pen = tile.getContext("2d");
  pen.scale(ratio, ratio);
  if (ground) {
    pen.fillStyle = ground;
    pen.fillRect(0, 0, size, size);
  }
  pen.strokeStyle = line;
  pen.lineWidth = weight;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift - 1, size + 1);
    pen.lineTo(shift + size + 1, -1);
    if (crossed) {
      pen.moveTo(shift - 1, -1);
      pen.lineTo(shift + size + 1, size + 1);
    }
  }
  pen.stroke();
  const pattern = pen.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}

/** Draw everything; `view` holds size, scroll, scale, label width and the marked bar. */
export function draw(pen, plan, view, ink, clock) {
  const { width, height, labels } = view;
  pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  pen.textBaseline = "middle";
  pen.fillStyle = ink.ground;
  pen.fillRect(0, 0, width, height);
  const first = Math.floor(view.top / LINE);
  const last = Math.min(plan.lines.length, Math.ceil((view.top + height) / LINE));
  pen.save();
  pen.beginPath();
  pen.rect(labels, HEAD, width - labels, height - HEAD);
  pen.clip();
  for (let at = first; at < last; at += 1) drawGround(pen, plan, plan.lines[at], lineTop(view, at), view, ink);
  drawGrid(pen, view, ink, clock, Math.min(lineTop(view, plan.lines.length), height));
  pen.font = `11px ${ink.font}`;
  for (let at = first; at < last; at += 1) {
    if (plan.lines[at].row) drawRow(pen, plan.lines[at].row, lineTop(view, at), view, ink);
  }
  pen.restore();
  for (let at = first; at < last; at += 1) drawLabel(pen, plan.lines[at], lineTop(view, at), view, ink);
  drawHead(pen, view, ink, clock);
  drawNow(pen, plan, view, ink);
}

export const lineTop = (view, at) => HEAD + at * LINE - view.top;
export const xOf = (view, moment) => view.labels + (moment - view.from) * view.scale - view.left;
export const momentOf = (view, x) => view.from + (x - view.labels + view.left) / view.scale;

function drawGround(pen, plan, line, top, view, ink) {
  if (!line.row) {
    pen.fillStyle = ink.group;
    pen.fillRect(view.labels, top, view.width - view.labels, LINE);
    return;
  }
  pen.fillStyle = ink.off;
  for (const [start, end] of plan.closedSpans(line.row)) {
    const x = xOf(view, start);
    const right = xOf(view, end);
    if (right > view.labels && x < view.width) pen.fillRect(x, top, right - x, LINE);
  }
  pen.fillStyle = ink.grid;
  pen.fillRect(view.labels, top + LINE - 1, view.width - view.labels, 1);
}

/** Return the step between ticks and how they are worded at this scale. */
function tickPlan(view) {
  const perDay = view.scale * DAY;
  if (perDay >= 2400) return { step: HOUR, word: "hour" };
  if (perDay >= 1000) return { step: 2 * HOUR, word: "hour" };
  if (perDay >= 480) return { step: 6 * HOUR, word: "hour" };
  if (perDay >= 96) return { step: DAY, word: "day" };
  if (perDay >= 52) return { step: DAY, word: "date" };
  return { step: DAY, word: "week" };
}

function* visibleTicks(view, clock) {
  const { step, word } = tickPlan(view);
  const from = momentOf(view, view.labels) - step;
  for (const moment of clock.ticks(from, momentOf(view, view.width), step)) {
    if (word !== "week" || clock.isMonday(moment)) yield { moment, word };
  }
}

function drawGrid(pen, view, ink, clock, bottom) {
  pen.fillStyle = ink.grid;
  for (const { moment } of visibleTicks(view, clock)) {
    pen.fillRect(Math.round(xOf(view, moment)), HEAD, 1, bottom - HEAD);
  }
}

function drawHead(pen, view, ink, clock) {
  pen.fillStyle = ink.ground;
  pen.fillRect(0, 0, view.width, HEAD);
  pen.save();
  pen.beginPath();
  pen.rect(view.labels, 0, view.width - view.labels, HEAD);
  pen.clip();
  for (const { moment, word } of visibleTicks(view, clock)) {
    const x = xOf(view, moment);
    const midnight = word === "hour" && clock.isMidnight(moment);
    pen.fillStyle = midnight ? ink.fg : ink["fg-2"];
    pen.font = `${midnight ? 600 : 400} 11px ${ink.font}`;
    const shape = word === "hour" ? (midnight ? clock.day : clock.hour) : word === "day" ? clock.day : clock.date;
    const text = shape.format(moment);
    const room = word === "day" ? view.scale * DAY - 12 : Infinity;
    const stuck = Math.min(Math.max(x + 6, view.labels + 6), x + room - pen.measureText(text).width);
    pen.fillText(text, word === "day" ? Math.max(stuck, x + 6) : x + 6, HEAD / 2 + 1);
  }
  pen.restore();
  pen.fillStyle = ink.line;
  pen.fillRect(0, HEAD - 1, view.width, 1);
  pen.fillRect(view.labels - 1, 0, 1, view.height);
}

function drawRow(pen, row, top, view, ink) {
  let lastRight = -Infinity;
  for (const bar of barsBetween(row, momentOf(view, view.labels), momentOf(view, view.width))) {
    const x = xOf(view, bar.start);
    const right = xOf(view, bar.end);
    if (right - x < 1 && right < lastRight + 1) continue;
    lastRight = right;
    drawBar(pen, bar, x, top + BAR_TOP, Math.max(right - x - 1, 1), view, ink);
  }
}

function drawBar(pen, bar, x, y, width, view, ink) {
  const hollow = bar.kind === "idle" || bar.kind === "proposed";
  pen.beginPath();
  pen.roundRect(x, y, width, BAR_HEIGHT, Math.min(3, width / 2));
  if (hollow) {
    pen.globalAlpha = bar.kind === "idle" ? 0.14 : 0.2;
    pen.fillStyle = ink.brand;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = ink.brand;
    pen.lineWidth = 1.2;
    pen.setLineDash(bar.kind === "idle" ? [4, 3] : []);
    pen.stroke();
    pen.setLineDash([]);
  } else {
    pen.fillStyle = bar.kind === "setup" ? ink.hatch : bar.kind === "maintenance" ? ink.cross : ink[bar.kind];
    pen.fill();
  }
  if (bar.kind !== "setup" && width > 18) drawWords(pen, bar, x, y, width, hollow, view, ink);
  if (view.marked === bar) {
    pen.strokeStyle = ink.focus;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.roundRect(x - 2, y - 2, width + 4, BAR_HEIGHT + 4, 5);
    pen.stroke();
  }
}

function drawWords(pen, bar, x, y, width, hollow, view, ink) {
  const warned = bar.kind === "risk";
  const start = Math.max(x, view.labels) + 6;
  const room = x + width - start - (warned ? 18 : 5);
  const text = fitting(pen, bar.label, room, ink);
  pen.fillStyle = hollow ? ink.brand : bar.kind === "maintenance" ? ink.fg : "#fff";
  if (bar.kind === "maintenance" && text) {
    pen.fillStyle = ink.ground;
    pen.fillRect(start - 2, y + 3, textWidth(pen, text, ink) + 4, BAR_HEIGHT - 6);
    pen.fillStyle = ink.fg;
  }
  if (text) pen.fillText(text, start, y + BAR_HEIGHT / 2 + 0.5);
  if (warned) {
    const right = x + width - 5;
    pen.beginPath();
    pen.moveTo(right - 4, y + 5.5);
    pen.lineTo(right, y + 14);
    pen.lineTo(right - 8, y + 14);
    pen.fill();
  }
}

function textWidth(pen, text, ink) {
  if (!ink.widths.has(text)) ink.widths.set(text, pen.measureText(text).width);
  return ink.widths.get(text);
}

/** Return the label, or its first word, or nothing: whatever fits whole. */
function fitting(pen, label, room, ink) {
  if (room < 14) return "";
  if (textWidth(pen, label, ink) <= room) return label;
  const word = label.split(" ")[0];
  return textWidth(pen, word, ink) <= room ? word : "";
}

/** Return the name, cut with an ellipsis where it would run into the bars. */
function shortened(pen, name, room) {
  if (pen.measureText(name).width <= room) return name;
  let cut = name.length;
  while (cut > 1 && pen.measureText(`${name.slice(0, cut)}…`).width > room) cut -= 1;
  return `${name.slice(0, cut).trimEnd()}…`;
}

function drawLabel(pen, line, top, view, ink) {
  pen.save();
  pen.beginPath();
  pen.rect(0, HEAD, line.row ? view.labels - 1 : view.width, view.height);
  pen.clip();
  pen.fillStyle = line.row ? ink.ground : ink.group;
  pen.fillRect(0, top, view.labels - 1, LINE);
  pen.fillStyle = ink.fg;
  if (line.row) {
    pen.font = `${view.line === line ? 600 : 400} 12px ${ink.font}`;
    const start = view.narrow ? 10 : 18;
    pen.fillText(shortened(pen, line.row.name, view.labels - start - 8), start, top + LINE / 2);
  } else {
    pen.font = `600 12px ${ink.font}`;
    const name = `${line.group.collapsed ? "▸" : "▾"} ${line.group.name}`;
    pen.fillText(name, 10, top + LINE / 2);
    const taken = pen.measureText(name).width + 24;
    pen.fillStyle = ink["fg-2"];
    pen.font = `11px ${ink.font}`;
    const note = line.group.note ?? "";
    const room = pen.measureText(note).width + 14;
    if (taken + room < view.width) pen.fillText(note, view.width - room, top + LINE / 2);
  }
  pen.fillStyle = ink.grid;
  pen.fillRect(0, top + LINE - 1, view.labels - 1, 1);
  pen.restore();
}

function drawNow(pen, plan, view, ink) {
  if (plan.now === null) return;
  const x = Math.round(xOf(view, plan.now));
  if (x < view.labels || x > view.width) return;
  pen.fillStyle = ink.now;
  pen.fillRect(x - 1, HEAD, 2, view.height - HEAD);
  pen.beginPath();
  pen.moveTo(x - 5, HEAD - 6);
  pen.lineTo(x + 5, HEAD - 6);
  pen.lineTo(x, HEAD);
  pen.fill();
}
