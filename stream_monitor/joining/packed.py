"""A number, or the number of a class, in one word of eight bytes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.int64]

_CLASS = 0x7FFC
"""The upper 16 bits of a class; as a float it would be a NaN such as no arithmetic makes."""


class Values(NamedTuple):
    """Predictions or labels in one canonical form: a number, or the number of a class whose name is a text (else -1)."""

    value: npt.NDArray[np.float64]
    code: npt.NDArray[np.int32]


def packed(values: Values) -> Words:
    """Each value as a word."""
    numbers = np.ascontiguousarray(values.value).view(np.int64)
    if not len(numbers) or values.code.max() < 0:
        return numbers
    return np.where(values.code >= 0, values.code.astype(np.int64) | (_CLASS << 48), numbers)


def unpacked(words: Words) -> Values:
    """The values in words that lie together; NaN where there is a class, -1 where there is none."""
    classes = words >> 48 == _CLASS
    if not np.count_nonzero(classes):
        return Values(words.view(np.float64), np.full(len(words), -1, np.int32))
    numbers = np.where(classes, np.nan, words.view(np.float64))
    return Values(numbers, np.where(classes, words & 0xFFFFFFFF, -1).astype(np.int32))


NOTHING = int(np.array(np.nan).view(np.int64))
"""The word of neither."""
