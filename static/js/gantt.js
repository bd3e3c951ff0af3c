/**
 * A canvas Gantt with native scrolling: rows grouped factory > machine, any number of bars.
 *
 * Events on the section: `gantt:select` (detail: bar, row; cancel it to stay on the page),
 * and it listens for `gantt:patch` (detail: {upsert, remove}) and `gantt:reload`.
 */

import { draw, HEAD, lineTop, momentOf, readInk, xOf } from "app/gantt-draw";
import { barsBetween, DAY, LINE, Plan, ZoneClock } from "app/gantt-model";
import { fillTable } from "app/gantt-table";

const LEVELS = { shift: 1200, day: 192, week: 64, month: 20 };
const WIDEST = 4800;
const NARROWEST = 6;
const DRAG_SLACK = 4;

class Gantt {
  constructor(section) {
    this.section = section;
    this.scroller = section.querySelector(".gantt-scroll");
    this.canvas = section.querySelector("canvas");
    this.tip = section.querySelector(".gantt-tip");
    this.twin = section.querySelector(".gantt-table");
    this.said = section.querySelector("[data-gantt-said]");
    this.size = document.createElement("div");
    this.canvas.before(this.size);
    this.size.append(this.canvas);
    this.pen = this.canvas.getContext("2d", { alpha: false });
    this.view = { scale: LEVELS[section.dataset.zoom] / DAY, left: 0, top: 0, marked: null, line: null };
    const scripts = [...section.querySelectorAll('script[type="application/json"]')];
    this.words = JSON.parse(scripts.at(-1).textContent);
    this.source = scripts.length > 1 ? JSON.parse(scripts[0].textContent) : null;
    this.bind();
    if (this.source) this.show(this.source);
    else this.fetch();
  }

  async fetch() {
    const answer = await fetch(this.section.dataset.url, { headers: { Accept: "application/json" } });
    if (answer.ok) this.show(await answer.json());
    else {
      this.twin.textContent = this.words.failed;
      this.twin.hidden = false;
    }
  }

  show(source) {
    const fresh = !this.plan;
    const folded = new Set((this.plan?.groups ?? []).filter((g) => g.collapsed).map((g) => g.id));
    this.plan = new Plan(source);
    for (const group of this.plan.groups) {
      group.collapsed ||= folded.has(group.id);
      group.note ??= this.words.machines.replace("{count}", group.rows.length);
    }
    this.plan.arrange();
    this.clock = new ZoneClock(this.plan.zone, document.documentElement.dataset.dates);
    this.view.from = this.plan.from;
    this.view.marked = null;
    this.resize();
    if (fresh) this.goTo(this.plan.now ?? this.plan.from, 0.26);
    this.section.dataset.ready = "";
    this.markLevel();
    if (!this.twin.hidden) fillTable(this.twin, this.plan, this.words, this.clock);
  }

  bind() {
    const { scroller, section } = this;
    scroller.addEventListener("scroll", () => this.redraw(), { passive: true });
    scroller.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    scroller.addEventListener("pointerdown", (event) => this.onDown(event));
    scroller.addEventListener("pointermove", (event) => this.onMove(event));
    scroller.addEventListener("pointerleave", () => this.hideTip());
    scroller.addEventListener("click", (event) => this.onClick(event));
    scroller.addEventListener("keydown", (event) => this.onKey(event));
    scroller.addEventListener("blur", () => this.mark(null));
    section.querySelector("[data-gantt-zoom]").addEventListener("click", (event) => this.onTool(event));
    section.addEventListener("gantt:patch", (event) => {
      this.plan.patch(event.detail);
      this.redraw();
    });
    section.addEventListener("gantt:reload", () => this.fetch());
    new ResizeObserver(() => this.resize()).observe(scroller);
    const recolour = () => {
      this.ink = null;
      this.redraw();
    };
    document.addEventListener("theme:changed", recolour);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
    document.fonts.ready.then(recolour);
  }

  resize() {
    if (!this.plan) return;
    const { view, scroller, canvas } = this;
    view.ratio = window.devicePixelRatio || 1;
    view.width = scroller.clientWidth;
    view.height = scroller.clientHeight;
    view.narrow = view.width < 560;
    view.labels = view.narrow ? 104 : 152;
    const span = (this.plan.to - this.plan.from) * view.scale;
    this.size.style.width = `${Math.max(view.labels + span, view.width)}px`;
    this.size.style.height = `${Math.max(HEAD + this.plan.lines.length * LINE, view.height)}px`;
    canvas.width = Math.round(view.width * view.ratio);
    canvas.height = Math.round(view.height * view.ratio);
    canvas.style.width = `${view.width}px`;
    canvas.style.height = `${view.height}px`;
    this.ink = null;
    this.paint();
  }

