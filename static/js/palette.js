/** The command palette: Ctrl K, arrows, Enter. The list itself comes from the server. */

export const palette = () => document.getElementById("palette");

export function openPalette() {
  const dialog = palette();
  if (!dialog || dialog.open) return;
  dialog.showModal();
  const input = dialog.querySelector("input");
  input.select();
  input.dispatchEvent(new CustomEvent("palette:open", { bubbles: true }));
}

function move(dialog, step) {
  const links = [...dialog.querySelectorAll("#palette-results a")];
  if (!links.length) return;
  const at = links.findIndex((link) => link.classList.contains("is-active"));
  const next = links[(at + step + links.length) % links.length];
  links[at]?.classList.remove("is-active");
  next.classList.add("is-active");
  next.scrollIntoView({ block: "nearest" });
}

palette()?.addEventListener("keydown", (event) => {
  const dialog = event.currentTarget;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(dialog, event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    event.preventDefault();
    (dialog.querySelector("a.is-active") ?? dialog.querySelector("#palette-results a"))?.click();
  }
});
