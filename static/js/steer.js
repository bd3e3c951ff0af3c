/**
 * Pieces dragged between factories: slider and number field move together, and an estimate is said at once.
 *
 * The estimate is no plan. Pieces cost what the factory charges in this plan, or the step's mean where it makes none;
 * pieces that nobody is asked for are taken at the mean. A factory that makes more goes on at the pace it has here.
 */

const HOURS_SHOWN_AS_DAYS = 72; // as the server writes durations

export function mountAll(root) {
  for (const form of root.querySelectorAll("[data-steer]:not([data-bound])")) mount(form);
}

function mount(form) {
  form.dataset.bound = "";
  const rows = [...form.querySelectorAll("[data-steer-row]")].map((row) => ({
    row,
    field: row.querySelector("input[type=number]"),
    slider: row.querySelector("input[type=range]"),
    now: Number(row.dataset.now),
    price: Number(row.dataset.price) || null,
    ends: Number(row.dataset.ends),
  }));
  for (const one of rows) {
    one.slider.addEventListener("input", () => {
      one.field.value = one.slider.value;
      show(form, rows);
    });
    one.field.addEventListener("input", () => {
      one.slider.value = one.field.value;
      show(form, rows);
    });
    one.slider.hidden = false;
  }
  form.addEventListener("formdata", (event) => {
    for (const one of rows) if (asked(one) === one.now) event.formData.delete(one.field.name); // a long order has more fields than a site takes
  });
  show(form, rows);
}

function asked(one) {
  const value = Math.round(Number(one.field.value));
  return one.field.value === "" || !Number.isFinite(value) ? one.now : value;
}

/** Say how many pieces of each step are left to the planner, and what the split may cost and take. */
function show(form, rows) {
  const language = document.documentElement.lang;
  const numbers = new Intl.NumberFormat(language);
  let cost = 0;
  let later = 0;
  let isChanged = false;
  for (const step of form.querySelectorAll("[data-steer-step]")) {
    const mean = Number(step.dataset.price);
    const own = rows.filter((one) => step.contains(one.row));
    let moved = 0;
    for (const one of own) {
      const change = asked(one) - one.now;
      if (change === 0) continue;
      isChanged = true;
      moved += change;
      cost += change * (one.price ?? mean);
      if (change > 0 && one.now > 0) later = Math.max(later, ((one.ends - Number(form.dataset.begin)) * change) / one.now);
    }
    cost -= moved * mean;
    const left = step.querySelector("[data-steer-left]");
    const words = moved > 0 ? left.dataset.more : left.dataset.less;
    left.textContent = moved === 0 ? "" : words.replace("{n}", numbers.format(Math.abs(moved)));
  }
  const output = form.querySelector("[data-steer-estimate]");
  output.textContent = isChanged ? estimate(output.dataset, cost / 100, later / 60, form.dataset.currency) : "";
}

/** Say in words what a split may cost more or less, and how many hours later it may end. */
function estimate(words, cost, hours, currency) {
  const language = document.documentElement.lang;
  const money = new Intl.NumberFormat(language, { style: "currency", currency }).format(Math.abs(cost));
  const isLong = hours >= HOURS_SHOWN_AS_DAYS;
  const count = new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(isLong ? hours / 24 : hours);
  const time = (isLong ? words.days : words.hours).replace(/\d+/, count);
  return words.words
    .replace("{cost}", Math.abs(cost) < 1 ? words.same : (cost > 0 ? words.dearer : words.cheaper).replace("{n}", money))
    .replace("{time}", hours < 0.1 ? words.soon : words.later.replace("{n}", time));
}
