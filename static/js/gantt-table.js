/** The accessible twin of the Gantt: the same bars as a table, a hundred at a time. */

const PAGE = 100;

function cell(name, text, numeric = false) {
  const node = document.createElement(name);
  node.textContent = text;
  if (name === "th") node.scope = "row";
  if (numeric) node.className = "num";
  return node;
}

function lineOf(bar, plan, words, clock) {
  const row = plan.rows.get(String(bar.row));
  const line = document.createElement("tr");
  const label = cell("td", "");
  if (bar.href) {
    const link = document.createElement("a");
    link.href = bar.href;
    link.textContent = bar.label || words.kinds[bar.kind];
    label.append(link);
  } else label.textContent = bar.label;
  line.append(
    cell("td", row.group.name ?? ""), cell("th", row.name), label, cell("td", words.kinds[bar.kind] ?? bar.kind),
    cell("td", clock.full.format(bar.start)), cell("td", clock.full.format(bar.end)),
    cell("td", ((bar.end - bar.start) / 3_600_000).toFixed(1), true),
  );
  return line;
}

function pager(first, total, words, turn) {
  const nav = document.createElement("nav");
  nav.className = "pager";
  const said = document.createElement("span");
  const last = Math.min(first + PAGE, total);
  said.textContent = words.of.replace("{first}", first + 1).replace("{last}", last).replace("{total}", total);
  nav.append(said);
  const step = (word, target, off) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn small";
    button.textContent = word;
    button.disabled = off;
    button.addEventListener("click", () => turn(target));
    nav.append(button);
  };
  step(words.previous, first - PAGE, first === 0);
  step(words.next, first + PAGE, last >= total);
  return nav;
}

/** Fill `place` with the bars from number `first` on, sorted by row and start. */
export function fillTable(place, plan, words, clock, first = 0) {
  const order = [...plan.rows.values()].flatMap((row) => row.bars);
  const table = document.createElement("table");
  table.className = "data";
  const head = table.createTHead().insertRow();
  for (const [position, word] of words.columns.entries()) {
    const node = document.createElement("th");
    node.scope = "col";
    node.textContent = word;
    if (position === words.columns.length - 1) node.className = "num";
    head.append(node);
  }
  const body = table.createTBody();
  for (const bar of order.slice(first, first + PAGE)) body.append(lineOf(bar, plan, words, clock));
  if (!order.length) {
    const node = cell("td", words.empty);
    node.colSpan = words.columns.length;
    body.insertRow().append(node);
  }
  const turn = (target) => fillTable(place, plan, words, clock, target);
  place.replaceChildren(table, ...(order.length > PAGE ? [pager(first, order.length, words, turn)] : []));
  place.scrollTop = 0;
}
