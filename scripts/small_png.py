"""Make a screenshot small: at most 256 colours, chosen and packed without an image library.

The browser that took the picture decodes it and maps its colours; a page has few of them, so
hardly a pixel changes. What comes back is written as a palette PNG (PNG specification, third
edition: colour type 3, 8 bits, filter 0).
"""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Page

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FEWER_COLOURS = """
async (png) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const counts = new Map();
  const keys = new Uint32Array(pixels.length / 4);
  for (let at = 0; at < keys.length; at += 1) {
    const key = (pixels[at * 4] << 16) | (pixels[at * 4 + 1] << 8) | pixels[at * 4 + 2];
    keys[at] = key;
    counts.set(key, (counts.get(key) || 0) + 1);
  }
  const distance = (one, other) => {
    const red = (one >> 16) - (other >> 16);
    const green = ((one >> 8) & 255) - ((other >> 8) & 255);
    const blue = (one & 255) - (other & 255);
    return 2 * red * red + 4 * green * green + 3 * blue * blue;
  };
  // The commonest colour first, then whichever still loses most: far off, and often seen.
  const colours = [...counts.keys()];
  const losses = colours.map(() => Infinity);
  const nearest = new Map();
  const palette = [];
  let next = colours.reduce((best, key) => (counts.get(key) > counts.get(best) ? key : best));
  while (palette.length < 256) {
    const chosen = next;
    palette.push(chosen);
    let worst = 0;
    for (let at = 0; at < colours.length; at += 1) {
      const lost = distance(colours[at], chosen) * Math.sqrt(counts.get(colours[at]));
      if (lost < losses[at]) {
        losses[at] = lost;
        nearest.set(colours[at], palette.length - 1);
      }
      if (losses[at] > worst) {
        worst = losses[at];
        next = colours[at];
      }
    }
    if (worst === 0) break;
  }
  let indices = "";
  for (const key of keys) indices += String.fromCharCode(nearest.get(key));
  return { width: bitmap.width, height: bitmap.height, palette, indices: btoa(indices) };
}
"""


def small_png(page: Page, png: bytes) -> bytes:
    """Return `png` with at most 256 colours; `page` is any page of the browser, and stays."""
    found = page.evaluate(FEWER_COLOURS, base64.b64encode(png).decode())
    width, height = int(found["width"]), int(found["height"])
    indices = base64.b64decode(found["indices"])
    palette = b"".join(int(colour).to_bytes(3, "big") for colour in found["palette"])
    rows = b"".join(b"\0" + indices[row * width : (row + 1) * width] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        SIGNATURE
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", palette)
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)
