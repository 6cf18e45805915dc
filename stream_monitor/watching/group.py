"""A group of signals through its life: first rows become the reference, all after them are watched."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.scanning.seasons import KNOWN_AFTER
from stream_monitor.config.duration import show
from stream_monitor.joining import mixed
from stream_monitor.watching.allowance import NOTHING, Allowance, Spent
from stream_monitor.watching.finding import Finding, restored
from stream_monitor.watching.level import Level
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Reference, Sort, Unsettled, unsettled
from stream_monitor.watching.signals import Signals
from stream_monitor.watching.warmup import Warmup

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Kind = Literal["numbers", "categories"]
Settings = dict[Kind, dict[str, dict[str, Any]]]
"""Detectors with their settings, for numbers and for categories."""

_NEARLY = 0.1
_ENOUGH = 1_000
"""Rows after which their own rate counts, not that of the reference."""
_MINUTE = 60_000_000
_WEEKS = 7 * KNOWN_AFTER
_SURELY_KNOWN = KNOWN_AFTER * 5 // 4
"""Event time from the first row of a reference to when a daily rhythm is known, as fits are made again by a quarter of rows."""
_FEW = 10
"""Distinct values up to which a numeric feature is of low cardinality: a case for counts."""
TIMES = "\x01times"
"""The name under which the event times of a reference are kept among its signals."""


class Terms(NamedTuple):
    """What is configured about a group."""

    rows: int
    """Of its reference."""
    detectors: Settings
    resolve_after: int
    least: float = 0.0
    """The smallest change that matters, in standard deviations, or in points of a category's share divided by 10."""
    least_of: tuple[tuple[str, float], ...] = ()
    """The same of some signals."""
    stated: tuple[tuple[str, str], ...] = ()
    """Types of features that are not to be found out."""
    limit: int = 1
    """How many signals there may be."""


