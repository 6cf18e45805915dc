"""Whether the predictions whose labels have come are like the others, or whether their metrics speak for themselves only."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.label_sides import Difference, Floats, Sides

_SURELY, _PERHAPS, _HARDLY = 5.0, 3.0, 2.0
"""Standard errors at which both sides differ, from which on they may, and within which they differ no more."""
_MATTERS = 0.2
"""Standard deviations by which scores differ."""
_POINTS, _OF_FIFTHS = 0.05, 0.1
"""By how much the share of a segment differs, and that of a fifth of the scores."""
_ROUNDING = 1e-9
"""Of a score, what may be but rounding."""
_MEMORY, _LEFT = 250.0, 0.25
"""What cohorts may weigh together; where it is more, earlier ones count for less, but for a quarter at least."""
_FORGOTTEN = 1e-6
"""The variance of a segment that does not come any more."""
_OLDER = 4
"""How much older a cohort is at each step of its age."""
MEAN = 0
FIFTHS = {-1: "lowest", -2: "second", -3: "middle", -4: "fourth", -5: "highest"}


class Bias(NamedTuple):
    """In what they differ."""

    what: int
    """The place of a segment whose share differs, one of the fifths of the scores, or their mean."""
    labelled: float
    rest: float
    errors: float
    """By how many standard errors."""


class LabelBias:
    """Adds up what cohorts of one length show at one age: each prediction is in one of these, once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, bool], Evidence] = {}
        """By length and age, whether of segments or of scores."""

    def see(self, length: int, age: int, outcomes: Outcomes, counts: Floats, places: npt.NDArray[np.uint64]) -> None:
        """Takes the predictions of a cohort, float64[n] what their labels count for, uint64[n, k] their segments."""
        step = 0
        while age >= length * _OLDER ** (step + 1):
            step += 1
        order = np.lexsort((outcomes.position, outcomes.time))
        known = order[~np.isnan(outcomes.score[order])]
        scored, placed = (Sides.of(outcomes.sign[rows] > 0, counts[rows], outcomes.time[rows]) for rows in (known, order))
        if scored.alike:
            self._evidence(length, step, False).add(scored.alike, _scores(scored, outcomes.score[known]))
        if placed.alike and places.shape[1]:
            self._evidence(length, step, True).add(placed.alike, _segments(placed, places[order]))

    @property
    def worst(self) -> Bias | None:
        """In what they differ most surely; None if they do not."""
        found = (evidence.bias(what) for evidence in self._known.values() for what in evidence.standing)
        return max(found, key=lambda bias: bias.errors, default=None)

    @property
    def suspected(self) -> bool:
        """Whether they may differ, by as much as matters, though not beyond doubt.

        With fair labels this was never so of scores, in 7,800 cohorts of 33 to 800 predictions (26 streams, no segments).
        """
        return self.worst is None and any(evidence.suspected for evidence in self._known.values())

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [[*key, evidence.state()] for key, evidence in self._known.items()]

    @classmethod
    def restored(cls, state: list[Any]) -> LabelBias:
        """From a `state()`."""
        bias = cls()
        for *key, inner in state:
            bias._evidence(*key).restore(inner)
        return bias

    def _evidence(self, length: int, step: int, segments: bool) -> Evidence:
        return self._known.setdefault((length, step, segments), Evidence())


class Sums(NamedTuple):
    """What lies between both sides, and what it is judged by, times the weight of the cohorts."""

    apart: float = 0.0
    rest: float = 0.0
    least: float = 0.0
    """What matters."""
    largest: float = 0.0
    """The most that one row adds."""
    variance: float = 0.0
    """Times the square of the weight."""

    def and_then(self, more: Sums, kept: float) -> Sums:
        """With those of the next cohort, before which these count for less."""
        return Sums(
            kept * self.apart + more.apart, kept * self.rest + more.rest, kept * self.least + more.least,
            max(kept * self.largest, more.largest), kept * kept * self.variance + more.variance,
        )  # fmt: skip


