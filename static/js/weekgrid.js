/**
 * Idle windows on a week: drawn by pointer or keyboard, or written as a list; one hidden field.
 *
 * The field holds [{machine, day, start, end}] in local half hours; "24:00" ends a day. What is
 * past or sold cannot be drawn or erased; what is for sale looks different from a draft.
 */

const SLOTS = 48;
const clockOf = (slot) => `${String(slot >> 1).padStart(2, "0")}:${slot % 2 ? "30" : "00"}`;
const slotOf = (text) => {
  const [hours, minutes] = text.split(":").map(Number);
  return Math.min(SLOTS, hours * 2 + Math.floor(minutes / 30));
};

class WeekGrid {
  constructor(root) {
    this.root = root;
    this.grid = root.querySelector(".week-grid");
    this.list = root.querySelector(".week-list");
    this.field = root.querySelector('input[type="hidden"]');
    this.select = root.querySelector("[data-week-machine]");
    const [setup, words] = [...root.querySelectorAll('script[type="application/json"]')].map((s) => JSON.parse(s.textContent));
    this.words = words;
    this.days = setup.days;
    const slotsOf = (name) => new Map(setup.machines.map((one) => [String(one.id), this.toSlots(one[name] ?? [])]));
    this.shifts = slotsOf("shifts");
    this.listed = slotsOf("listed");
    this.sold = slotsOf("sold");
    this.past = slotsOf("past");
    this.idle = new Map(setup.machines.map((one) => [String(one.id), this.toSlots([])]));
    this.read();
    this.buildGrid();
    this.bind();
    this.show();
  }

  get machine() {
    return this.select.value;
  }

  /** Return a set of "day slot" numbers; a window over midnight runs on, out of a dated week it is cut. */
  toSlots(windows) {
    const slots = new Set();
    for (const { day, start, end } of windows) {
      const at = this.days.findIndex((one) => one.key === String(day));
      if (at < 0) continue;
      const from = slotOf(start);
      const to = slotOf(end) <= from ? slotOf(end) + SLOTS : slotOf(end);
      const week = SLOTS * this.days.length;
      const isDated = this.days[0].key.length > 1;
      for (let slot = at * SLOTS + from; slot < at * SLOTS + to; slot += 1) if (slot < week || !isDated) slots.add(slot % week);
    }
    return slots;
  }

  read() {
    const byMachine = new Map();
    for (const window of JSON.parse(this.field.value || "[]")) {
      const key = String(window.machine ?? this.machine);
      byMachine.set(key, [...(byMachine.get(key) ?? []), window]);
    }
    for (const [key, windows] of byMachine) if (this.idle.has(key)) this.idle.set(key, this.toSlots(windows));
  }

  isFixed(machine, at) {
    return this.past.get(machine).has(at) || this.sold.get(machine).has(at);
  }

  /** Store the wanted slots of a machine, but for those that are past or sold: they stay. */
  keep(machine, wanted) {
    const before = this.idle.get(machine);
    const free = [...wanted].filter((at) => !this.isFixed(machine, at));
    const fixed = [...before].filter((at) => this.isFixed(machine, at));
    this.idle.set(machine, new Set([...free, ...fixed]));
  }

  /** Return the windows of one machine as runs of slots, day by day. */
  windows(machine) {
    const slots = this.idle.get(machine);
    const found = [];
    for (let day = 0; day < this.days.length; day += 1) {
      for (let slot = 0; slot < SLOTS; slot += 1) {
        if (!slots.has(day * SLOTS + slot)) continue;
        const start = slot;
        while (slot < SLOTS && slots.has(day * SLOTS + slot)) slot += 1;
        found.push({ machine, day: this.days[day].key, start: clockOf(start), end: clockOf(slot) });
      }
    }
    return found;
  }

  buildGrid() {
    const make = (css, text = "") => Object.assign(document.createElement("div"), { className: css, textContent: text });
    const parts = [make("head"), ...this.days.map((day) => make("head", day.label))];
    this.cells = [];
    for (let slot = 0; slot < SLOTS; slot += 1) {
      parts.push(make("hour", slot % 4 === 0 ? clockOf(slot) : ""));
      for (let day = 0; day < this.days.length; day += 1) {
        const cell = make(`cell${slot % 2 ? "" : " full"}`);
        cell.dataset.at = String(day * SLOTS + slot);
        cell.tabIndex = day + slot === 0 ? 0 : -1;
        cell.setAttribute("role", "checkbox");
        this.cells[day * SLOTS + slot] = cell;
        parts.push(cell);
      }
    }
    this.grid.replaceChildren(...parts);
  }

