"""What the pages say, in English and Japanese: ``words/*.json``, one file a page.

``{name}`` is filled in; ``{n|photo|photos}`` takes the first word where ``n`` is 1. The
component in the browser reads the same files and follows the same rules.
"""

import json
import re
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "ja": "日本語"}
_FOLDER = Path(__file__).with_name("words")
_BLANK = re.compile(r"\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}")


@cache
def all_words() -> dict[str, dict[str, str]]:
    """Return what is said for each key, by language."""
    words: dict[str, dict[str, str]] = {}
    for file in sorted(_FOLDER.glob("*.json")):
        words |= json.loads(file.read_text(encoding="utf-8"))
    return words


def translate(lang: str, key: str, **params: object) -> str:
    """Return the words of a key, filled in; English where the language has none."""
    said = all_words()[key]

    def fill(blank: re.Match[str]) -> str:
        value = params.get(blank[1], "")
        if blank[2] is not None:
            return blank[2] if value == 1 else blank[3]
        return f"{value:,}" if isinstance(value, int) else str(value)

    return _BLANK.sub(fill, said.get(lang) or said["en"])


def language_of(wanted: str, locale: str | None) -> str:
    """Return the language to speak: the chosen one, else the browser's."""
    if wanted in LANGUAGES:
        return wanted
    return "ja" if (locale or "").lower().startswith("ja") else "en"
