"""A grid for scores that is fixed before any is seen: cells that share exponent and first mantissa bits.

Below 1/2 cells are those of the score, between 1/2 and 1 those of one minus the score, so that probabilities are told apart
near both ends alike; elsewhere they are those of the size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BITS = 7
_OCTAVES = 24
"""Sizes below 2**-24 share a cell, and so do those above 2**24."""
_SHIFT = np.int64(52 - _BITS)
_SMALLEST, _LARGEST = 2.0**-_OCTAVES, 2.0**_OCTAVES
_FIRST = np.int64((1023 - _OCTAVES) << _BITS)
_HALF = (_OCTAVES - 1) << _BITS
_ONE = _OCTAVES << _BITS

CELLS = 2 * _HALF + 3 * _ONE + 3
"""How many there are: 15,107, of which scores between 0 and 1 can be in 5,890."""


def cells(scores: Floats) -> Ints:
    """The cell of each finite score, int64[n]: a higher score is never in a lower cell.

    A cell is at most 1/128 as wide as its scores are large, or as far as they are from 1 if they lie between 1/2 and 1.
    """
    upper = (scores > 0.5) & (scores < 1)
    sizes = np.clip(np.where(upper, 1 - scores, np.abs(scores)), _SMALLEST, _LARGEST)
    places = (sizes.view(np.int64) >> _SHIFT) - _FIRST
    above = np.where(scores < 1, places, places + (2 * _HALF + 1 - _ONE))
    return np.where(upper, 2 * _HALF - places, np.where(scores < 0, -1 - places, above))