  /** Paint the chosen machine, its list and the sum, and store all machines. */
  show(listToo = true) {
    const idle = this.idle.get(this.machine);
    const shift = this.shifts.get(this.machine);
    this.cells.forEach((cell, at) => {
      const drawn = idle.has(at);
      cell.classList.toggle("on", drawn);
      const isSold = this.sold.get(this.machine).has(at);
      const isPast = this.past.get(this.machine).has(at);
      const isListed = drawn && this.listed.get(this.machine).has(at);
      cell.classList.toggle("shift", shift.has(at));
      cell.classList.toggle("sold", isSold);
      cell.classList.toggle("past", isPast);
      cell.classList.toggle("listed", isListed);
      cell.setAttribute("aria-disabled", String(isSold || isPast));
      cell.classList.remove("preview", "erase");
      cell.setAttribute("aria-checked", String(drawn));
      const about = [[isSold, "sold"], [isPast, "past"], [isListed, "listed"], [shift.has(at), "shift"], [true, "free"]].find(([holds]) => holds)[1];
      cell.setAttribute("aria-label", `${this.days[Math.floor(at / SLOTS)].label} ${clockOf(at % SLOTS)}, ${this.words[about]}`);
    });
    const all = [...this.idle.keys()].flatMap((machine) => this.windows(machine));
    this.field.value = JSON.stringify(all);
    const total = [...this.idle.values()].reduce((sum, slots) => sum + slots.size, 0) / 2;
    const sum = this.words.sum.replace("{count}", idle.size / 2).replace("{total}", total);
    this.root.querySelector("[data-week-sum]").textContent = sum;
    if (listToo) this.showList();
    this.root.dispatchEvent(new CustomEvent("week:change", { bubbles: true, detail: all }));
  }

  showList() {
    const windows = this.windows(this.machine);
    this.list.replaceChildren(...windows.map((window) => this.listRow(window)));
    if (!windows.length) {
      const none = Object.assign(document.createElement("li"), { textContent: this.words.none, className: "muted small" });
      none.style.display = "block";
      this.list.append(none);
    }
  }

