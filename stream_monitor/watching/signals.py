"""Signals that share rows: their reference, the detectors that watch them, and the course of every change they show."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Change
from stream_monitor.events import finite
from stream_monitor.watching.apart import AmountsApart, amounts
from stream_monitor.watching.finding import ALL, CATEGORIES, Direction, Finding, Step
from stream_monitor.watching.lasting import Lasting
from stream_monitor.watching.places import Places
from stream_monitor.watching.recent import Marks, Recent
from stream_monitor.watching.reference import Reference
from stream_monitor.watching.season import Season
from stream_monitor.watching.watcher import Watcher

Floats = npt.NDArray[np.float64]

_TOGETHER, _SECTIONS = 64, 4
"""Rows that are added up at once, at least; and if they come in large sections, how many of these."""
_CHECK = 50
"""Rows between looks at whether a signal is back."""
_PART = 4
"""The part of `resolve_after` for which a loss must have been as in its reference, unseen by detectors, to be that again; so
many times as long as its persistence inflates the variance of means, and no longer than `resolve_after`."""
_REFINE = 200
"""Rows after which a change is estimated again, at least."""
_WORSE = 1.5
"""How much larger than last said an effect must be to be said again."""
_GROWN, _SURELY = 4, 3.0
"""How many times as many outcomes there must be since a loss changed as when it was last said, to say it again though no
detector sees it, and by how many standard errors it must be another then."""


class Signals:
    """d signals of one sort, watched from their reference on.  Rows are counted from there."""

    def __init__(self, reference: Reference, settings: dict[str, dict[str, Any]], resolve_after: int) -> None:
        self.reference = reference
        self.broken: dict[str, str] = {}
        """Detectors that raised, and what."""
        self.opened = 0
        """Changes that were ever declared."""
        chunk = 1 if reference.of_loss else 25
        self._recent = Recent(reference.measures, chunk, max(2000, resolve_after) // chunk)
        self._last = Recent(len(reference.names), 1, self._recent.kept) if reference.counted else None
        self._amounts, self._apart = amounts(reference, self._recent, self._last)
        self._places = Places()
        self._season = Season(reference)
        self._lasting: tuple[int, ...] = ()
        self._changed = self._with_courses()
        """The signals with a course when rows were last added, and their columns in the season: they hardly ever change."""
        self._kept: list[tuple[Floats, Marks]] = []
        """The last rows, of which nobody has asked what they amount to yet."""
        self._kept_rows = 0
        self._run_length = np.full(len(reference.names), np.inf)
        self._allowed_at, self._expected = 0, 0.0
        self.configure(settings, resolve_after)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the signals."""
        return self.reference.names

    def configure(self, settings: dict[str, dict[str, Any]], resolve_after: int) -> None:
        """Takes new settings; detectors begin again from the reference."""
        self._settings, self._resolve_after = settings, resolve_after
        self._courses: dict[int, Lasting] = {}
        self._doubted: dict[int, Lasting] = {}
        """Changes of a loss that were declared and not beyond what the reference may have been; more rows may show that."""
        self._ended: dict[int, int] = {}
        """The row at which the last change of a signal ended, as measured."""
        self._watchers = {name: self._watcher(name) for name in settings}
        self.broken = {}
        self._let_all()

    def allow(self, run_length: float) -> None:
        """Takes how many values may pass between two false alarms of each signal; its detectors share them."""
        self._expected, self._allowed_at = self.expected, self._rows
        self._run_length = np.full(len(self.names), run_length)
        self._let_all()

    @property
    def run_length(self) -> float:
        """What each signal is allowed; infinite where nothing is."""
        return float(self._run_length.min(initial=np.inf))

    @property
    def seen(self) -> tuple[int, tuple[int, int]]:
        """How many rows there were, and position and event time of the last one."""
        self._settle()
        return self._recent.rows, self._places.of(self._recent.rows)

    @property
    def expected(self) -> float:
        """How many false alarms were to be expected so far."""
        return self._expected + float((1 / self._run_length).sum()) * (self._rows - self._allowed_at)

    @property
    def calibrated(self) -> bool:
        """Whether any detector takes its thresholds from the budget."""
        return any(watcher.calibrated for watcher in self._watchers.values())

    @property
    def extrapolated(self) -> bool:
        """Whether what is allowed is beyond what was measured for any detector."""
        return any(watcher.extrapolated for watcher in self._watchers.values())

    def oldest(self) -> int | None:
        """The event time since when the oldest change lasts, improvements of the loss left out; None: there is none."""
        lasting = [c.began for c in self._courses.values() if not self.reference.of_loss or c.direction == "up"]
        return self._places.of(min(lasting))[1] if lasting else None

    def risen(self) -> int:
        """How many of the last rows are those since the mean of the first signal rose; 0 where that does not last."""
        course = self._courses.get(0)
        return self._rows - course.began if course and course.direction == "up" else 0

    def last(self, rows: int) -> tuple[float, int]:
        """Mean and number of the first signal's values in so many last rows, or in all there are."""
        self._settle()
        return self._recent.mean_since(max(0, self._recent.rows - rows), 0)

    def update(self, values: Floats, marks: Marks) -> list[Finding]:
        """Takes the next rows, float64[n, d]; gives what became of changes, in row order."""
        start = self._rows
        changes, findings = self._ask(values, marks)
        if not changes and not self._courses and not self._doubted:
            self._keep(values, marks)
            return findings
        self._settle()
        at = 0
        while at < len(values):
            stop = self._next_event(start, at, changes, len(values))
            self._append(values[at:stop], marks.part(at, stop))
            at = stop
            row = int(marks.row[at - 1])
            while changes and changes[0][1].row < start + at:
                findings += self._follow(*changes.pop(0), row)
            if (start + at) % _CHECK == 0:
                for signal in sorted(self._courses):
                    findings += self._check(signal, row)
                for signal in sorted(self._doubted):
                    findings += self._ask_again(signal, row)
        return sorted(findings, key=lambda finding: finding.row)

    def without_seasons(self) -> Reference:
        """The reference without what is known of seasons by now; of numbers."""
        self._settle()
        known = self.reference
        return Reference(known.sort, known.names, self._season.of_reference(), known.times, known.effects)

    def summary(self) -> list[dict[str, Any]]:
        """What every detector says of every signal now."""
        said = []
        for word, watcher in self._watchers.items():
            statistic, threshold = watcher.reading()
            for i, name in enumerate((self._all,) if watcher.joint else self.names):
                firing = (self.reference.whole if watcher.joint else i) in self._courses
                reading = {"signal": self.reference.sort, "name": name, "detector": word, "firing": firing}
                said.append(reading | {"statistic": finite(statistic[i]), "threshold": finite(threshold[i])})
        return said

    def resume(self) -> None:
        """Starts detectors that raised again."""
        self._watchers |= {name: self._watcher(name) for name in self.broken}
        self.broken = {}
        self._let_all()

    def state(self) -> dict[str, Any]:
        """Everything but the reference and the settings, as plain values and arrays."""
        self._settle()
        return {
            "recent": self._recent.state(), "places": self._places.state(), "opened": self.opened,
            "courses": [[signal, asdict(course)] for signal, course in self._courses.items()],
            "doubted": [[signal, asdict(course)] for signal, course in self._doubted.items()],
            "ended": list(self._ended.items()),
            "season": self._season.state(),
            "last": None if self._last is None else self._last.state(),
            "apart": None if self._apart is None else self._apart.state(),
            "watchers": {name: watcher.state() for name, watcher in self._watchers.items() if name not in self.broken},
            "broken": self.broken, "run_length": self._run_length, "allowed_at": self._allowed_at, "expected": self._expected,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()` of the same settings and reference."""
        self._kept, self._kept_rows = [], 0
        self._recent.restore(state["recent"])
        self._places.restore(state["places"])
        self.opened = state["opened"]
        self._courses, self._doubted = (
            {signal: Lasting(**course) for signal, course in state[name]} for name in ("courses", "doubted")
        )
        self._ended = dict(state.get("ended", ()))
        if state["season"] is not None:
            self._season.restore(state["season"])
        if self._last is not None:
            self._last.restore(state["last"])
        if self._apart is not None:
            self._apart.restore(state["apart"])
        self.broken, self._run_length = dict(state["broken"]), state["run_length"]
        self._allowed_at, self._expected = state["allowed_at"], state["expected"]
        for name, inner in state["watchers"].items():
            self._watchers[name].restore(inner)
        self._let_all()

    @property
    def _all(self) -> str:
        """The name of all signals as one."""
        return CATEGORIES if self.reference.counted else ALL

    def _watcher(self, name: str) -> Watcher:
        return Watcher(name, self._settings[name], self.reference, self._rows)

    @property
    def _sharing(self) -> int:
        """How many detectors share what a signal is allowed."""
        return max(1, sum(watcher.calibrated for watcher in self._watchers.values()))

    def _let_all(self) -> None:
        for watcher in self._watchers.values():
            watcher.allow(self._run_length * self._sharing)

    @property
    def _rows(self) -> int:
        return self._recent.rows + self._kept_rows

    def _keep(self, values: Floats, marks: Marks) -> None:
        """Takes rows; some are kept until there are more, because one addition costs as much as many."""
        self._kept.append((values, marks))
        self._kept_rows += len(values)
        if self._kept_rows >= max(_TOGETHER, _SECTIONS * len(values)):
            self._settle()

    def _settle(self) -> None:
        """Adds the rows that were kept."""
        if self._kept:
            values, marks = zip(*self._kept, strict=True)
            self._kept, self._kept_rows = [], 0
            self._append(np.concatenate(values), Marks(*map(np.concatenate, zip(*marks, strict=True))))

    def _append(self, values: Floats, marks: Marks) -> None:
        if self._lasting != (lasting := tuple(self._courses)):
            self._lasting, self._changed = lasting, self._with_courses(lasting)
        if self._apart is not None:
            self._apart.append(values, marks.time, self._changed)
        if self._last is None:
            self._recent.append(self.reference.measured(self._season.without(values, marks.time, self._changed)))
        else:
            self._last.append(values)
            self._recent.append(self._season.without(self.reference.measured(values), marks.time, self._changed))
        self._places.append(marks)

    def _with_courses(self, lasting: tuple[int, ...] = ()) -> npt.NDArray[np.bool_]:
        """Which of the season's columns are of some signals, or of all as one."""
        changed = np.full(len(self.names), bool(lasting) and self.reference.whole in lasting)
        changed[[signal for signal in lasting if signal < len(self.names)]] = True
        return np.repeat(changed, [len(columns) for columns in self.reference.columns]) if self.reference.counted else changed

    def _ask(self, values: Floats, marks: Marks) -> tuple[list[tuple[str, Change]], list[Finding]]:
        """Changes by detector, in row order; a detector that raises is set aside and hurts nobody else."""
        changes: list[tuple[str, Change]] = []
        findings = []
        for name, watcher in self._watchers.items():
            if name in self.broken:
                continue
            try:
                changes += [(name, change) for change in watcher.update(values, marks.time)]
            except (MemoryError, OSError):
                raise
            except Exception as error:
                detail = self.broken[name] = f"{type(error).__name__}: {error}"
                findings.append(Finding(int(marks.row[-1]), "broken", self.reference.sort, "", name, detail=detail))
        changes.sort(key=lambda pair: (pair[1].row, pair[1].signal))
        return changes, findings

    def _next_event(self, start: int, at: int, changes: list[tuple[str, Change]], n: int) -> int:
        """How far rows can be taken until something must be looked at."""
        stop = n
        if changes:
            stop = min(stop, changes[0][1].row - start + 1)
        if self._courses or self._doubted:
            stop = min(stop, _CHECK - (start + at) % _CHECK + at)
        return max(stop, at + 1)

    def _follow(self, name: str, change: Change, row: int) -> list[Finding]:
        """One more sign of a change."""
        course, loss = self._courses.get(change.signal), self.reference.of_loss
        new = self._course(name, change)
        if course is None:
            if self._amounts.is_usual(change.signal, new):
                if loss:
                    self._doubted[change.signal] = new
                return []
            if self._is_end(change):
                return []
            return [self._open(change.signal, new, row)]
        if self._amounts.has_turned(change.signal, course, new):
            return [self._finding(change.signal, course, "resolved", row), self._open(change.signal, new, row)]
        if not loss or new.direction == course.direction:
            course.last = change.row
            if change.latest >= 0 and new.moved == course.moved:
                # More is known by now; what the detector knows later than at this row must not be asked.
                course.refine(new)
        return []

    def _open(self, signal: int, course: Lasting, row: int) -> Finding:
        self._courses[signal] = course
        self._doubted.pop(signal, None)
        self.opened += 1
        return self._finding(signal, course, "opened", row)

    def _ask_again(self, signal: int, row: int) -> list[Finding]:
        """Whether a change that was doubted is one by the rows since it began; or none any more."""
        course = self._doubted[signal]
        if signal in self._courses or self._amounts.is_none(signal, course):
            del self._doubted[signal]
            return []
        if self._amounts.is_usual(signal, course):
            return []
        effect = self._amounts.effect(signal, course.moved, course.began)
        course.effect = effect[2]
        return [self._open(signal, course, row)]

    def _check(self, signal: int, row: int) -> list[Finding]:
        """Whether a change is over, or can be estimated better."""
        course, rows = self._courses[signal], self._recent.rows
        if self.reference.of_loss and course.measurable:
            course.surely = max(course.surely, self._amounts.surely(signal, course))
        if course.moved == "shares" and rows - course.taken >= min(max(course.known, _REFINE), self._resolve_after):
            self._amounts.learn(signal, course)
        if not self._amounts.is_back(signal, course, self._resolve_after):
            course.back = None
        elif course.back is None:
            course.back = rows
        if self._over(course) or self._is_lost(signal, course):
            del self._courses[signal]
            self._ended[signal] = rows
            return [self._finding(signal, course, "resolved", row)]
        return self._say_anew(signal, course, row) if self._is_due(signal, course) else []

    def _has_grown(self, signal: int, course: Lasting) -> bool:
        """Whether a change is surely larger than was said before all the rows that are kept.

        Of a loss, whether there are many times as many outcomes since it changed as when it was last said.
        """
        if not self.reference.of_loss:
            old = course.refined and course.measurable and self._recent.rows - course.said >= self._recent.kept
            return old and self._amounts.has_grown(signal, course)
        grown = self._recent.rows - course.began >= _GROWN * (max(course.said, course.again) - course.began)
        return course.refined and grown

    def _is_another(self, signal: int, course: Lasting, effect: float) -> bool:
        """Whether a change is surely another one than was said, when rows were few or before it changed further.

        Others than of a loss only if it is larger: the last rows of one that ends are of both.
        """
        if not self._has_grown(signal, course):
            return False
        if not self.reference.of_loss:
            return True
        _, n = self._recent.mean_since(course.began, signal)
        unit = float(self.reference.sd[signal]) if self.reference.rate else 1.0
        return abs(effect - course.effect) > _SURELY * self.reference.own_error(signal, max(n, 1)) * unit

    def _is_due(self, signal: int, course: Lasting) -> bool:
        """Whether it can be estimated better: by enough rows, the first time; then after a detector has seen it again."""
        if self._has_grown(signal, course):
            return True
        enough = _REFINE if course.refined else max(_REFINE, course.n_current)
        return self._recent.rows - course.said >= enough and (not course.refined or course.last > course.said)

    def _say_anew(self, signal: int, course: Lasting, row: int) -> list[Finding]:
        """What a change amounts to by all rows since it began, if that is worth saying.

        Those that sufficed to declare it again say too much: they are few, and chosen because they are extreme.
        """
        moved = self._amounts.moved(signal, course.moved, course.began)
        apart = self._amounts.apart(signal, moved, course.began, course.apart)
        same = moved == course.moved and np.array_equal(np.isnan(apart), np.isnan(course.apart))
        if same and self._amounts.is_noise(signal, course, course.began):
            course.refined, course.said = True, self._recent.rows
            return []
        effect = self._amounts.effect(signal, moved, course.began, course.others)[2]
        now, was = (np.abs(np.nan_to_num(one)) for one in (apart or (effect,), course.apart or (course.effect,)))
        worse = len(now) != len(was) or bool((now > _WORSE * was).any())
        as_said = same and course.refined and not worse
        if as_said and not self._is_another(signal, course, effect):
            return []
        if as_said and self.reference.of_loss:
            course.again = self._recent.rows
        else:
            course.said = self._recent.rows
        course.refined, course.moved, course.effect, course.apart = True, moved, effect, apart
        course.direction = self._amounts.direction(signal, course)
        return [self._finding(signal, course, "updated", row)]

    def _over(self, course: Lasting) -> bool:
        """Whether a change is over: as measured, or, where it cannot be measured, not seen any more for long enough."""
        if course.back is None:
            return False
        return course.measurable or self._recent.rows - max(course.back, course.last) >= self._resolve_after

    def _is_lost(self, signal: int, course: Lasting) -> bool:
        """Whether no detector has seen it for long enough, and what came since might be the reference."""
        if self.reference.of_loss:
            wait = self._resolve_after / _PART * min(self.reference.own_error(signal, 1) ** 2, _PART)
            return self._recent.rows - course.last > wait and self._amounts.is_noise(signal, course, course.last + 1)
        since, seen = self._recent.rows - self._resolve_after, max(course.last, course.began)
        return course.moved != "shares" and since >= seen and self._amounts.is_noise(signal, course, since)

    def _course(self, name: str, change: Change) -> Lasting:
        first, rarity = change.signal not in self._courses, change.rarity / self._sharing
        began, earliest, latest = self._began(change)
        moved = self._amounts.moved(change.signal, change.moved, began, first)
        shares = self.reference.counted and change.signal < len(self.names)
        others = self._amounts.others(change.signal, began) if shares else ()
        _, after, effect, _ = self._amounts.effect(change.signal, moved, began, others)
        direction: Direction = change.direction
        if self.reference.of_loss:
            direction = "up" if after > self.reference.mean[change.signal] else "down"
        course = Lasting(
            name, direction, change.statistic, change.threshold, max(self._known(change.signal), change.n_reference),
            change.n_current, began, earliest, latest, change.row, change.row, effect, moved, rarity,
            self._watchers[name].extrapolated, others=others, apart=self._amounts.apart(change.signal, moved, began),
        )  # fmt: skip
        course.direction = self._amounts.direction(change.signal, course)
        if shares:
            course.taken = began
            self._amounts.learn(change.signal, course)
        return course

    def _is_end(self, change: Change) -> bool:
        """Whether what was found may be no more than that the last change of the signal is over.

        A detector compares with all before, and rows of that change are among these; so what came after it must also differ
        from the reference alone.
        """
        ended = self._ended.get(change.signal)
        if ended is None or change.signal == len(self.names):
            return False
        if not self.reference.counted:
            return change.start < ended and self._amounts.is_after(change.signal, ended)
        since = {max(first, ended) for first in (change.start, self._recent.rows - change.n_current)}
        return not any(self._amounts.differ(change.signal, first, change.threshold) for first in since)

    def _began(self, change: Change) -> tuple[int, int, int]:
        """Where a change began, and between which rows; of shares not before the last one of the signal ended.

        What is most likely of all rows together may be where that one ended, or began.  Nor of a number that is mostly one
        value.
        """
        course, ended = self._courses.get(change.signal), self._ended.get(change.signal, 0)
        if self._apart is not None and self._apart.signals(change.signal) and change.latest >= 0:
            return max(change.start, ended), max(change.earliest, ended), max(change.latest, ended)
        if not self.reference.counted or change.signal == len(self.names) or change.start >= ended:
            return self._amounts.began(change, course is None)
        if course is not None:
            return course.began, course.earliest, course.latest
        return self._amounts.began_after(change.signal, ended)

    def _finding(self, signal: int, course: Lasting, step: Step, row: int) -> Finding:
        since = self._recent.rows - self._resolve_after if step == "resolved" else course.began
        before, after, effect, unit = self._amounts.effect(signal, course.moved, since, course.others)
        if signal < len(self.names) and not self.reference.varies[signal]:
            effect = np.nan
        position, time = self._places.of(course.began)
        interval = between = None
        if course.latest >= 0:  # of outcomes, later rows may be of earlier predictions
            positions, times = zip((position, time), *map(self._places.of, (course.earliest, course.latest)))
            interval, between = (min(positions), max(positions)), (min(times), max(times))
        whole = signal == len(self.names)
        together = self._amounts.surely_moved(since) if whole else self._together(signal, course)
        shares = self._amounts.shares(signal, since, course.others) if self.reference.counted and not whole else []
        if shares:
            _, before, after = max(shares, key=lambda one: abs(one[2] - one[1]))
        name = self._all if whole else self.names[signal]
        n = self._recent.mean_since(since, signal)[1] if self.reference.of_loss else course.n_current
        finding = Finding(
            row, step, self.reference.sort, name, course.detector, course.direction, course.statistic,
            course.threshold, before, after, effect, position, time, course.n_reference, n,
            unit, "", course.moved, interval, course.rarity, course.extrapolated, tuple(self.names[i] for i in together),
            self._known(signal), tuple(shares), between,
        )  # fmt: skip
        if course.apart and isinstance(self._amounts, AmountsApart):
            return finding._replace(**self._amounts.told(signal, course, since)._asdict())
        return finding

    def _known(self, signal: int) -> int:
        """How many values the reference has of a signal, or rows of all."""
        return len(self.reference.values) if signal == len(self.names) else int(self.reference.n[signal])

    def _together(self, signal: int, course: Lasting) -> list[int]:
        """The other signals whose change began within the same rows."""
        low, high = (course.earliest, course.latest) if course.latest >= 0 else (course.began - _CHECK, course.began + _CHECK)
        near = [i for i, one in self._courses.items() if i != signal and low <= one.latest and one.earliest <= high]
        return sorted(i for i in near if i < len(self.names))