class Group:
    """Signals of one sort that share rows."""

    def __init__(self, sort: Sort, terms: Terms) -> None:
        self.sort, self.terms = sort, terms
        self.warmup = Warmup(terms.rows)
        self.learnt = False
        """Whether there is a reference."""
        self.not_watched: dict[str, str] = {}
        """Names that are kept but not watched, and why."""
        self.began: tuple[int, int] | None = None
        """Position and event time of the first row that was watched."""
        self.fresh = False
        """Whether the reference is newer than the last snapshot of it."""
        self.allowance = NOTHING
        """What false alarms it may raise."""
        self.watched: dict[Kind, Signals] = {}
        self.withheld: Finding | None = None
        """What was last found of a change that lasts, and was not told; of a group of one signal."""
        self.better: Level | None = None
        """How a version before erred that this one is worse than; of losses."""
        self._before = Spent()
        """By references that were given up."""
        self._texts: set[str] = set()
        self._unsettled: list[Unsettled] = []
        self._doubted: list[str] = []
        """Signals that were said to have changed within a reference too short to know their rhythms by."""
        self._columns: dict[tuple[Kind, tuple[str, ...]], Ints] = {}

    def update(self, names: tuple[str, ...], values: Floats, marks: Marks, texts: Iterable[str] = ()) -> list[Finding]:
        """Takes the next rows, float64[n, k] of the named signals; NaN and infinities are missing values.

        Values of `texts` are numbers of categories.  Until there is a reference, features are numbers and texts in one column.
        """
        known = np.flatnonzero(marks.time >= self._known_at()) if self._doubted else np.zeros(0, np.int64)
        if not len(known):
            return self._update(names, values, marks, texts)
        stop = int(known[0]) + 1
        findings = self._update(names, values[:stop], marks.part(0, stop), texts) + self._settled(int(marks.row[stop - 1]))
        return findings + self._update(names, values[stop:], marks.part(stop, len(marks.row)), texts)

    def _update(self, names: tuple[str, ...], values: Floats, marks: Marks, texts: Iterable[str]) -> list[Finding]:
        values = np.where(np.isfinite(values), values, np.nan)
        if not self.learnt:
            self._texts.update(texts)
            taken = self.warmup.take(names, values, marks.time)
            if not self.warmup.complete:
                return []
            self.finish()
            said = self._say_unsettled(int(marks.row[taken - 1]))
            values, marks = values[taken:], marks.part(taken, len(marks.row))
        else:
            said = self._say_unsettled(int(marks.row[0])) if self._unsettled and len(values) else []
        if not len(values):
            return said
        if self.began is None:
            self.began = int(marks.position[0]), int(marks.time[0])
        return said + [
            finding
            for kind, signals in self.watched.items()
            for finding in signals.update(self._aligned(kind, signals.names, names, values), marks)
        ]

    def told(self, findings: list[Finding], row: int) -> list[Finding]:
        """Those of some findings that are told: of changes, those from a row on; others are withheld."""
        said = []
        for finding in findings:
            if finding.row >= row or finding.step in ("broken", "unsettled", "settled"):
                said.append(finding)
            else:
                self.withheld = None if finding.step == "resolved" else finding
        return said

    def release(self, row: int) -> list[Finding]:
        """What was withheld, as if it had been found at a row."""
        withheld, self.withheld = self.withheld, None
        return [] if withheld is None else [withheld._replace(row=row, step="opened")]

    def finish(self) -> None:
        """Makes a reference of the rows there are."""
        names, values = self.warmup.finished(self.terms.limit)
        if self.sort == "feature":
            values = self._of_one_type(names, values)
        times = self.warmup.times()
        references = [self._reference(kind, names, values, times) for kind in _KINDS]
        self.adopt(references)
        twice = self.sort == "risk"  # its rows are those of the loss, which says it
        self._unsettled = [] if twice else [found for one in references[:1] for found in unsettled(one)]

    def adopt(self, references: list[Reference]) -> None:
        """Takes references that were made elsewhere, of numbers and of categories."""
        self.watched = {}
        for kind, reference in zip(_KINDS, references, strict=False):
            if reference.names:
                settings = self.terms.detectors.get(kind, {})
                self.watched[kind] = Signals(reference, settings, self.terms.resolve_after)
        self.warmup, self.learnt, self.fresh, self.began = Warmup(self.terms.rows), True, True, None
        self.withheld, self._doubted = None, []
        self._columns.clear()
        self.share()

    def lend(self, values: Floats, times: Ints, are_texts: bool) -> None:
        """Takes values that were given, float64[n], as the reference of its only signal."""
        self._texts = {self.sort} if are_texts else set()
        self.adopt([self._reference(kind, (self.sort,), values[:, None], times) for kind in _KINDS])

    def references(self) -> list[Reference]:
        """What it compares with, of numbers and of categories."""
        empty = Reference(self.sort, (), np.empty((0, 0)), np.empty(0, np.int64), np.empty(0))
        return [self.watched[kind].reference if kind in self.watched else empty for kind in _KINDS]

    def share(self) -> None:
        """Lets its signals have what the group is allowed; what they have stays while it is right within a tenth."""
        run_length = self.allowance.run_length(self.signals, self.interval())
        for signals in self.watched.values():
            mine = run_length if signals.calibrated else math.inf
            if signals.run_length != mine and (math.isinf(mine) or abs(signals.run_length - mine) > _NEARLY * mine):
                signals.allow(mine)

    def seen(self) -> tuple[float, float]:
        """Microseconds, and predictions, from one watched row to the next; 0 and 1 where they are few."""
        rows, (position, time) = next((signals.seen for signals in self.watched.values()), (0, (0, 0)))
        if self.began is None or rows < _ENOUGH:
            return 0.0, 1.0
        return max(time - self.began[1], 1) / rows, max(position - self.began[0], rows) / rows

    def chance(self, rarity: float) -> float | None:
        """Microseconds after which chance alone raises as much somewhere under the same line of the stream's budget.

        `rarity` is after how many values of one signal; at a signal's threshold this is what the line allows.
        """
        interval = self.allowance.interval or self.interval()
        line = self.allowance.per_microsecond * interval + self.allowance.per_prediction * self.allowance.predictions
        allowed = self.allowance.run_length(self.signals, interval)
        if not (math.isfinite(rarity) and math.isfinite(allowed) and line > 0):
            return None
        return rarity / (allowed * line) * interval

    @property
    def spent(self) -> Spent:
        """What became of what the group was allowed."""
        spent = self._before
        for signals in self.watched.values():
            spent = spent.plus(Spent(signals.expected, signals.opened))
        return spent

    def given(self) -> dict[str, Any] | None:
        """What each of its signals is given of the budget, and what came of it; None where there are none."""
        known = [signals for signals in self.watched.values() if signals.calibrated]
        if not known:
            return None
        run_length = min(signals.run_length for signals in known)
        return {
            "signal": self.sort, "signals": self.signals, "run_length": run_length if math.isfinite(run_length) else None,
            "extrapolated": any(signals.extrapolated for signals in known), **self.spent._asdict(),
        }  # fmt: skip

    @property
    def signals(self) -> int:
        """How many signals are watched under the budget."""
        return sum(len(signals.names) for signals in self.watched.values() if signals.calibrated)

    def so_far(self) -> Reference | None:
        """The reference of numbers, or what there is of it; None where there is nothing."""
        if self.learnt:
            return self.watched["numbers"].reference if "numbers" in self.watched else None
        names, values = self.warmup.finished(self.terms.limit)
        return self._reference("numbers", names, values, self.warmup.times()) if names else None

    def names(self) -> set[str]:
        """The signals in the reference, watched or not, or in what there is of it."""
        if not self.learnt:
            return self.warmup.names()
        return {*self.not_watched, *(name for signals in self.watched.values() for name in signals.names)}

    def lasting(self) -> int | None:
        """The event time since when the oldest change lasts; None where there is none, or only an improvement."""
        oldest = [since for signals in self.watched.values() if (since := signals.oldest()) is not None]
        return min(oldest, default=None)

    @property
    def has_changed(self) -> bool:
        """Whether any change was found by its reference."""
        return any(signals.opened for signals in self.watched.values())

    def begin_again(self) -> None:
        """Learns a new reference from the next rows."""
        self._before = self.spent
        self.warmup, self.learnt, self.watched = Warmup(self.terms.rows), False, {}
        self.not_watched, self.fresh, self.withheld, self.better, self._doubted = {}, True, None, None, []
        self._texts.clear()

    def configure(self, terms: Terms) -> None:
        """Takes new terms; the reference stays, detectors begin again."""
        self.terms, self.withheld = terms, None
        for kind, signals in self.watched.items():
            signals.reference.effects = self._least(kind, signals.names)
            signals.configure(terms.detectors.get(kind, {}), terms.resolve_after)
        self.share()

    def resume(self) -> None:
        """Starts detectors that raised again."""
        for signals in self.watched.values():
            signals.resume()

    def summary(self) -> list[dict[str, Any]]:
        """What every detector says now; nothing during warm-up."""
        return [reading for signals in self.watched.values() for reading in signals.summary()]

    @property
    def changed(self) -> bool:
        """Whether `arrays()` may say something else than when they were last `saved`."""
        return self.fresh or not self.learnt

    def arrays(self) -> dict[str, bytes]:
        """The reference by signal, or what there is of it, as bytes of float64; and its times, int64."""
        if not self.learnt:
            return self.warmup.arrays() | {TIMES: self.warmup.times().tobytes()}
        found = {TIMES: np.empty(0, np.int64).tobytes()}
        for reference in self.references():
            found |= {name: reference.values[:, i].tobytes() for i, name in enumerate(reference.names)}
            found |= {TIMES: reference.times.tobytes()} if reference.names else {}
        return found

    def state(self) -> dict[str, Any]:
        """Everything but the arrays, as plain values and arrays."""
        return {
            "warmup": self.warmup.state(), "not_watched": self.not_watched, "learnt": self.learnt,
            "names": [*sorted(self.warmup.arrays()), TIMES] if not self.learnt else [
                TIMES, *(name for signals in self.watched.values() for name in signals.names)
            ],
            "watched": {kind: [list(signals.names), signals.state()] for kind, signals in self.watched.items()},
            "before": list(self._before), "unsettled": [list(one) for one in self._unsettled],
            "doubted": list(self._doubted),
            "texts": sorted(self._texts), "allowance": list(self.allowance), "began": list(self.began) if self.began else None,
            "withheld": list(self.withheld) if self.withheld else None, "better": list(self.better) if self.better else None,
        }  # fmt: skip

    def restore(self, state: dict[str, Any], arrays: dict[str, bytes]) -> None:
        """Goes on from a `state()` and its `arrays()`."""
        self.not_watched, self._texts = dict(state["not_watched"]), set(state["texts"])
        self.allowance = Allowance(*state["allowance"])
        self._unsettled, self._before = [Unsettled(*one) for one in state["unsettled"]], Spent(*state["before"])
        times = np.frombuffer(arrays[TIMES], np.int64)
        columns = {name: np.frombuffer(arrays[name], np.float64) for name in state["names"] if name != TIMES}
        self.better = Level(*state["better"]) if state["better"] else None
        if not state["learnt"]:
            self.warmup.restore(state["warmup"], columns, times)
            return
        references = []
        for kind in _KINDS:
            names = tuple(state["watched"][kind][0]) if kind in state["watched"] else ()
            values = np.stack([columns[name] for name in names], axis=1) if names else np.empty((0, 0))
            references.append(Reference(self.sort, names, values, times, self._least(kind, names), kind == "categories"))
        self.adopt(references)
        self.fresh, self.began = False, tuple(state["began"]) if state["began"] else None
        self.withheld, self._doubted = restored(state["withheld"]) if state["withheld"] else None, list(state["doubted"])
        for kind, (_, inner) in state["watched"].items():
            self.watched[kind].restore(inner)

    def is_number(self, name: str) -> bool:
        """Whether a signal is a number in the reference."""
        known = name in self.not_watched or any(name in signals.names for signals in self.watched.values())
        return known and name not in self._texts

    def is_text(self, name: str) -> bool:
        """Whether a signal is a text in the reference."""
        return self.learnt and name in self._texts

    def interval(self) -> float:
        """Microseconds from one value to the next in the reference, by the middle half of its times: odd ones do not matter."""
        times = self._times
        if len(times) < 4:
            return 0.0
        low, high = np.sort(times)[[len(times) // 4, 3 * len(times) // 4]].tolist()
        return float(high - low) / (3 * len(times) // 4 - len(times) // 4)

    @property
    def span(self) -> int:
        """Event time from the first to the last row of the reference, microseconds."""
        times = self._times
        return int(times.max() - times.min()) if len(times) else 0

    def too_short(self, began: int) -> str:
        """How long the reference is, if no rhythm of the day is known by it nor was at a time; or nothing."""
        if self._known_for(began) >= KNOWN_AFTER:
            return ""
        return show(max(self.span // _MINUTE, 1) * _MINUTE)

    def no_week(self, began: int) -> bool:
        """Whether no rhythm of the week is known by the reference, nor was at a time."""
        return self._known_for(began) < _WEEKS

    @property
    def _times(self) -> Ints:
        """Event times of the reference's rows, int64[m]; none while there is no reference."""
        return next((signals.reference.times for signals in self.watched.values()), np.empty(0, np.int64))

    def _known_for(self, began: int) -> float:
        """Event time from the first row of the reference to its last, or to a time; infinite where there is none."""
        times = self._times
        return max(int(times.max()), began) - int(times.min()) if len(times) else math.inf

    def _say_unsettled(self, row: int) -> list[Finding]:
        said = [
            Finding(
                row, "unsettled", self.sort, one.name, "scan", before=one.before, after=one.after, began_time=one.since,
                moved=one.moved, detail=self.too_short(0),
            )
            for one in self._unsettled
        ]  # fmt: skip
        self._doubted, self._unsettled = [finding.name for finding in said if finding.detail], []
        return said

    def _known_at(self) -> int:
        """The event time at which a rhythm of the day is known."""
        times = self.watched["numbers"].reference.times
        return int(times.min()) + _SURELY_KNOWN

    def _settled(self, row: int) -> list[Finding]:
        """Takes back what was said of signals that have only followed their rhythm."""
        still = {one.name for one in unsettled(self.watched["numbers"].without_seasons())}
        over = [name for name in self._doubted if name not in still]
        self._doubted = []
        return [Finding(row, "settled", self.sort, name, "scan") for name in over]

    def _of_one_type(self, names: tuple[str, ...], values: Floats) -> Floats:
        """Features as what most of their values are, numbers or texts; the others are missing."""
        codes = mixed.codes(values)
        are_texts = ~np.isnan(codes)
        texts = 2 * are_texts.sum(axis=0) > (~np.isnan(values)).sum(axis=0)
        self._texts.update(name for name, text in zip(names, texts.tolist(), strict=True) if text)
        return np.where(texts, codes, np.where(are_texts, np.nan, values))

    def _reference(self, kind: Kind, names: tuple[str, ...], values: Floats, times: Ints) -> Reference:
        mine = [i for i, name in enumerate(names) if self._kind(name, values[:, i]) == kind]
        chosen = tuple(names[i] for i in mine)
        return Reference(self.sort, chosen, values[:, mine], times, self._least(kind, chosen), kind == "categories")

    def _kind(self, name: str, column: Floats) -> Kind | None:
        """What a signal is watched as, by its values in the reference."""
        if self.sort in ("loss", "risk"):
            return "numbers"
        present = column[~np.isnan(column)]
        different = len(np.unique(present))
        if self.sort == "score":
            return "categories" if different == 1 else "numbers"
        stated = dict(self.terms.stated).get(name)
        if 2 * len(present) < len(column):
            self.not_watched[name] = "mostly missing in the reference"
            return None
        if name in self._texts or stated == "categorical":
            return "categories"
        # One that never varied has no standard deviation to measure a change in; how often it still has its value is a share.
        return "categories" if different == 1 or (stated is None and 1 < different <= _FEW) else "numbers"

    def _least(self, kind: Kind, names: tuple[str, ...]) -> Floats:
        special = dict(self.terms.least_of)
        least = np.array([special.get(name, self.terms.least) for name in names])
        return least / 10 if kind == "categories" else least

    def _aligned(self, kind: Kind, wanted: tuple[str, ...], names: tuple[str, ...], values: Floats) -> Floats:
        """The columns of the watched signals; NaN for one that these rows do not have."""
        if names == wanted:
            return values
        columns = self._columns.get((kind, names))
        if columns is None:
            at = {name: i for i, name in enumerate(names)}
            columns = self._columns[kind, names] = np.array([at.get(name, -1) for name in wanted], np.int64)
            if len(self._columns) > 64:
                self._columns = {(kind, names): columns}
        if (columns >= 0).all():
            return values[:, columns]
        padded = np.concatenate((values, np.full((len(values), 1), np.nan)), axis=1)
        return padded[:, columns]


_KINDS: tuple[Kind, ...] = ("numbers", "categories")
