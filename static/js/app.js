/** What every page needs: palette, theme, toasts, tables by keyboard, copying, dropped files. */

import { loadChineseFontIfMissing } from "app/fonts";
import "app/keep";
import { openPalette, palette } from "app/palette";
import { bindTables } from "app/tables";

const THEME_YEAR = 60 * 60 * 24 * 365;

/** Load the larger modules only where the page holds something for them. */
async function enhance(root) {
  bindTables(root);
  bindDrops(root);
  if (root.querySelector("[data-gantt]")) (await import("app/gantt")).mountAll(root);
  if (root.querySelector("[data-steer]")) (await import("app/steer")).mountAll(root);
  if (root.querySelector("[data-week]")) (await import("app/weekgrid")).mountAll(root);
  if (document.querySelector("[data-live-topic]")) (await import("app/live")).start();
}

function chooseTheme(choice) {
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  const age = choice === "system" ? 0 : THEME_YEAR;
  document.cookie = `theme=${choice}; path=/; max-age=${age}; samesite=lax`;
  markTheme();
  document.dispatchEvent(new CustomEvent("theme:changed"));
}

function markTheme() {
  const current = document.documentElement.dataset.theme || "system";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === current));
  }
}

/** Show a short message; the server sends it as `HX-Trigger: {"toast": {"text", "tone"}}`. */
function showToast({ text, tone = "info" }) {
  const region = document.getElementById("toasts");
  if (!region || !text) return;
  const toast = document.createElement("div");
  toast.className = `toast tone-${tone}`;
  toast.dataset.toast = "";
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-btn";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", region.dataset.close);
  close.textContent = "×";
  toast.append(words, close);
  region.append(toast);
  retire(toast);
}

/** Take a toast away after eight seconds, unless it tells of an error or is being read. */
function retire(toast) {
  if (toast.classList.contains("tone-bad")) return;
  setTimeout(() => (toast.matches(":hover, :focus-within") ? retire(toast) : toast.remove()), 8000);
}

async function copyText(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  showToast({ text: button.dataset.done, tone: "ok" });
}

function bindDrops(root) {
  for (const drop of root.querySelectorAll("[data-drop]:not([data-bound])")) {
    drop.dataset.bound = "";
    const input = drop.querySelector("input");
    const list = drop.querySelector("ul");
    input.addEventListener("change", () => {
      list.replaceChildren(
        ...[...input.files].map((file) => {
          const line = document.createElement("li");
          line.textContent = `${file.name} (${Math.ceil(file.size / 1024)} kB)`;
          return line;
        }),
      );
    });
    for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, () => drop.classList.add("is-over"));
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
  }
}

/** Let the site clock's badge run on between page loads, at the rate the server states. */
function runSiteClock() {
  const badge = document.querySelector("[data-site-clock]");
  if (!badge) return;
  const began = performance.now();
  const epoch = Number(badge.dataset.epoch) * 1000;
  const rate = Number(badge.dataset.rate);
  const zone = document.documentElement.dataset.zone || undefined;
  const format = new Intl.DateTimeFormat(document.documentElement.dataset.dates, {
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone,
  });
  const text = badge.querySelector("[data-clock-text]");
  setInterval(() => {
    text.textContent = format.format(epoch + (performance.now() - began) * rate).replace(", ", " ");
  }, 1000);
}

/** Serve `commandfor` where the browser does not know it yet. */
function openByCommand(button) {
  if ("commandForElement" in HTMLButtonElement.prototype) return;
  const dialog = document.getElementById(button.getAttribute("commandfor"));
  if (button.getAttribute("command") === "show-modal") dialog?.showModal();
  else dialog?.close();
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button, dialog");
  if (!target) return;
  if (target.dataset.themeChoice) chooseTheme(target.dataset.themeChoice);
  else if ("palette" in target.dataset) openPalette();
  else if ("toastClose" in target.dataset) target.closest("[data-toast]").remove();
  else if (target.dataset.copy) copyText(target);
  else if ("print" in target.dataset) print();
  else if (target.hasAttribute("commandfor")) openByCommand(target);
  else if (target.matches("dialog") && event.target === target && target.open) target.close();
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette()) {
    event.preventDefault();
    openPalette();
  }
});

document.body.addEventListener("toast", (event) => showToast(event.detail));
document.body.addEventListener("htmx:load", (event) => enhance(event.detail.elt));
document.body.addEventListener("htmx:afterSwap", (event) => {
  event.detail.target.querySelector?.("[data-focus]")?.focus();
});

loadChineseFontIfMissing(document.documentElement.dataset.chineseFont);
markTheme();
runSiteClock();
enhance(document);
document.querySelector("[data-focus]")?.focus();
for (const toast of document.querySelectorAll("[data-toast]")) retire(toast);
