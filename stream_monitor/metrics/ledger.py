"""The outcomes of a stream, measured twice: by when their label came, and by when they were predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.config.stream import StreamConfig
from stream_monitor.joining.gathered import Gathered
from stream_monitor.joining.join import Join, Joined
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.scored_classes import ScoredClasses
from stream_monitor.metrics.binary import Binary, Costs
from stream_monitor.metrics.carried import Classifier, carried
from stream_monitor.metrics.class_numbers import ClassNumbers
from stream_monitor.metrics.cohorts import Cohort, Cohorts, Seen
from stream_monitor.metrics.complete import Completes, Waiting
from stream_monitor.metrics.label_bias import LabelBias
from stream_monitor.metrics.multiclass import Multiclass
from stream_monitor.metrics.regression import Regression, origin
from stream_monitor.metrics.since import Since
from stream_monitor.metrics.tally import Measure, Tally
from stream_monitor.metrics.top_segments import TopSegments
from stream_monitor.metrics.vocabulary import Classes, Vocabulary, Word
from stream_monitor.metrics.windows import Closed, Windows, groups
from stream_monitor.statuses import Outcome, outcome
from stream_monitor.watching.words import Words

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Losses = Callable[[Outcomes], Floats]

_DECISIVE = 100
"""Outcomes after which it is said what they are measured as, unless a window closes before."""
_TOGETHER = 512
"""Outcomes that are tallied together."""
_HELD = 512
"""Predictions from which on no more are kept until it is known what they are measured as."""


class Ledger:
    """Outcomes wait to be tallied together; when that happens does not matter, as each sum takes them one after the other."""

    def __init__(self, config: StreamConfig, words: Words, classes: ScoredClasses) -> None:
        self._words, self._rows = words, config.reference.rows
        self.windows = Windows(config.metrics)
        self.cohorts = Cohorts(config.metrics)
        self.segments = TopSegments(config.segments.crossings, config.segments.top)
        self.vocabulary = Vocabulary(config.task, _positive(config, words))
        self.numbers = ClassNumbers(self.vocabulary, words, classes)
        cost = config.performance.cost
        self._costs = None if cost is None else Costs(cost.tp, cost.fp, cost.fn, cost.tn)
        self._regression, self._top_k = False, config.metrics.top_k
        self.since: dict[int, Since] = {}
        """By the number of the version."""
        self.biases: dict[int, LabelBias] = {}
        """By the number of the version."""
        self._origin = 0.0
        self._measure: Classifier | Regression | None = None
        self._pending, self._matured = Gathered(), Gathered()
        self._unmeasured = Gathered()
        """Predictions with a label whose wait was over before it was known what they are measured as."""
        self._complete = Completes()
        """Outcomes for the references of versions that have none yet."""

    @property
    def measure(self) -> Measure | None:
        """What outcomes are measured as; None while that is not known."""
        return self._measure

    def predictions(self, rows: Rows, joined: Joined) -> None:
        """Counts predictions that were accepted."""
        mine = joined.accepted
        latency = rows.number("latency_ms") if "latency_ms" in rows.number_names else None
        statuses = _statuses(rows) if "status" in rows.text_names else None
        if mine.all():
            self.windows.predictions(joined.version, rows.time, joined.clock, latency, statuses)
        else:
            latency = None if latency is None else latency[mine]
            statuses = None if statuses is None else {name: which[mine] for name, which in statuses.items()}
            self.windows.predictions(joined.version[mine], rows.time[mine], joined.clock[mine], latency, statuses)
        if joined.segments is not None:
            segments = np.where(mine[:, None], joined.segments, np.uint64(0))
            self.segments.see(rows, segments, joined.clock // self.windows.length)

    def outcomes(self, outcomes: Outcomes, losses: Floats, clock: int, regression: bool) -> None:
        """Takes outcomes that can be compared, float64[n] their losses."""
        if not len(losses):
            return
        self._regression = regression
        places = self.windows.places(outcomes, clock)
        self.segments.begin(places)
        self._pending.add(outcomes, losses, places)
        if self._measure is None:
            if self._pending.n < _DECISIVE:
                return
            self._decide_by_first()
        if self._pending.n >= _TOGETHER:
            self._settle()

    def relearn(self, first: int) -> None:
        """Learns references anew, from predictions of one of the shortest windows on whose labels are still to be complete."""
        self._complete = Completes(self.since, first)
        for since in self.since.values():
            since.relearn()

    def matured(self, outcomes: Outcomes, losses: Losses) -> None:
        """Takes predictions whose wait is over."""
        if self._measure is not None and self._matured.n >= _TOGETHER:
            self._settle()
            self._settle_matured(losses)
        self._matured.add(outcomes)
        if missing := self._missing():
            self._complete.mature(outcomes.time // self.windows.length, outcomes, missing, losses)

    def learn(self, waiting: Waiting, losses: Losses, of_one_class: bool) -> None:
        """Completes references at the end of a window, if labels are complete; not by labels that are all `of_one_class`."""
        if of_one_class or self._measure is None:
            self._complete.forget()
            return
        for version, most in self._missing().items():
            since = self.since[version]
            outcomes = self._complete.taken(version, since.start, waiting, most, most, most, losses)
            if outcomes is not None:
                self._tally(since.growing, outcomes, losses(outcomes))
                self._complete.retire(version)

    def give_up(self) -> None:
        """Forgets those of which it is not known what they are measured as."""
        self._unmeasured = Gathered()

    def close(self, now: int, losses: Losses, everything: bool = False) -> Iterator[Closed]:
        """Gives the windows that are over; `losses` says the loss of each outcome, NaN where there is none."""
        self.settle()
        self._settle_matured(losses)
        shortest = False
        for closed in list(self.windows.close(now, everything)):
            if closed.window.predictions and not everything:
                self.cohorts.opened(closed.length, closed.key.number, now)
            if closed.length == self.windows.length:
                shortest = True
                if closed.key.version in self.since:
                    self.since[closed.key.version].window(closed)
            yield closed
        if shortest:
            self._hold_segments()
            self.segments.close(self.cohorts.first((now - self.windows.grace) // self.windows.length))
            if self._measure is not None:
                before = self.vocabulary.now
                self.vocabulary.decide(self._regression, self._words.state())
                self._carry(before)

    def look(self, now: int, join: Join, losses: Losses) -> Iterator[Seen]:
        """Gives the cohorts that are due to be looked at."""
        if self.cohorts.due() > now:
            return
        self._settle_matured(losses)

        def open(start: int, end: int) -> Iterator[tuple[int, Cohort]]:
            waiting, counts = join.cohort(start, end)
            for key, rows in groups(np.zeros(len(waiting.row), np.int64), waiting.version):
                cohort = Cohort()
                mine = waiting.take(rows)
                cohort.count(mine, open=True)
                bias = self.biases.setdefault(key.version, LabelBias())
                scored = mine._replace(score=self.numbers.leading(mine))
                bias.see(end - start, now - end, scored, counts[rows], self.segments.places(mine.segments))
                self._tally_labelled(cohort.tally, mine, losses)
                yield key.version, cohort

        for seen in self.cohorts.look(now, max(join.wait, self.windows.grace), open):
            if seen.final and seen.length == self.windows.length and seen.key.version in self.since:
                self.since[seen.key.version].cohort.merge(seen.cohort.tally)
            yield seen

    def settle(self) -> None:
        """Tallies what waits, as a window closes."""
        if self._pending.n and self._measure is None:
            self._decide_by_first()
        self._settle()

    def begins(self, version: int, now: int, older: int | None = None) -> None:
        """Says that a version begins, and which one it is compared with, if not with itself."""
        reference = self.since[older].reference if older in self.since else None
        self.since[version] = Since(now, self._rows, reference)

    def refer(self, version: int, outcomes: Outcomes, losses: Floats, regression: bool) -> None:
        """Takes outcomes, float64[n] their losses, with which a version is compared from now on."""
        if self._measure is None:
            self._regression = regression
            self._decide(outcomes)
        self._settle()
        self.vocabulary.tell()
        reference = Tally()
        self._tally(reference, outcomes, losses)
        self.since[version].refer(reference)

    def retire(self, version: int) -> None:
        """Forgets a version."""
        self.since.pop(version, None)
        self.biases.pop(version, None)
        self._complete.retire(version)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        if self._measure is not None:
            self._settle()
        return {
            "windows": self.windows.state(), "cohorts": self.cohorts.state(), "segments": self.segments.state(),
            "vocabulary": self.vocabulary.state(), "since": [[number, since.state()] for number, since in self.since.items()],
            "biases": [[number, bias.state()] for number, bias in self.biases.items()],
            "origin": self._origin, "regression": self._regression, "measured": self._measure is not None,
            "pending": self._pending.state(), "matured": self._matured.state(),
            "unmeasured": self._unmeasured.state(),
            "complete": self._complete.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.windows.restore(state["windows"])
        self.cohorts.restore(state["cohorts"])
        self.segments.restore(state["segments"])
        self.vocabulary.restore(state["vocabulary"])
        self.since = {number: Since.restored(inner) for number, inner in state["since"]}
        self._origin, self._regression = state["origin"], state["regression"]
        self.biases = {number: LabelBias.restored(inner) for number, inner in state["biases"]}
        self._measure = self._measured() if state["measured"] else None
        self._pending, self._matured = Gathered.restored(state["pending"]), Gathered.restored(state["matured"])
        self._unmeasured = Gathered.restored(state["unmeasured"])
        self._complete.restore(state["complete"])

    def _decide_by_first(self) -> None:
        self._decide(self._pending.together()[0].take(slice(_DECISIVE)))
        self.vocabulary.begin()

    def _decide(self, known: Outcomes) -> None:
        """Says what outcomes are measured as, by some of them."""
        self.vocabulary.hear(known)
        self.vocabulary.decide(self._regression, self._words.state())
        self._origin = origin(known.label_value) if self._regression else 0.0
        self._measure = self._measured()

    def _carry(self, before: Classes) -> None:
        """Measures as something else from now on if that is so, and takes along what has been measured."""
        now, old = self.vocabulary.now, self._measure
        if (now.kind, now.room) == (before.kind, before.room):
            return
        self._measure = new = self._measured()
        assert isinstance(old, Binary | Multiclass)
        assert isinstance(new, Binary | Multiclass)
        numbers = np.array([now.number(word) for word in before.numbered], np.int64)
        since = {id(tally): tally for one in self.since.values() for tally in one.tallies()}  # versions may share a reference
        for tally in (*self.windows.tallies(), *self.cohorts.tallies(), *since.values()):
            tally.carry(partial(carried, old=old, new=new, numbers=numbers))

    def _measured(self) -> Classifier | Regression:
        now = self.vocabulary.now
        if now.kind == "regression":
            return Regression(self._origin)
        return Binary(self._costs) if now.kind == "binary" else Multiclass(now.room, self._top_k)

    def _settle(self) -> None:
        if not self._pending.n:
            return
        outcomes, (losses, places) = self._pending.taken()
        while len(losses):
            before = self.vocabulary.now
            taken = self.vocabulary.hear(outcomes)
            self._carry(before)
            heard, rest = slice(taken), slice(taken, None)
            self._add(outcomes.take(heard), losses[heard], places[heard])
            outcomes, losses, places = outcomes.take(rest), losses[rest], places[rest]

    def _add(self, outcomes: Outcomes, losses: Floats, places: Ints) -> None:
        self.windows.count({"unexpected_classes": self.numbers.unexpected(outcomes)})
        delays = outcomes.delays
        for key, rows in groups(places, outcomes.version):
            if key.number >= 0:
                window = self.windows.window(key)
                window.amend(outcomes.sign[rows], delays[rows])
                self._tally(window.tally, outcomes.part(rows), losses[rows], places[rows])
            elif key.version in self.since:
                late = outcomes.part(rows)
                self._tally(self.since[key.version].arrival, late, losses[rows], late.at // self.windows.length)

    def _hold_segments(self) -> None:
        """Keeps as many segments of each version since its beginning as events can show, those with the most outcomes."""
        tallies = [tally for since in self.since.values() for tally in (since.arrival, since.cohort)]
        for tally in tallies:
            tally.fold(self.segments.beyond({place: tally.rows(place) for place in tally.sums}))
        self.segments.hold(place for tally in tallies for place in tally.sums)

    def _missing(self) -> dict[int, int]:
        """How many outcomes versions are missing that have no reference yet."""
        return {version: since.missing for version, since in self.since.items() if since.missing}

    def _settle_matured(self, losses: Losses) -> None:
        if self._measure is not None and self._unmeasured.n:
            self._settle_unmeasured(losses)
        if not self._matured.n:
            return
        outcomes, _ = self._matured.taken()
        for cohort, rows in self.cohorts.matured(outcomes):
            self._tally_labelled(cohort.tally, outcomes.part(rows), losses)
        if self._measure is None:
            self._unmeasured.add(outcomes.take(np.flatnonzero(outcomes.sign > 0)[: _HELD - self._unmeasured.n]))

    def _settle_unmeasured(self, losses: Losses) -> None:
        """Tallies them in their cohorts, or where these are final already, in what is known since the version began."""
        outcomes, _ = self._unmeasured.taken()
        for key, rows in groups(outcomes.time // self.windows.length, outcomes.version):
            if (cohort := self.cohorts.growing(key)) is not None:
                self._tally_labelled(cohort.tally, outcomes.part(rows), losses)
            elif key.version in self.since:
                self._tally_labelled(self.since[key.version].cohort, outcomes.part(rows), losses)

    def _tally_labelled(self, tally: Tally, outcomes: Outcomes, losses: Losses) -> None:
        """Tallies those that have a label, once it is known what they are measured as, by the windows of the predictions.

        A prediction ahead of the clock is in the window in which its label came, if that is earlier.
        """
        if self._measure is None:
            return
        outcomes = outcomes.part(outcomes.sign > 0)
        lost = losses(outcomes)
        good = ~np.isnan(lost)
        outcomes = outcomes.part(good)
        self._tally(tally, outcomes, lost[good], np.minimum(outcomes.time, outcomes.at) // self.windows.length)

    def _tally(self, tally: Tally, outcomes: Outcomes, losses: Floats, windows: Ints | None = None) -> None:
        assert self._measure is not None
        if not len(losses):
            return
        rows = self.numbers.judged(outcomes)
        tally.add(self._measure, rows, losses, self.segments.places(outcomes.segments, windows))
        if self._regression:
            tally.regress(rows)


def _statuses(rows: Rows) -> dict[Outcome, npt.NDArray[np.bool_]]:
    """Which rows went how; those that do not say are in none."""
    codes, table = rows.text("status")
    went = np.array([*map(outcome, table), ""])
    names: tuple[Outcome, ...] = ("ok", "error", "timeout")
    return {name: went[codes] == name for name in names}


def _positive(config: StreamConfig, words: Words) -> Word | None:
    if config.positive is None:
        return None
    value, code = words.value(config.positive)
    return (0.0, code) if code >= 0 else (value, -1)
