"""Where the columns of some rows belong among the features of the reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_monitor.quality.known import Known

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Layout:
    """Made once for rows that have the same columns, the last `texts` of which are texts."""

    def __init__(self, known: Known, names: tuple[str, ...], texts: int) -> None:
        place = {name: i for i, name in enumerate(known.names)}
        self.columns = np.array([i for i, name in enumerate(names) if name in place], np.int64)
        self.at = np.array([place[names[i]] for i in self.columns.tolist()], np.int64)
        self.whole = len(self.columns) == len(names)
        """Whether the reference has all of them."""
        self.absent = np.setdiff1d(np.arange(len(known.names)), self.at)
        self.new = [(i, name) for i, name in enumerate(names) if name not in known.listed]
        self.low, self.high = known.low[self.at, np.newaxis], known.high[self.at, np.newaxis]
        are_texts = known.texts[self.at] & (self.columns >= len(names) - texts)
        self.texts = np.flatnonzero(are_texts)
        """The columns of texts among those that the reference has."""
        number = np.cumsum(known.texts) - 1
        tables = [known.categories[number[i]] for i in self.at[self.texts].tolist()]
        sizes = np.array([len(table) for table in tables], np.int64)
        self._last = (sizes - 1)[:, np.newaxis]
        self._first = (np.cumsum(sizes) - sizes)[:, np.newaxis]
        self._known = np.concatenate(tables) if tables else np.zeros(0, np.bool_)

    def known(self, values: Floats) -> Floats:
        """The columns that the reference has, [k, n] of float64[n, columns]."""
        columns: Floats = values.T
        return columns if self.whole else columns[self.columns]

    def unseen(self, columns: Floats) -> npt.NDArray[np.bool_]:
        """Of each text, [t, n], whether its category is not in the reference."""
        texts = columns[self.texts]
        there = ~np.isnan(texts)
        numbers = np.minimum(np.where(there, texts, 0.0).astype(np.int64), self._last) + self._first
        unseen: npt.NDArray[np.bool_] = there & ~self._known[numbers]
        return unseen
