#!/usr/bin/env python
"""Check that every text of the site is translated, and compile the catalogues.

Pure Python: the texts are found by Babel and by Django's own template reader, so no
gettext tools are needed. Run as a script, it lists what the catalogues lack and exits 1.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("zh_Hans",)
APPS = ("config", "tenants", "marketplace", "scheduling", "devices", "finance", "evidence")
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}

Text = tuple[str | None, str]
"""A context, or none, and the text as it stands in the source."""


def main() -> int:
    """Compare the sources with each language's catalogues; return the exit code."""
    if not settings.configured:
        settings.configure(USE_I18N=True)
    texts = dict(source_texts())
    faults: list[str] = []
    for language in LANGUAGES:
        paths = sorted(
            {
                *ROOT.glob(f"locale/{language}/LC_MESSAGES/django.po"),
                *ROOT.glob(f"*/locale/{language}/LC_MESSAGES/django.po"),
            }
        )
        translated: set[Text] = set()
        for path in paths:
            faults += [f"{path.relative_to(ROOT)}:{fault}" for fault in catalogue_faults(path)]
            translated |= set(_texts(_catalogue(path)))
        missing = [text for text in texts if text not in translated]
        faults += [f"{texts[text]}: no {language} for {text[1]!r}" for text in missing]
    print("\n".join(faults) or f"{len(texts)} texts, all translated.")
    return 1 if faults else 0


def source_texts() -> Iterator[tuple[Text, str]]:
    """Yield every translatable text of the site with one place where it stands."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield from _extracted(path, path.read_text())
    folders = [ROOT / "templates", *(ROOT / app / "templates" for app in APPS)]
    for folder in folders:
        for pattern in ("*.html", "*.txt"):
            for path in sorted(folder.rglob(pattern)):
                yield from _extracted(path, _unindented(templatize(path.read_text())))


def catalogue_faults(path: Path) -> list[str]:
    """Return `line: what is wrong` for texts that are empty, uncertain or would break a page."""
    catalogue = _catalogue(path)
    faults = [
        f"{message.lineno}: {error}" for message, errors in catalogue.check() for error in errors
    ]
    for message in catalogue:
        if not message.id:
            continue
        words = message.string if isinstance(message.string, tuple) else (message.string,)
        if not all(words):
            faults.append(f"{message.lineno}: not translated: {message.id!r}")
        if message.fuzzy:
            faults.append(f"{message.lineno}: marked fuzzy: {message.id!r}")
    return faults


def compile_catalogue(path: Path) -> None:
    """Write the catalogue at `path` in the form that Django reads, beside it."""
    with path.with_suffix(".mo").open("wb") as stream:
        write_mo(stream, _catalogue(path))


def _catalogue(path: Path) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parent.parent.name, domain=path.stem)


def _texts(catalogue: Catalog) -> Iterator[Text]:
    for message in catalogue:
        identity = message.id if isinstance(message.id, str) else message.id[0]
        if identity:
            yield message.context, identity


def _unindented(source: str) -> str:
    """Return the lines without what stands in front: a template's indents are no Python's."""
    return "\n".join(line.lstrip() for line in source.split("\n"))


def _extracted(path: Path, source: str) -> Iterator[tuple[Text, str]]:
    place = path.relative_to(ROOT)
    stream = io.BytesIO(source.encode())
    for line, message, _, context in extract("python", stream, keywords=KEYWORDS):
        identity = message[0] if isinstance(message, tuple) else message
        if identity:
            yield (context, identity), f"{place}:{line}"


if __name__ == "__main__":
    sys.exit(main())