  redraw() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.plan || !this.view.width) return;
    this.view.left = this.scroller.scrollLeft;
    this.view.top = this.scroller.scrollTop;
    this.ink ??= readInk(this.section, this.view.ratio);
    draw(this.pen, this.plan, this.view, this.ink, this.clock);
  }

  goTo(moment, share = 0.5) {
    const room = this.view.width - this.view.labels;
    this.scroller.scrollLeft = (moment - this.plan.from) * this.view.scale - room * share;
    this.redraw();
  }

  /** Change the scale and keep the moment under `x` where it is. */
  zoomTo(perDay, x = this.view.labels + (this.view.width - this.view.labels) / 2) {
    const moment = momentOf(this.view, x);
    this.view.scale = Math.min(WIDEST, Math.max(NARROWEST, perDay)) / DAY;
    this.resize();
    this.scroller.scrollLeft = (moment - this.plan.from) * this.view.scale - (x - this.view.labels);
    this.markLevel();
    this.redraw();
  }

  markLevel() {
    const now = Math.log(this.view.scale * DAY);
    const nearest = Object.entries(LEVELS).sort((a, b) => Math.abs(Math.log(a[1]) - now) - Math.abs(Math.log(b[1]) - now));
    for (const button of this.section.querySelectorAll("[data-level]")) {
      button.setAttribute("aria-pressed", String(button.dataset.level === nearest[0][0]));
    }
  }

  onTool(event) {
    const button = event.target.closest("button");
    if (!button || !this.plan) return;
    if (button.dataset.level) this.zoomTo(LEVELS[button.dataset.level]);
    else if ("ganttNow" in button.dataset) this.goTo(this.plan.now ?? this.plan.from);
    else if ("ganttTwin" in button.dataset) {
      this.twin.hidden = !this.twin.hidden;
      this.scroller.hidden = !this.twin.hidden;
      button.setAttribute("aria-pressed", String(!this.twin.hidden));
      button.textContent = this.twin.hidden ? button.dataset.off : button.dataset.on;
      if (!this.twin.hidden) fillTable(this.twin, this.plan, this.words, this.clock);
      else this.resize();
    }
  }

  onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const x = event.clientX - this.scroller.getBoundingClientRect().left;
    this.zoomTo(this.view.scale * DAY * Math.exp(-event.deltaY / 300), Math.max(x, this.view.labels));
  }

  onDown(event) {
    this.drag = null;
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    const { scroller } = this;
    this.drag = { x: event.clientX, y: event.clientY, left: scroller.scrollLeft, top: scroller.scrollTop, moved: false };
    const stop = () => {
      window.removeEventListener("pointermove", pan);
      scroller.classList.remove("is-panning");
    };
    const pan = (move) => {
      const dx = move.clientX - this.drag.x;
      const dy = move.clientY - this.drag.y;
      if (!this.drag.moved && Math.hypot(dx, dy) < DRAG_SLACK) return;
      this.drag.moved = true;
      scroller.classList.add("is-panning");
      this.hideTip();
      scroller.scrollTo(this.drag.left - dx, this.drag.top - dy);
    };
    window.addEventListener("pointermove", pan);
    window.addEventListener("pointerup", stop, { once: true });
    window.addEventListener("pointercancel", stop, { once: true });
  }

  /** Return what lies under a pointer: the line, and the bar if there is one. */
  under(event) {
    const box = this.scroller.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    if (!this.plan || y < HEAD) return {};
    const line = this.plan.lines[Math.floor((y - HEAD + this.view.top) / LINE)];
    if (!line?.row || x < this.view.labels) return { line, x, y };
    const slack = 2 / this.view.scale;
    const moment = momentOf(this.view, x);
    const bar = [...barsBetween(line.row, moment - slack, moment + slack)].at(-1);
    return { line, bar, x, y };
  }

  onMove(event) {
    if (this.scroller.classList.contains("is-panning")) return;
    const { line, bar, x, y } = this.under(event);
    this.scroller.classList.toggle("is-bar", Boolean(bar) || Boolean(line && !line.row));
    if (bar) this.showTip(bar, line.row, x, y);
    else this.hideTip();
  }

  onClick(event) {
    if (this.drag?.moved) return;
    const { line, bar } = this.under(event);
    if (bar) this.choose(bar, line.row);
    else if (line && !line.row) this.fold(line.group);
    else if (line?.row?.href && event.clientX - this.scroller.getBoundingClientRect().left < this.view.labels) {
      window.location.assign(line.row.href);
    }
  }

  fold(group) {
    group.collapsed = !group.collapsed;
    this.plan.arrange();
    this.resize();
  }

  choose(bar, row) {
    const detail = { bar, row: { id: row.id, name: row.name } };
    const stay = !this.section.dispatchEvent(new CustomEvent("gantt:select", { detail, bubbles: true, cancelable: true }));
    if (!stay && bar.href) window.location.assign(bar.href);
  }

  describe(bar, row) {
    const hours = this.words.hours.replace("{count}", ((bar.end - bar.start) / 3_600_000).toFixed(1));
    const span = `${this.clock.full.format(bar.start)} – ${this.clock.full.format(bar.end)}`;
    const kind = this.words.kinds[bar.kind] ?? bar.kind;
    return [bar.label || kind, `${kind} · ${row.name}`, `${span} · ${hours}`, ...(bar.detail ? [bar.detail] : [])];
  }

  showTip(bar, row, x, y) {
    const [title, ...lines] = this.describe(bar, row);
    const head = document.createElement("b");
    head.textContent = title;
    const rest = lines.map((text) => Object.assign(document.createElement("span"), { textContent: text }));
    this.tip.replaceChildren(head, ...rest);
    this.tip.hidden = false;
    const left = Math.min(x + 14, this.view.width - this.tip.offsetWidth - 8);
    const below = y + 18 + this.tip.offsetHeight < this.view.height;
    this.tip.style.left = `${Math.max(left, 8)}px`;
    this.tip.style.top = `${below ? y + 18 : Math.max(y - this.tip.offsetHeight - 12, 4)}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  onKey(event) {
    if (!this.plan || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = {
      ArrowRight: () => this.stepBar(1),
      ArrowLeft: () => this.stepBar(-1),
      ArrowDown: () => this.stepLine(1),
      ArrowUp: () => this.stepLine(-1),
      Enter: () => this.openMarked(),
      " ": () => this.openMarked(),
      "+": () => this.zoomTo(this.view.scale * DAY * 1.5),
      "=": () => this.zoomTo(this.view.scale * DAY * 1.5),
      "-": () => this.zoomTo((this.view.scale * DAY) / 1.5),
      Home: () => this.goTo(this.plan.from, 0),
      End: () => this.goTo(this.plan.to, 1),
    };
    if (!steps[event.key]) return;
    event.preventDefault();
    steps[event.key]();
  }

  openMarked() {
    const { line, marked } = this.view;
    if (marked) this.choose(marked, line.row);
    else if (line && !line.row) this.fold(line.group);
  }

  stepBar(step) {
    const line = this.view.line?.row ? this.view.line : this.plan.lines.find((one) => one.row?.bars.length);
    if (!line) return;
    const { bars } = line.row;
    const middle = momentOf(this.view, (this.view.labels + this.view.width) / 2);
    const from = this.view.marked ? bars.indexOf(this.view.marked) + step : bars.findIndex((bar) => bar.end > middle);
    const at = from < 0 && !this.view.marked ? bars.length - 1 : from;
    this.mark(line, bars[Math.min(Math.max(at, 0), bars.length - 1)]);
  }

  stepLine(step) {
    const lines = this.plan.lines;
    const at = Math.min(Math.max(lines.indexOf(this.view.line) + step, 0), lines.length - 1);
    const line = lines[at];
    const { marked } = this.view;
    const aim = marked ? (marked.start + marked.end) / 2 : momentOf(this.view, (this.view.labels + this.view.width) / 2);
    const near = line.row?.bars.reduce((best, bar) => {
      const gap = Math.abs((bar.start + bar.end) / 2 - aim);
      return !best || gap < best.gap ? { bar, gap } : best;
    }, null);
    this.mark(line, near?.bar ?? null);
  }

  /** Mark a bar, bring it into view and say it. */
  mark(line, bar = null) {
    this.view.line = line;
    this.view.marked = bar;
    if (!line) {
      this.hideTip();
      this.redraw();
      return;
    }
    const top = lineTop(this.view, this.plan.lines.indexOf(line));
    if (top < HEAD) this.scroller.scrollTop += top - HEAD;
    else if (top + LINE > this.view.height) this.scroller.scrollTop += top + LINE - this.view.height;
    if (bar) {
      const x = xOf(this.view, bar.start);
      if (x < this.view.labels || x > this.view.width - 60) this.goTo(bar.start, 0.3);
    }
    this.paint();
    const told = bar ? this.describe(bar, line.row) : [line.row?.name ?? line.group.name];
    this.said.textContent = told.join(", ");
    if (bar) this.showTip(bar, line.row, Math.max(xOf(this.view, bar.start), this.view.labels), lineTop(this.view, this.plan.lines.indexOf(line)) + 14);
    else this.hideTip();
  }
}

/** Draw every Gantt below `root` that is not drawn yet. */
export function mountAll(root) {
  for (const section of root.querySelectorAll("[data-gantt]:not([data-bound])")) {
    section.dataset.bound = "";
    new Gantt(section);
  }
}
