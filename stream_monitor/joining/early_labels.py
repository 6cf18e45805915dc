"""Labels that came before their prediction, kept for as long as a prediction would wait."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.packed import Values


@dataclass(slots=True)
class EarlyLabel:
    """A label in canonical form, when it was known, and how long it is kept."""

    value: float
    code: int
    known: int
    deadline: int
    model: str
    """The model whose predictions it is for; empty for any."""
    weight: float = 1.0
    matched: bool = False

    @property
    def withdraws(self) -> bool:
        """Whether it says that there is no label."""
        return math.isnan(self.value) and self.code < 0


class EarlyLabels:
    """By the 16 bytes of the id's hash, in the order of their deadlines."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._labels: dict[bytes, EarlyLabel] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def __contains__(self, key: bytes) -> bool:
        return key in self._labels

    def find(self, keys: Sequence[bytes]) -> list[tuple[int, EarlyLabel]]:
        """The labels of some ids, each with its index; they may be past their deadline."""
        labels = self._labels
        return [(i, labels[key]) for i, key in enumerate(keys) if key in labels]

    def keep(self, key: bytes, label: EarlyLabel) -> bool:
        """Keeps a label instead of an earlier one of its id; False if there are too many."""
        self._labels.pop(key, None)
        if label.withdraws:
            return True
        if len(self._labels) >= self._limit:
            return False
        self._labels[key] = label
        return True

    def renew(self, key: bytes, value: float, code: int, weight: float) -> None:
        """Corrects a label that is kept for further versions."""
        label = self._labels.get(key)
        if label is None:
            return
        label.value, label.code, label.weight = value, code, weight
        if label.withdraws:
            del self._labels[key]

    def drop(self, foreign: Callable[[Values], npt.NDArray[np.bool_]]) -> int:
        """Lets go of some; gives how many of these never met a prediction."""
        labels = list(self._labels.items())
        if not labels:
            return 0
        values = Values(np.array([one.value for _, one in labels]), np.array([one.code for _, one in labels], np.int32))
        gone = [labels[i] for i in np.flatnonzero(foreign(values)).tolist()]
        for key, _ in gone:
            del self._labels[key]
        return sum(not one.matched for _, one in gone)

    def forget(self, now: int) -> int:
        """Lets go of what is past its deadline; gives how many never met a prediction."""
        lonely = 0
        while self._labels:
            key = next(iter(self._labels))
            if self._labels[key].deadline > now:
                break
            lonely += not self._labels.pop(key).matched
        return lonely

    def state(self) -> list[list[Any]]:
        """Everything, as plain values."""
        return [
            [key, one.value, one.code, one.known, one.deadline, one.model, one.weight, one.matched]
            for key, one in self._labels.items()
        ]

    def restore(self, state: list[list[Any]]) -> None:
        """Goes on from a `state()`."""
        self._labels = {key: EarlyLabel(*rest) for key, *rest in state}
