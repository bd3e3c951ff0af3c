/** What a Gantt shows, without drawing: rows, bars by row, lines on screen, zones of time. */

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const LINE = 28;
const OVERLAYS = new Set(["idle", "maintenance", "proposed"]);

function asBar(entry) {
  if (!Array.isArray(entry)) return entry;
  const [row, start, end, kind, label, id, href, detail] = entry;
  return { row, start, end, kind, label: label ?? "", id, href, detail };
}

/** Sort one row's bars and remember how far any earlier bar reaches, for quick searching. */
function sortRow(row) {
  row.bars.sort((a, b) => a.start - b.start || OVERLAYS.has(b.kind) - OVERLAYS.has(a.kind));
  let reach = -Infinity;
  row.reach = row.bars.map((bar) => (reach = Math.max(reach, bar.end)));
}

export class Plan {
  constructor(source) {
    this.zone = source.zone || "UTC";
    this.now = source.now ?? null;
    this.calendars = source.calendars ?? [];
    this.groups = source.groups.map((group) => ({ ...group, collapsed: Boolean(group.collapsed) }));
    this.rows = new Map();
    for (const group of this.groups) {
      group.rows = group.rows.map((row) => ({ ...row, group, bars: [], reach: [] }));
      for (const row of group.rows) this.rows.set(String(row.id), row);
    }
    this.bars = (source.bars ?? []).map(asBar).filter((bar) => this.rows.has(String(bar.row)));
    for (const bar of this.bars) this.rows.get(String(bar.row)).bars.push(bar);
    for (const row of this.rows.values()) sortRow(row);
    this.from = source.from ?? this.bars.reduce((low, bar) => Math.min(low, bar.start), Infinity);
    this.to = source.to ?? this.bars.reduce((high, bar) => Math.max(high, bar.end), -Infinity);
    if (!Number.isFinite(this.from)) this.from = this.now ?? Date.now();
    if (!Number.isFinite(this.to) || this.to <= this.from) this.to = this.from + 7 * DAY;
    this.arrange();
  }

  /** Rebuild the list of lines on screen after a group opens or closes. */
  arrange() {
    this.lines = [];
    for (const group of this.groups) {
      if (group.name) this.lines.push({ group });
      if (!group.collapsed) for (const row of group.rows) this.lines.push({ group, row });
    }
  }

  /** Put changed bars in and take removed ones out, by id. */
  patch({ upsert = [], remove = [] }) {
    const fresh = upsert.map(asBar);
    const gone = new Set([...remove, ...fresh.map((bar) => bar.id)].map(String));
    this.bars = this.bars.filter((bar) => !gone.has(String(bar.id))).concat(fresh);
    for (const row of this.rows.values()) row.bars = row.bars.filter((bar) => !gone.has(String(bar.id)));
    for (const bar of fresh) this.rows.get(String(bar.row))?.bars.push(bar);
    for (const row of this.rows.values()) sortRow(row);
  }

  closedSpans(row) {
    return row.closed ?? this.calendars[row.calendar] ?? [];
  }
}

/** Yield the bars of `row` that touch the span, in order of start. */
export function* barsBetween(row, from, to) {
  let low = 0;
  let high = row.bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row.reach[middle] <= from) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < row.bars.length && row.bars[at].start < to; at += 1) {
    if (row.bars[at].end > from) yield row.bars[at];
  }
}

/** Local time in a named zone, with the offset remembered for each hour. */
export class ZoneClock {
  constructor(zone, language) {
    this.offsets = new Map();
    const make = (shape) => new Intl.DateTimeFormat(language, { timeZone: zone, ...shape });
    this.parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric",
      minute: "numeric",
    });
    this.day = make({ weekday: "short", month: "short", day: "numeric" });
    this.date = make({ month: "short", day: "numeric" });
    this.hour = make({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.full = make({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }

  offset(moment) {
    const hour = Math.floor(moment / HOUR);
    if (!this.offsets.has(hour)) {
      const at = hour * HOUR;
      const found = Object.fromEntries(this.parts.formatToParts(at).map((part) => [part.type, Number(part.value)]));
      const local = Date.UTC(found.year, found.month - 1, found.day, found.hour, found.minute);
      this.offsets.set(hour, local - at);
    }
    return this.offsets.get(hour);
  }

  /** Yield the moments in the span at which the local clock shows a multiple of `step`. */
  *ticks(from, to, step) {
    let local = Math.floor((from + this.offset(from)) / step) * step;
    for (;;) {
      const moment = local - this.offset(local - this.offset(local));
      if (moment >= to) return;
      if (moment >= from) yield moment;
      local += step;
    }
  }

  isMidnight(moment) {
    return (moment + this.offset(moment)) % DAY === 0;
  }

  isMonday(moment) {
    return new Date(moment + this.offset(moment)).getUTCDay() === 1;
  }
}
