"""The model versions of a stream by number, by which rows remember them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows

Numbers = npt.NDArray[np.int32]


class Versions:
    """Numbers are never used twice, so a row that waits for its label keeps its meaning."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        """Rows of versions beyond the limit; they count for the stream, not for a version."""
        self._names: list[tuple[str, str]] = []
        self._live: dict[tuple[str, str], int] = {}

    def name(self, number: int) -> tuple[str, str]:
        """The (model, version) behind a number, empty where the events say nothing."""
        return self._names[number]

    def live(self) -> list[int]:
        """The numbers of the live versions."""
        return sorted(self._live.values())

    def of(self, rows: Rows) -> Numbers:
        """The version of each row, int32[n]; versions not seen before become live, -1 beyond the limit."""
        pair = _only(rows)
        if pair is not None:
            return np.full(len(rows), self._meet(pair), np.int32)
        return self._resolve(rows, lambda pair, first: self._meet(pair))

    def next_new(self, rows: Rows) -> int | None:
        """The first row, after the first one, that brings a version that is not live yet."""
        if _only(rows) is not None:
            return None
        firsts: dict[tuple[str, str], int] = {}
        self._resolve(rows, lambda pair, first: firsts.setdefault(pair, first))
        return min((first for pair, first in firsts.items() if first and pair not in self._live), default=None)

    def model(self, model: str) -> Numbers:
        """The numbers of all versions of a model."""
        return np.array([n for n, name in enumerate(self._names) if name[0] == model], np.int32)

    def are_all_of(self, model: str) -> bool:
        """Whether there has never been a version of another model."""
        return all(name[0] == model for name in self._names)

    def retire(self, number: int) -> None:
        """Ends a version; if it comes back it gets a new number."""
        del self._live[self._names[number]]

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        names = [list(name) for name in self._names]
        return {"names": names, "live": self.live(), "refused": self.refused}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._names = [(model, version) for model, version in state["names"]]
        self._live = {self._names[number]: number for number in state["live"]}
        self.refused = state["refused"]

    def _meet(self, pair: tuple[str, str]) -> int:
        number = self._live.get(pair)
        if number is None and len(self._live) < self.limit:
            number = self._live[pair] = len(self._names)
            self._names.append(pair)
        return -1 if number is None else number

    def _resolve(self, rows: Rows, number: Any) -> Numbers:
        pair = _only(rows)
        if pair is not None:
            return np.full(len(rows), number(pair, 0), np.int32)
        (model_codes, model_table), (version_codes, version_table) = rows.text("model"), rows.text("version")
        keys = model_codes.astype(np.int64) * (len(version_table) + 1) + version_codes + 1
        _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
        found = np.empty(len(firsts), np.int32)
        for which in np.argsort(firsts):  # in the order in which they come
            first = int(firsts[which])
            pair = (_text(model_codes[first:], model_table), _text(version_codes[first:], version_table))
            found[which] = number(pair, first)
        return found[inverse]


def distinct(numbers: Numbers) -> list[int]:
    """The different numbers, in order."""
    if len(numbers) == 1 or (len(numbers) and (numbers == numbers[0]).all()):  # almost always, and much faster
        return [int(numbers[0])]
    return [int(number) for number in np.unique(numbers)]


def _only(rows: Rows) -> tuple[str, str] | None:
    """The one version that all rows have; None where there may be several."""
    model, version = _only_text(rows, "model"), _only_text(rows, "version")
    return None if model is None or version is None else (model, version)


def _only_text(rows: Rows, name: str) -> str | None:
    if name not in rows.text_names:
        return ""
    codes, table = rows.text(name)
    if len(codes) > 1 and (len(table) > 1 or (codes != codes[0]).any()):
        return None
    return _text(codes, table)


def _text(codes: npt.NDArray[np.int32], table: tuple[str, ...]) -> str:
    return table[codes[0]] if codes[0] >= 0 else ""
