"""The word that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest_word(word: str, words: Iterable[str], alike: float = 0.6) -> str | None:
    """The word that is most like another, or that this abbreviates, as `lr` does `learning_rate`; None where none is."""
    known = list(words)
    meant = [one for one in known if "_" in one and word == "".join(part[:1] for part in one.split("_"))]
    return next(iter(meant or difflib.get_close_matches(word, known, n=1, cutoff=alike)), None)