class Evidence:
    """Means over cohorts, each by how many rows say it."""

    def __init__(self) -> None:
        self.weight = 0.0
        self.sums: dict[int, Sums] = {}
        self.standing: list[int] = []
        """In what both sides were found to differ, until they hardly do."""

    def add(self, weight: float, found: dict[int, Sums]) -> None:
        """Takes the next cohort."""
        kept = min(1.0, max(_LEFT, (_MEMORY - weight) / max(self.weight, 1.0)))
        before, now = (Sums(least=_POINTS * one) for one in (self.weight, weight))
        both = {what: self.sums.get(what, before).and_then(found.get(what, now), kept) for what in self.sums | found}
        self.sums = {what: sums for what, sums in both.items() if what in found or sums.variance > _FORGOTTEN}
        self.weight = kept * self.weight + weight
        surely = self._of_all(_SURELY)
        still = [what for what in self.standing if what in self.sums and self._apart(what, _HARDLY, 0.5)]
        self.standing = still + [what for what in self.sums if what not in still and self._apart(what, surely, 1.0)]

    @property
    def suspected(self) -> bool:
        """Whether both sides may differ in something."""
        perhaps = self._of_all(_PERHAPS)
        return any(self._apart(what, perhaps, 1.0) for what in self.sums)

    def bias(self, what: int) -> Bias:
        """How far apart both sides are in something."""
        sums = self.sums[what]
        labelled, rest = (sums.rest + sums.apart) / self.weight, sums.rest / self.weight
        return Bias(what, labelled if what == MEAN else min(max(labelled, 0.0), 1.0), rest, _errors(sums))

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [self.weight, list(self.standing), [[what, *sums] for what, sums in self.sums.items()]]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self.weight, self.standing = state[0], list(state[1])
        self.sums = {what: Sums(*sums) for what, *sums in state[2]}

    def _of_all(self, errors: float) -> float:
        """Standard errors that say of one of all that is compared what so many say of a single one."""
        return math.sqrt(errors**2 + 2 * math.log(max(len(self.sums), 1)))

    def _apart(self, what: int, errors: float, part: float) -> bool:
        sums = self.sums[what]
        return abs(sums.apart) > part * sums.least and _errors(sums) > errors


def _errors(sums: Sums) -> float:
    """Standard errors, of which there are fewer where single rows make much of the difference (Bernstein's inequality)."""
    apart = abs(sums.apart)
    return apart / math.sqrt(max(sums.variance + apart * sums.largest / 3, 1e-300))


def _scores(sides: Sides, score: Floats) -> dict[int, Sums]:
    """The mean, and the shares of fifths: labels of clear cases, or of doubtful ones, may leave the mean as it is."""
    mean = sides.numbers(score)
    found = _weighed(sides, [MEAN], mean, np.maximum(_MATTERS * mean.deviation, _ROUNDING * np.abs(mean.rest)))
    fifth = np.searchsorted(np.sort(score), score) * len(FIFTHS) // len(score)
    return found | _weighed(sides, list(FIFTHS), sides.shares(fifth, len(FIFTHS)), np.full(len(FIFTHS), _OF_FIFTHS))


def _segments(sides: Sides, places: npt.NDArray[np.uint64]) -> dict[int, Sums]:
    found: dict[int, Sums] = {}
    for key in places.T:
        distinct, group = np.unique(key, return_inverse=True)
        found |= _weighed(sides, distinct.tolist(), sides.shares(group, len(distinct)), np.full(len(distinct), _POINTS))
    found.pop(0, None)
    return found


def _weighed(sides: Sides, what: list[int], of: Difference, least: Floats) -> dict[int, Sums]:
    weight = sides.alike
    columns = weight * of.apart, weight * of.rest, weight * least, weight * of.largest, weight * weight * of.variance
    return {one: Sums(*sums) for one, *sums in zip(what, *(column.tolist() for column in columns), strict=True)}
