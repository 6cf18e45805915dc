"""The word that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest_word(word: str, words: Iterable[str], alike: float = 0.6) -> str | None:
    """The word that is most like another; None where none is."""
    return next(iter(difflib.get_close_matches(word, list(words), n=1, cutoff=alike)), None)
