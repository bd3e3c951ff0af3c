/**
 * What a reader has ticked and typed outlives a live refresh.
 *
 * Before htmx swaps a live region ([data-live-topic] with an id), fields that differ from what the server wrote are
 * remembered, and put back into the new region where the same field stands: same name, and for a box the same value.
 * A region in which a dialog is open is not swapped until it is closed.
 */

const kept = new Map();
const waiting = new Set();

function region(node) {
  return node?.closest?.("[data-live-topic][id]") ?? null;
}

function isBox(field) {
  return field.type === "checkbox" || field.type === "radio";
}

/** Name a field so that its successor in the new region is found: its form's address makes names unique. */
function nameOf(field) {
  return [field.form?.getAttribute("action") ?? "", field.name || field.dataset.checkAll || "", isBox(field) ? field.value : ""].join("\n");
}

function fieldsOf(root) {
  return [...root.querySelectorAll("input:not([type=hidden]):not([type=file]), textarea, select")];
}

function remember(root) {
  const changed = new Map();
  for (const field of fieldsOf(root)) {
    const isTicked = isBox(field) && field.checked !== field.defaultChecked;
    const isTyped = !isBox(field) && field.tagName !== "SELECT" && field.value !== field.defaultValue;
    // What was sent back as wrong is written by the server, yet still the reader's own.
    const isRefused = Boolean(field.form?.querySelector("[aria-invalid=true]"));
    if (isTicked || isTyped || isRefused) changed.set(nameOf(field), isBox(field) ? field.checked : field.value);
  }
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  const focus = active?.matches("input, textarea")
    ? { name: nameOf(active), from: isBox(active) ? null : active.selectionStart, to: isBox(active) ? null : active.selectionEnd }
    : null;
  kept.set(root.id, { changed, focus });
}

function restore(root) {
  const { changed, focus } = kept.get(root.id) ?? {};
  kept.delete(root.id);
  if (!changed) return;
  for (const field of fieldsOf(root)) {
    const name = nameOf(field);
    if (changed.has(name)) {
      if (isBox(field)) field.checked = changed.get(name);
      else field.value = changed.get(name);
    }
    if (focus?.name === name) {
      field.focus({ preventScroll: true });
      if (focus.from !== null && field.type !== "number") field.setSelectionRange(focus.from, focus.to);
    }
  }
  for (const all of root.querySelectorAll("[data-check-all]")) showTicked(all);
}

function boxesOf(all) {
  return [...all.form.querySelectorAll(`input[type=checkbox][name="${CSS.escape(all.dataset.checkAll)}"]`)];
}

function showTicked(all) {
  const boxes = boxesOf(all);
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
  const count = all.closest("label").querySelector("[data-ticked]");
  if (count) count.textContent = ticked ? `${ticked} / ${boxes.length}` : "";
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.type !== "checkbox" || !box.form) return;
  if (box.dataset.checkAll) for (const one of boxesOf(box)) one.checked = box.checked;
  for (const all of box.form.querySelectorAll("[data-check-all]")) showTicked(all);
});

document.body.addEventListener("htmx:beforeRequest", (event) => {
  const root = event.detail.target;
  if (root !== region(root) || !root.querySelector("dialog[open]")) return;
  event.preventDefault();
  waiting.add(root.id);
});

document.addEventListener("close", (event) => {
  const root = region(event.target);
  if (!root || !waiting.delete(root.id)) return;
  for (const topic of root.dataset.liveTopic.split(/\s+/)) document.body.dispatchEvent(new CustomEvent(`changed:${topic}`));
}, true);

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const root = event.detail.target;
  if (root !== region(root)) return;
  // A dialog that was opened while the answer was on its way stays, too.
  if (root.querySelector("dialog[open]")) {
    event.detail.shouldSwap = false;
    waiting.add(root.id);
  } else if (event.detail.shouldSwap) remember(root);
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  const root = document.getElementById(event.detail.target.id);
  if (root && kept.has(root.id)) restore(root);
});

for (const all of document.querySelectorAll("[data-check-all]")) showTicked(all);
