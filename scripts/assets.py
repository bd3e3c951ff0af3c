#!/usr/bin/env python
"""Copy the named font files to build/static/vendor/ and compile the translations.

Only files named here are served, never a whole package. A translation that would break
a page (a lost placeholder) or leave it half English stops the build.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.translations import catalogue_faults, compile_catalogue  # noqa: E402

PACKAGES = ROOT / "node_modules"
SERVED = ROOT / "build" / "static" / "vendor"
TEST_ONLY = ROOT / "build" / "test"

INTER = "@fontsource-variable/inter"
NOTO = "@fontsource-variable/noto-sans-sc"
NAMED_FILES = {
    f"{INTER}/files/inter-latin-wght-normal.woff2": "inter/inter-latin-wght-normal.woff2",
    f"{INTER}/LICENSE": "inter/LICENSE",
    f"{NOTO}/index.css": "noto-sans-sc/index.css",
    f"{NOTO}/LICENSE": "noto-sans-sc/LICENSE",
}
TEST_FILES = {"axe-core/axe.min.js": "axe.min.js"}
SLICE = re.compile(r"url\(\./(files/[\w-]+\.woff2)\)")


class MissingFile(Exception):
    """A package does not hold a file that we name."""


def main() -> int:
    """Copy, then compile; return the exit code."""
    try:
        copied = copy_named_files()
    except MissingFile as failure:
        print(failure, file=sys.stderr)
        return 1
    faults: list[str] = []
    catalogues = sorted(
        {*ROOT.glob("locale/*/LC_MESSAGES/*.po"), *ROOT.glob("*/locale/*/LC_MESSAGES/*.po")}
    )
    for path in catalogues:
        found = catalogue_faults(path)
        faults += [f"{path.relative_to(ROOT)}:{fault}" for fault in found]
        if not found:
            compile_catalogue(path)
    print("\n".join(faults) or f"{copied} files copied, {len(catalogues)} catalogues compiled.")
    return 1 if faults else 0


def copy_named_files() -> int:
    """Copy afresh, so that a file no longer named is no longer served; return the number."""
    shutil.rmtree(SERVED, ignore_errors=True)
    wanted = {name: SERVED / target for name, target in NAMED_FILES.items()}
    wanted |= {name: TEST_ONLY / target for name, target in TEST_FILES.items()}
    for slice_name in SLICE.findall(_read(PACKAGES / NOTO / "index.css")):
        wanted[f"{NOTO}/{slice_name}"] = SERVED / "noto-sans-sc" / slice_name
    for name, target in wanted.items():
        source = PACKAGES / name
        if not source.is_file():
            raise MissingFile(f"node_modules/{name} is missing; run npm ci.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return len(wanted)


def _read(path: Path) -> str:
    if not path.is_file():
        raise MissingFile(f"{path.relative_to(ROOT)} is missing; run npm ci.")
    return path.read_text()


if __name__ == "__main__":
    sys.exit(main())
