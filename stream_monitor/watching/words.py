"""The classes of a stream: texts by number, numbers as they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xxhash

from stream_monitor import values
from stream_monitor.blocks import Rows
from stream_monitor.config.stream import Scalar
from stream_monitor.joining.mixed import APART, FAR, far
from stream_monitor.joining.packed import Values

_HASHES = 2**30


class Words:
    """Texts get numbers as they come; beyond the limit by their hash, so that they are told apart, but have no name."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._codes: dict[str, int] = {}

    def values(self, rows: Rows, name: str) -> Values:
        """A column of predictions or labels in canonical form."""
        codes, table = rows.text(name)
        numbers = rows.number(name)
        if not table:
            return Values(numbers, codes)
        known = np.full(len(table) + 1, -1, np.int32)
        for code in np.unique(codes[codes >= 0]).tolist():
            known[code] = self.code(table[code])
        return Values(numbers, known[codes])

    def value(self, scalar: Scalar) -> tuple[float, int]:
        """One value in canonical form: as a number where it is one or reads like one."""
        read = values.scalar(scalar)
        return (float("nan"), self.code(read)) if isinstance(read, str) else (float(str(read)), -1)

    def known(self, scalar: Scalar) -> tuple[float, int] | None:
        """The same with texts as `(0, number)`; None for one that never came."""
        read = values.scalar(scalar)
        if not isinstance(read, str):
            return (float(str(read)), -1)
        return (0.0, self._codes[read]) if read in self._codes else None

    def code(self, text: str) -> int:
        """The number of a text."""
        if text in self._codes or len(self._codes) < self._limit:
            return self._codes.setdefault(text, len(self._codes))
        return self._limit + xxhash.xxh3_64_intdigest(text.encode()) % _HASHES

    def text(self, value: float, code: int) -> str:
        """What a value in canonical form says."""
        return self._text(code) if code >= 0 else f"{value:g}"

    def name(self, number: float) -> str:
        """What a value is called of which only the number is known, see `numbered`."""
        if np.isnan(number):
            return "all others"
        return f"{number:g}" if number > -FAR else self._text(int(-FAR - number) // int(APART))

    def state(self) -> list[str]:
        """The texts, by number."""
        return list(self._codes)

    def restore(self, state: list[str]) -> None:
        """Goes on from a `state()`."""
        self._codes = {text: i for i, text in enumerate(state)}

    def _text(self, code: int) -> str:
        texts = self.state()
        return texts[code] if code < len(texts) else "other"


def numbered(values: Values) -> npt.NDArray[np.float64]:
    """Values as numbers, float64[n]: those of texts far away from all others."""
    return np.where(values.code >= 0, far(values.code), values.value)
