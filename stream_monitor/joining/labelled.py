"""How many predictions there were since a position of the stream, and how many of them have a label: the older the coarser."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_FINEST, _COARSER, _KEPT = 16, 8, 64
"""Counts are of stretches of 16 positions, of 128, of 1,024, ...; of each kind there are so many."""
_PARTS = 16
"""Parts of sections that are counted together."""


class Labelled:
    """Stretches begin at multiples of their length, so that counts depend on the rows alone.

    What is taken counts once it is `settled`, so that in the middle of a section it can be asked how things stand; what came in
    earlier sections is counted when there is enough of it, or when it is asked for.
    """

    def __init__(self) -> None:
        self._last = -1
        """The position of the last prediction."""
        self._kinds: list[Ints] = [np.zeros((2, _KEPT), np.int64)]
        """Predictions and labels of the last stretches of each length; stretch i stands at i modulo their number."""
        self._predicted: list[tuple[Ints, Ints]] = []
        self._judged: list[tuple[Ints, Ints, Ints]] = []
        self._earlier: tuple[list[Ints], list[tuple[Ints, Ints]]] = [], []
        """The same of earlier sections, without rows."""

    def predicted(self, row: Ints, position: Ints) -> None:
        """Takes predictions by their rows of the section, ascending, and their positions."""
        self._predicted.append((row, position))

    def judged(self, row: Ints, position: Ints, sign: Ints) -> None:
        """Takes labels by their rows of the section and the positions of their predictions; -1 takes one back."""
        self._judged.append((row, position, sign))

    def pass_on(self) -> None:
        """Ends a section."""
        predictions, labels = self._earlier
        predictions += [position for _, position in self._predicted]
        labels += [(position, sign) for _, position, sign in self._judged]
        self._predicted.clear()
        self._judged.clear()
        if len(predictions) + len(labels) >= _PARTS:
            self._count()

    def settle(self, row: int) -> None:
        """Counts what has come up to a row of the section."""
        self._count()
        predicted, self._predicted = self._predicted, []
        judged, self._judged = self._judged, []
        for rows, position in predicted:
            n = int(np.searchsorted(rows, row, "right"))
            if n:
                self._go_on(int(position[n - 1]))
                self._add(0, position[:n], np.ones(n, np.int64))
            if n < len(rows):
                self._predicted.append((rows[n:], position[n:]))
        for rows, position, sign in judged:
            due = rows <= row
            self._add(1, position[due], sign[due])
            if not due.all():
                self._judged.append((rows[~due], position[~due], sign[~due]))

    def since(self, position: int) -> tuple[int, int]:
        """Predictions from about a position on, and how many of them have a label."""
        self._count()
        lengths = (_FINEST * _COARSER**kind for kind in range(len(self._kinds)))
        length, counts = next(
            (length, counts)
            for length, counts in zip(lengths, self._kinds, strict=True)
            if position // length > self._last // length - _KEPT
        )
        first, last = position // length, self._last // length
        after = counts[:, np.arange(first + 1, last + 1) % _KEPT].sum(axis=1)
        begun = counts[:, first % _KEPT] if first <= last else np.zeros(2, np.int64)
        rows, labelled = (after + begun * ((first + 1) * length - position) // length).tolist()
        return rows, labelled

    def state(self) -> dict[str, Any]:
        """Everything, between sections, as plain values and arrays."""
        self._count()
        return {"last": self._last, "kinds": [counts.copy() for counts in self._kinds]}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._last, self._kinds = state["last"], [counts.copy() for counts in state["kinds"]]

    def _count(self) -> None:
        """Counts what came in earlier sections."""
        predictions, labels = self._earlier
        if predictions:
            position = np.concatenate(predictions)
            if len(position):
                self._go_on(int(position[-1]))
                self._add(0, position, np.ones(len(position), np.int64))
        if labels:
            self._add(1, *map(np.concatenate, zip(*labels, strict=True)))
        self._earlier = [], []

    def _go_on(self, last: int) -> None:
        """Makes room for the stretches up to a position; before any is given up there is one that is longer."""
        while last >= _FINEST * _COARSER ** (len(self._kinds) - 1) * _KEPT:
            longer = np.zeros((2, _KEPT), np.int64)
            longer[:, : _KEPT // _COARSER] = self._kinds[-1].reshape(2, -1, _COARSER).sum(axis=2)
            self._kinds.append(longer)
        for kind, counts in enumerate(self._kinds):
            length = _FINEST * _COARSER**kind
            if last // length == self._last // length:
                break
            new = np.arange(self._last // length + 1, last // length + 1)[-_KEPT:]
            counts[:, new % _KEPT] = 0
        self._last = last

    def _add(self, which: int, position: Ints, times: Ints) -> None:
        for kind, counts in enumerate(self._kinds):
            stretch = position // (_FINEST * _COARSER**kind)
            kept = stretch > self._last // (_FINEST * _COARSER**kind) - _KEPT
            np.add.at(counts[which], stretch[kept] % _KEPT, times[kept])
