/** Fetch the Chinese web font only where the machine has none of its own: 31 kB saved elsewhere. */

const SIZE = 24;

function pixels(character) {
  const canvas = new OffscreenCanvas(SIZE, SIZE);
  const pen = canvas.getContext("2d");
  pen.font = `${SIZE - 4}px ${getComputedStyle(document.body).fontFamily}`;
  pen.textBaseline = "top";
  pen.fillText(character, 0, 2);
  return pen.getImageData(0, 0, SIZE, SIZE).data.join();
}

/** Add the font's style sheet when two Chinese characters are drawn as the same empty box. */
export function loadChineseFontIfMissing(address) {
  if (!address || pixels("汉") !== pixels("囍")) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  document.head.append(link);
}
