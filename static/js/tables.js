/** Rows that open by click, and j, k, Enter on every data table. */

const TYPING = "input, textarea, select, [contenteditable], dialog, [data-gantt], [data-week]";

function openRow(row, event) {
  if (!row.dataset.href) return;
  if (event.ctrlKey || event.metaKey) window.open(row.dataset.href, "_blank", "noopener");
  else window.location.assign(row.dataset.href);
}

/** Bind clicks on rows with `data-href`; links and buttons inside keep their own meaning. */
export function bindTables(root) {
  for (const table of root.querySelectorAll("table[data-keys]:not([data-bound])")) {
    table.dataset.bound = "";
    table.addEventListener("click", (event) => {
      if (event.target.closest("a, button, input, select, label, summary")) return;
      const row = event.target.closest("tr[data-href]");
      if (row && !window.getSelection().toString()) openRow(row, event);
    });
  }
}

function stepRow(step) {
  const rows = [...document.querySelectorAll("table[data-keys] tbody tr")].filter(
    (row) => row.offsetParent && (row.dataset.href || row.querySelector("a")),
  );
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("is-active"));
  const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
  rows[at]?.classList.remove("is-active");
  next.classList.add("is-active");
  const target = next.querySelector("a") ?? next;
  if (target === next) next.tabIndex = -1;
  target.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPING)) return;
  if (event.key === "j" || event.key === "k") stepRow(event.key === "j" ? 1 : -1);
  if (event.key === "Enter" && event.target.matches("tr.is-active")) openRow(event.target, event);
});