  listRow(window) {
    const row = document.createElement("li");
    const day = document.createElement("select");
    day.setAttribute("aria-label", this.words.day);
    for (const one of this.days) day.add(new Option(one.label, one.key, false, one.key === window.day));
    const start = this.clockSelect(this.words.from, 0, SLOTS - 1, window.start);
    const end = this.clockSelect(this.words.to, 1, SLOTS, window.end);
    const dash = Object.assign(document.createElement("span"), { textContent: "–" });
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "btn small", textContent: this.words.remove });
    const replace = (windows) => {
      const slots = new Set(this.idle.get(this.machine));
      for (const at of this.toSlots([window])) slots.delete(at);
      for (const at of this.toSlots(windows)) slots.add(at);
      this.put(slots);
    };
    for (const input of [day, start, end]) {
      input.addEventListener("change", () => replace([{ day: day.value, start: start.value, end: end.value }]));
    }
    remove.addEventListener("click", () => replace([]));
    row.append(day, start, dash, end, remove);
    return row;
  }

  clockSelect(label, first, last, value) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", label);
    for (let slot = first; slot <= last; slot += 1) select.add(new Option(clockOf(slot), clockOf(slot), false, clockOf(slot) === value));
    return select;
  }

  bind() {
    const { root, grid } = this;
    this.select.addEventListener("change", () => this.show());
    root.querySelector("[data-week-fill]").addEventListener("click", () => this.fillNights());
    root.querySelector("[data-week-clear]").addEventListener("click", () => this.put(new Set()));
    root.querySelector("[data-week-copy]").addEventListener("click", () => this.copyToAll());
    root.querySelector("[data-week-add]").addEventListener("click", () => this.addWindow());
    grid.addEventListener("pointerdown", (event) => this.onDown(event));
    grid.addEventListener("pointermove", (event) => this.onMove(event));
    grid.addEventListener("pointerup", () => this.finish());
    grid.addEventListener("pointercancel", () => this.abandon());
    grid.addEventListener("keydown", (event) => this.onKey(event));
  }

  put(slots) {
    this.keep(this.machine, slots);
    this.show();
  }

  /** Everything outside the machine's own shifts is idle; without shifts, 20:00 to 08:00. */
  fillNights() {
    const shift = this.shifts.get(this.machine);
    const busy = (at) => (shift.size ? shift.has(at) : at % SLOTS >= 16 && at % SLOTS < 40);
    this.put(new Set([...this.cells.keys()].filter((at) => !busy(at))));
  }

  copyToAll() {
    const wanted = new Set(this.idle.get(this.machine));
    for (const machine of this.idle.keys()) this.keep(machine, wanted);
    this.show();
  }

  addWindow() {
    const slots = new Set(this.idle.get(this.machine));
    const isTaken = (at) => slots.has(at) || this.isFixed(this.machine, at);
    const day = this.days.findIndex((_day, at) => !this.cells.slice(at * SLOTS, (at + 1) * SLOTS).some((_cell, slot) => isTaken(at * SLOTS + slot)));
    const at = (day < 0 ? this.days.length - 1 : day) * SLOTS;
    for (let slot = 40; slot < SLOTS; slot += 1) slots.add(at + slot);
    this.put(slots);
    this.list.querySelector("li:last-child select")?.focus();
  }

  cellAt(event) {
    const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest(".cell");
    return cell && this.grid.contains(cell) ? Number(cell.dataset.at) : null;
  }

  onDown(event) {
    const at = this.cellAt(event);
    if (at === null || event.button !== 0) return;
    event.preventDefault();
    this.grid.setPointerCapture(event.pointerId);
    this.focusCell(at);
    this.stroke = { from: at, to: at, erase: this.idle.get(this.machine).has(at) };
    this.preview();
  }

  onMove(event) {
    if (!this.stroke) return;
    const at = this.cellAt(event);
    if (at === null || at === this.stroke.to) return;
    this.stroke.to = at;
    this.preview();
  }

  /** Yield the slots of the rectangle between two cells. */
  *between(from, to) {
    const days = [Math.floor(from / SLOTS), Math.floor(to / SLOTS)].sort((a, b) => a - b);
    const slots = [from % SLOTS, to % SLOTS].sort((a, b) => a - b);
    for (let day = days[0]; day <= days[1]; day += 1) {
      for (let slot = slots[0]; slot <= slots[1]; slot += 1) yield day * SLOTS + slot;
    }
  }

  preview() {
    const marked = new Set(this.between(this.stroke.from, this.stroke.to));
    this.cells.forEach((cell, at) => {
      cell.classList.toggle("preview", marked.has(at));
      cell.classList.toggle("erase", marked.has(at) && this.stroke.erase);
    });
  }

  finish() {
    if (!this.stroke) return;
    this.apply(this.stroke.from, this.stroke.to, this.stroke.erase);
    this.stroke = null;
  }

  abandon() {
    this.stroke = null;
    this.show(false);
  }

  apply(from, to, erase) {
    const slots = new Set(this.idle.get(this.machine));
    for (const at of this.between(from, to)) {
      if (erase) slots.delete(at);
      else slots.add(at);
    }
    this.put(slots);
  }

  focusCell(at) {
    this.grid.querySelector('.cell[tabindex="0"]').tabIndex = -1;
    this.cells[at].tabIndex = 0;
    this.cells[at].focus({ preventScroll: true });
    this.cells[at].scrollIntoView({ block: "nearest" });
  }

  onKey(event) {
    const cell = event.target.closest(".cell");
    if (!cell) return;
    const at = Number(cell.dataset.at);
    const drawn = this.idle.get(this.machine).has(at);
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      this.apply(at, at, drawn);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: SLOTS, ArrowLeft: -SLOTS }[event.key];
    const next = at + step;
    if (!step || next < 0 || next >= this.cells.length) return;
    if (Math.abs(step) === 1 && Math.floor(next / SLOTS) !== Math.floor(at / SLOTS)) return;
    event.preventDefault();
    if (event.shiftKey) this.apply(next, next, !drawn);
    this.focusCell(next);
  }
}

/** Bring every week grid below `root` to life. */
export function mountAll(root) {
  for (const node of root.querySelectorAll("[data-week]:not([data-bound])")) {
    node.dataset.bound = "";
    new WeekGrid(node);
  }
}
