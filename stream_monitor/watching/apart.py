"""Numbers most of whose values are one, zero say: how often others come and what these are, as two signals of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Moved
from detectors.scan import TAKEN_OFF
from detectors.scanning.atoms import FEWEST, Atoms
from stream_monitor.watching.amounts import BOTH, LARGER, SURER, SUREST, Amounts
from stream_monitor.watching.finding import Direction, Unit
from stream_monitor.watching.lasting import Lasting
from stream_monitor.watching.recent import Recent
from stream_monitor.watching.reference import Floats, Reference
from stream_monitor.watching.season import Season

Parts = tuple[float, ...]
"""By how much the share of others and their mean have changed, in standard deviations of each, NaN where it has not."""


class Told(NamedTuple):
    """What a change of them amounts to, in the fields of a finding."""

    before: float
    after: float
    effect: float
    unit: Unit
    moved: Moved
    mostly: float
    shares: tuple[tuple[float, float, float], ...]


class Apart:
    """The last rows of both signals of each such number."""

    def __init__(self, reference: Reference, atoms: Atoms, recent: Recent) -> None:
        """Keeps as many rows as the recent ones of the whole numbers."""
        self._atoms = atoms
        self._places = {signal: place for place, signal in enumerate(atoms.signals.tolist())}
        mine = reference.effects[atoms.signals]
        effects = np.concatenate((TAKEN_OFF * mine * atoms.moves[atoms.signals], mine))
        names = tuple(reference.names[signal] for signal in self._places)
        self.reference = Reference(reference.sort, 2 * names, self._of(reference.values), reference.times, effects)
        self._recent = Recent(self.reference.measures, recent.chunk, recent.kept // recent.chunk)
        self._season = Season(self.reference)
        self.amounts = Amounts(self.reference, self._recent)
        self._known = self.reference.varies & (self.reference.n >= FEWEST)

    def append(self, values: Floats, times: npt.NDArray[np.int64], changed: npt.NDArray[np.bool_]) -> None:
        """Takes the next rows of all numbers, float64[n, d]; `changed` are those of which a change is open, [d]."""
        mine = np.tile(changed[self._atoms.signals], 2)
        self._recent.append(self.reference.measured(self._season.without(self._of(values), times, mine)))

    def value(self, signal: int) -> float:
        """The value that a number mostly is."""
        return float(self._atoms.values[self._places[signal]])

    def signals(self, signal: int) -> tuple[int, ...]:
        """The share and the mean of others of a number, as signals; none if it is not mostly one value."""
        place = self._places.get(signal)
        return () if place is None else (place, place + len(self._places))

    def means(self, part: int, since: int) -> tuple[float, float]:
        """Of the reference, and since a row."""
        return float(self.reference.mean[part]), self._recent.mean_since(since, part)[0]

    def moved(self, part: int, since: int) -> tuple[float, float]:
        """By how much a signal has changed since a row, and how many standard errors that is; none where it is not known."""
        effect, n = self.amounts.effect(part, "mean", since)[2], self._recent.mean_since(since, part)[1]
        if not n or not self._known[part]:
            return math.nan, 0.0
        return effect, abs(effect) / self.amounts.error(part, since)

    def state(self) -> dict[str, Any]:
        """Everything but the reference, as plain values and arrays."""
        return {"recent": self._recent.state(), "season": self._season.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._recent.restore(state["recent"])
        self._season.restore(state["season"])

    def _of(self, values: Floats) -> Floats:
        mine = self._atoms.signals
        return np.concatenate((self._atoms.others(values)[:, mine], self._atoms.amounts(values)[:, mine]), axis=1)


class AmountsApart(Amounts):
    """Measures such numbers by what has surely changed, how often others come or what they are; the rest as a whole."""

    def __init__(self, reference: Reference, recent: Recent, apart: Apart) -> None:
        super().__init__(reference, recent)
        self._apart = apart

    def moved(self, signal: int, moved: Moved, since: int, first: bool = False) -> Moved:
        """The mean, of what it consists of, if any of that has surely changed."""
        if moved in BOTH and any(self._surely(part, since) for part in self._apart.signals(signal)):
            return "mean"
        return super().moved(signal, moved, since, first)

    def apart(self, signal: int, moved: Moved, since: int, known: Sequence[float] = ()) -> Parts:
        """What of a number has surely changed since a row, or most likely; what is known to have, if that is a part of it."""
        parts = self._apart.signals(signal)
        found = [self._apart.moved(part, since) for part in parts]
        if moved != "mean" or not any(sure for _, sure in found):
            return ()
        chosen = [self._surely(part, since) for part in parts]
        if not any(chosen) and not known:
            most = max(sure for _, sure in found)
            chosen = [sure == most for _, sure in found]
        before = [not math.isnan(one) for one in known]
        if before and all(was or not now for was, now in zip(before, chosen, strict=True)):
            chosen = before
        return tuple(effect if one else math.nan for one, (effect, _) in zip(chosen, found, strict=True))

    def told(self, signal: int, change: Lasting, since: int) -> Told:
        """What it amounts to since a row: the shares of what it mostly is and of others, the mean of others, or both."""
        (share, before, after), *_ = shares = self._shares_of(signal, since)
        moved_share, moved_mean = (not math.isnan(one) for one in change.apart)
        if not moved_mean:
            (_, before, after) = shares[1]
            return Told(before, after, after - before, "points", "shares", share, shares)
        mean = self._apart.signals(signal)[1]
        before, after = self._apart.means(mean, since)
        return Told(before, after, self._apart.moved(mean, since)[0], "sd", "mean", share, shares if moved_share else ())

    def is_after(self, signal: int, since: int) -> bool:
        """Whether a number is measured so, and nothing of it has surely changed since its last change ended."""
        parts = self._apart.signals(signal)
        return bool(parts) and not any(self._surely(part, since) for part in parts)

    def direction(self, signal: int, change: Lasting) -> Direction:
        """Which way the number goes by all that has changed of it."""
        if not change.apart:
            return super().direction(signal, change)
        mean = self._apart.signals(signal)[1]
        above = self._apart.means(mean, 0)[0] > self._apart.value(signal)
        ways = {(one > 0) == (above or part == mean) for part, one in self._parts(signal, change)}
        return "both" if len(ways) > 1 else "up" if ways.pop() else "down"

    def is_noise(self, signal: int, change: Lasting, since: int) -> bool:
        """Whether all that has changed of it is not to be told from its reference, and nothing else has surely changed."""
        parts = self._each(signal, change)
        if not parts:
            return super().is_noise(signal, change, since)
        noise = all(self._apart.amounts.is_noise(part, one, since) for part, one in parts)
        return noise and not self._another(signal, change, since)

    def has_grown(self, signal: int, change: Lasting) -> bool:
        """Whether any of what has changed of it is surely larger than was said, as little known, or something else has too."""
        parts = self._parts(signal, change)
        if not parts:
            return super().has_grown(signal, change)
        another = self._another(signal, change, change.began, SUREST)
        return another or any(self._has_grown(part, effect, change.began) for part, effect in parts)

    def is_usual(self, signal: int, change: Lasting) -> bool:
        """Whether nothing of it has changed by what matters."""
        parts = self._each(signal, change)
        if not parts:
            return super().is_usual(signal, change)
        return all(self._apart.amounts.is_usual(part, one) for part, one in parts)

    def has_turned(self, signal: int, change: Lasting, now: Lasting) -> bool:
        """Whether all of what lasts that was found again was found on the other side of its reference."""
        if not change.apart or not now.apart:
            return not (change.apart or now.apart) and super().has_turned(signal, change, now)
        new = dict(self._each(signal, now))
        both = [(part, one, new[part]) for part, one in self._each(signal, change) if part in new]
        return bool(both) and all(self._apart.amounts.has_turned(*one) for one in both)

    def is_back(self, signal: int, change: Lasting, within: int) -> bool:
        """Whether all of what has changed is back, and nothing else has surely changed."""
        parts = self._each(signal, change)
        if not parts:
            return super().is_back(signal, change, within)
        back = all(self._apart.amounts.is_back(part, one, within) for part, one in parts)
        return back and not self._another(signal, change, self._recent.rows - within)

    def _most(self, signal: int, since: int) -> Moved:
        """As a whole: it is compared with others."""
        return super().moved(signal, "spread", since)

    def _parts(self, signal: int, change: Lasting) -> list[tuple[int, float]]:
        """What has changed, and by how much."""
        return [one for one in zip(self._apart.signals(signal), change.apart) if not math.isnan(one[1])]

    def _each(self, signal: int, change: Lasting) -> list[tuple[int, Lasting]]:
        """What has changed, each with a change of its own."""
        return [
            (part, replace(change, moved="mean", effect=effect, direction="up" if effect > 0 else "down", apart=()))
            for part, effect in self._parts(signal, change)
        ]

    def _surely(self, part: int, since: int, enough: float = SUREST) -> bool:
        effect, sure = self._apart.moved(part, since)
        return sure > enough and abs(effect) > float(self._apart.reference.effects[part])

    def _has_grown(self, part: int, was: float, since: int) -> bool:
        now = self._apart.moved(part, since)[0]
        more, least = abs(now) - abs(was), float(self._apart.reference.effects[part])
        return abs(now) >= LARGER * abs(was) and more > max(SURER * self._apart.amounts.error(part, since), least)

    def _another(self, signal: int, change: Lasting, since: int, enough: float = SURER) -> bool:
        """Whether what was not said to have changed may have: less is asked for it to last than for it to be said."""
        known = {part for part, _ in self._parts(signal, change)}
        return any(part not in known and self._surely(part, since, enough) for part in self._apart.signals(signal))

    def _shares_of(self, signal: int, since: int) -> tuple[tuple[float, float, float], ...]:
        before, after = self._apart.means(self._apart.signals(signal)[0], since)
        return (self._apart.value(signal), 1 - before, 1 - after), (math.nan, before, after)


def amounts(reference: Reference, recent: Recent, last: Recent | None) -> tuple[Amounts, Apart | None]:
    """What measures the signals of a reference, with the rows of what is measured apart if there is any."""
    atoms = None if reference.counted or reference.of_loss else Atoms(reference.values)
    if atoms is None or not len(atoms.signals):
        return Amounts(reference, recent, last), None
    apart = Apart(reference, atoms, recent)
    return AmountsApart(reference, recent, apart), apart
