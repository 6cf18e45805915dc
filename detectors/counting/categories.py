"""The categories of signals: which values are counted apart, and what each value counts as."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array

Codes = npt.NDArray[np.int8]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FEW, _MANY = 3, 5
"""Binary logarithms of among how many lots values are spread that are not counted apart: many if more than so many are."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_LEAST = 5
"""Values that come less often where others are left out are not counted apart."""


class Categories:
    """The heaviest values of each signal's reference, and one category for all others, or 8 or 32 lots where it has others.

    Codes are from 0 on for values counted apart, in ascending order, `most` for any other value, `most` + 1 for what is
    missing; those of lots are the last ones up to `most`.  That is no larger than the signal with the most values needs.
    """

    def __init__(self, reference: Array, most: int) -> None:
        """Takes the reference, float64[m, d]; what is not finite is missing.  Of equally heavy values the smaller go first."""
        rows, signals = reference.shape
        chosen = [_heaviest(column, most) for column in reference.T]
        apart = max([1, *(len(values) for values, _, _ in chosen)])
        self.values = np.full((apart, signals), np.nan)
        """The values counted apart, float64[k, d]; NaN after the last."""
        for signal, (values, _, _) in enumerate(chosen):
            self.values[: len(values), signal] = values
        self.spoiled = np.array([rows for _, rows, _ in chosen], np.int64)
        """How many rows of the reference chose the categories and are not counted."""
        self._bits = np.array([bits for _, _, bits in chosen], np.int64)
        self._in_lots = np.flatnonzero(self._bits)
        self.lots = np.where(self._bits > 0, 2**self._bits, 0)
        """How many lots each signal has, int64[d]."""
        self.most = most = apart + 2 ** int(self._bits.max(initial=0)) - 1
        self.reference = np.where(np.arange(rows)[:, np.newaxis] < self.spoiled, np.int8(most + 1), self.codes(reference))
        """The codes of the reference, int8[m, d]; rows that chose the categories are missing."""
        self.known = self.counts(self.reference, rows)[0] if rows else np.zeros((signals, most + 1), np.int64)
        """How often each category comes there, int64[d, most + 1]."""

    def codes(self, values: Array) -> Codes:
        """The codes of values, float64[n, d]."""
        codes = np.where(np.isfinite(values), np.int8(self.most), np.int8(self.most + 1))
        for code, category in enumerate(self.values):
            codes -= (values == category).view(np.int8) * np.int8(self.most - code)
        if len(self._in_lots):
            some = codes[:, self._in_lots]
            lots = _lots(values[:, self._in_lots], self._bits[self._in_lots])
            codes[:, self._in_lots] = some - np.where(some == self.most, lots, np.int8(0))
        return codes

    def alike(self) -> list[tuple[Mask, Counts, int]]:
        """Signals with as many lots, bool[d], which categories these have at most, and the number of lots, the last of them."""
        cells, found = np.arange(self.most + 1), np.unique(self.lots).tolist()
        some = [(cells < len(self.values)) | (cells > self.most - max(lots, 1)) for lots in found]
        return [(self.lots == lots, np.flatnonzero(its), lots) for lots, its in zip(found, some)]

    def in_lots(self, counts: Counts) -> Counts:
        """How many are in lots of int64[d, most + 1] counts, int64[d]."""
        inside = np.arange(self.most + 1) > self.most - self.lots[:, np.newaxis]
        found: Counts = np.where(inside, counts, 0).sum(axis=1)
        return found

    def counts(self, codes: Codes, each: int) -> Counts:
        """How often every category comes in each `each` rows of int8[n, d] codes, int64[n / each, d, most + 1]."""
        n, signals = codes.shape
        parts, cells = n // each, self.most + 2
        places = codes.reshape(parts, each, signals) + cells * np.arange(parts * signals).reshape(parts, 1, signals)
        found = np.bincount(places.ravel(), minlength=parts * signals * cells)
        return found.reshape(parts, signals, cells)[:, :, :-1]


def _lots(values: Array, bits: Counts) -> Codes:
    """The lot of each value, from 0 on, whatever else comes (Knuth's multiplicative hashing); `bits` is of columns."""
    whole = np.ascontiguousarray(values + 0.0).view(np.uint64)  # -0. is 0.
    return (whole * _MULTIPLIER >> (64 - bits).astype(np.uint64)).astype(np.int8)


def _heaviest(column: Array, most: int) -> tuple[Array, int, int]:
    """The heaviest values, ascending, how many rows the choice has spoiled, and the binary logarithm of the number of lots.

    Values that are chosen because they are frequent in some rows are less frequent in others, so a choice is made by the
    first third, and the rest is counted.
    """
    values = np.unique(column[np.isfinite(column)])
    if len(values) <= most:
        return values, 0, 0
    bits = _MANY if len(values) - most > 2**_MANY else _FEW
    spoiled = len(column) // 3
    values, counts = np.unique(column[:spoiled][np.isfinite(column[:spoiled])], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    return np.sort(values[order[counts[order] >= _LEAST]]), spoiled, bits
