"""Signals that share rows: their reference, the detectors that watch them, and the course of every change they show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

import detectors
from detectors import Change, Detector
from detectors.changepoint import split
from stream_monitor.watching.recent import Marks, Recent

Floats = npt.NDArray[np.float64]
Sort = Literal["feature", "score", "loss"]
Direction = Literal["up", "down", "both"]
Step = Literal["opened", "updated", "resolved", "broken"]

_CHECK = 50
"""Rows between looks at whether a signal is back."""
_REFINE = 200
"""Rows after which a change is estimated again."""
_SHORTEST = 30
"""Outcomes that a change of the loss must have lasted for, for its beginning to be estimated."""
_WORSE = 1.5
"""How much larger than last said an effect must be to be said again."""
_EXTREME = 8.0
"""Standard deviations at which a standardised numeric loss is cut off, so that one row is no change."""


class Finding(NamedTuple):
    """One step in the course of a change of one signal."""

    row: int
    """The row of the section at which it was found."""
    step: Step
    sort: Sort
    name: str
    detector: str
    direction: Direction
    statistic: float
    threshold: float
    before: float
    after: float
    effect: float
    """In standard deviations of the reference; of a rate, in points of 1."""
    began_position: int
    began_time: int
    n_reference: int
    n_current: int
    since: int
    """Rows of the signal since the change began."""
    unit: Literal["sd", "points"] = "sd"
    detail: str = ""


@dataclass(slots=True)
class _Course:
    """A change that lasts."""

    detector: str
    direction: Direction
    statistic: float
    threshold: float
    n_reference: int
    n_current: int
    began: int
    position: int
    time: int
    """Row, position and time of where it began."""
    last: int
    """The last row at which a detector saw it."""
    said: int
    """The row at which it was last said."""
    effect: float
    refined: bool = False
    back: int | None = None
    """The row since which the signal has been where it was before."""


class Signals:
    """d signals of one sort, watched from their reference on.  Rows are counted from there."""

    def __init__(
        self, sort: Sort, names: tuple[str, ...], reference: Floats, settings: dict[str, dict[str, Any]], resolve_after: int
    ) -> None:
        self.sort, self.names, self.reference = sort, names, reference
        self.rate = sort == "loss" and bool(np.isin(reference[~np.isnan(reference)], (0.0, 1.0)).all())
        self.broken: dict[str, str] = {}
        """Detectors that raised, and what."""
        self._resolve_after = resolve_after
        single = sort != "feature"
        self._recent = Recent(len(names), 1 if single else 25, max(2000, resolve_after) if single else 80)
        self._courses: dict[int, _Course] = {}
        self._describe()
        self._detectors: dict[str, Detector] = {}
        self._since: dict[str, int] = {}
        self.configure(settings, resolve_after)

    def configure(self, settings: dict[str, dict[str, Any]], resolve_after: int) -> None:
        """Takes new settings; detectors begin again from the reference."""
        self._settings, self._resolve_after = settings, resolve_after
        self._detectors = {}
        self.broken = {}
        for name in settings:
            self._start(name)

    def update(self, values: Floats, marks: Marks) -> list[Finding]:
        """Takes the next rows, float64[n, d]; gives what became of changes, in row order."""
        start = self._recent.rows
        watched = self._standard(values)
        changes, findings = self._ask(watched, marks)
        if not changes and not self._courses:
            self._recent.append(values, marks)
            return findings
        at = 0
        while at < len(values):
            stop = self._next_event(start, at, changes, len(values))
            self._recent.append(values[at:stop], marks.part(at, stop))
            at = stop
            row = int(marks.row[at - 1])
            while changes and changes[0][1].row < start + at:
                findings += self._follow(*changes.pop(0), row)
            if (start + at) % _CHECK == 0:
                for signal in sorted(self._courses):
                    findings += self._check(signal, row)
        return sorted(findings, key=lambda finding: finding.row)

    def summary(self) -> list[dict[str, Any]]:
        """What every detector says of every signal now."""
        return [
            {
                "signal": self.sort, "name": name, "detector": word, "firing": i in self._courses,
                "statistic": _plain(detector.statistic[i]), "threshold": _plain(detector.threshold[i]),
            }
            for word, detector in self._detectors.items() for i, name in enumerate(self.names)
        ]  # fmt: skip

    def resume(self) -> None:
        """Starts detectors that raised again."""
        for name in self.broken:
            self._start(name)
        self.broken = {}

    def state(self) -> dict[str, Any]:
        """Everything but the reference and the settings, as plain values and arrays."""
        return {
            "recent": self._recent.state(),
            "courses": [[signal, asdict(course)] for signal, course in self._courses.items()],
            "detectors": {name: detector.state() for name, detector in self._detectors.items() if name not in self.broken},
            "since": self._since,
            "broken": self.broken,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()` of the same settings and reference."""
        self._recent.restore(state["recent"])
        self._courses = {signal: _Course(**course) for signal, course in state["courses"]}
        self._since, self.broken = dict(state["since"]), dict(state["broken"])
        for name, inner in state["detectors"].items():
            self._detectors[name].restore(inner)

    def _start(self, name: str) -> None:
        """A fresh detector; one of the loss has seen the reference go by, so that it knows a version that begins badly."""
        detector = self._detectors[name] = detectors.detector(name)(len(self.names), **self._settings[name])
        reference = self._standard(self.reference)
        detector.fit(reference)
        self._since[name] = self._recent.rows
        if self.sort == "loss":
            detector.update(reference)
            self._since[name] -= len(reference)

    def _describe(self) -> None:
        """Number, mean and standard deviation of every signal in the reference."""
        here = ~np.isnan(self.reference)
        self.n = here.sum(axis=0)
        n = np.maximum(self.n, 1)
        self.mean = np.where(here, self.reference, 0.0).sum(axis=0) / n
        variance = np.where(here, (self.reference - self.mean) ** 2, 0.0).sum(axis=0) / n
        if self.rate:  # a reference without a single error does not make the first one infinitely surprising
            rate = (self.mean * n + 0.5) / (n + 1)
            variance = rate * (1 - rate)
        self.sd = np.where(variance > 0, np.sqrt(variance), 1.0)

    def _standard(self, values: Floats) -> Floats:
        """What detectors see: losses are standardised on the reference, features and scores stay as they are."""
        if self.sort != "loss":
            return values
        standard: Floats = (values - self.mean) / self.sd
        return standard if self.rate else np.clip(standard, -_EXTREME, _EXTREME)

    def _ask(self, values: Floats, marks: Marks) -> tuple[list[tuple[str, Change]], list[Finding]]:
        """Changes by detector, in row order; a detector that raises is set aside and hurts nobody else."""
        changes: list[tuple[str, Change]] = []
        findings = []
        for name, detector in self._detectors.items():
            if name in self.broken:
                continue
            try:
                found = detector.update(values)
            except (MemoryError, OSError):
                raise
            except Exception as error:
                self.broken[name] = f"{type(error).__name__}: {error}"
                findings.append(self._broken(name, int(marks.row[-1])))
                continue
            shift = self._since[name]
            for change in found:
                moved = change._replace(row=change.row + shift, start=max(0, change.start + shift))
                changes.append((name, moved))
        changes.sort(key=lambda pair: (pair[1].row, pair[1].signal))
        return changes, findings

    def _broken(self, name: str, row: int) -> Finding:
        nan = float("nan")
        detail = self.broken[name]
        return Finding(row, "broken", self.sort, "", name, "both", nan, nan, nan, nan, nan, 0, 0, 0, 0, 0, "sd", detail)

    def _next_event(self, start: int, at: int, changes: list[tuple[str, Change]], n: int) -> int:
        """How far rows can be taken until something must be looked at."""
        stop = n
        if changes:
            stop = min(stop, changes[0][1].row - start + 1)
        if self._courses:
            stop = min(stop, _CHECK - (start + at) % _CHECK + at)
        return max(stop, at + 1)

    def _follow(self, name: str, change: Change, row: int) -> list[Finding]:
        """One more sign of a change."""
        course = self._courses.get(change.signal)
        began = self._began(change)
        after, n = self._recent.mean_since(began, change.signal)
        if course is None:
            if self._is_back(change.signal, after, n, "both"):
                return []
            course = self._courses[change.signal] = self._course(name, change, began, after)
            return [self._finding(change.signal, course, "opened", row)]
        turned = self.sort == "loss" and change.direction != course.direction
        if turned and (course.direction == "up" or self._is_back(change.signal, after, n, "up")):
            return []
        course.last = change.row
        worse = abs(self._effect(change.signal, after)) >= _WORSE * abs(course.effect) and change.row - course.said >= _REFINE
        if not turned and not worse:
            return []
        new = self._course(name, change, began, after)
        if not turned:
            new.began, new.position, new.time = course.began, course.position, course.time
        self._courses[change.signal] = new
        return [self._finding(change.signal, new, "updated", row)]

    def _check(self, signal: int, row: int) -> list[Finding]:
        """Whether a change is over, or can be estimated better."""
        course, rows = self._courses[signal], self._recent.rows
        if not self._is_where_it_was(signal, course):
            course.back = None
        elif course.back is None:
            course.back = rows
        if course.back is not None and rows - max(course.back, course.last) >= self._resolve_after:
            del self._courses[signal]
            return [self._finding(signal, course, "resolved", row)]
        if not course.refined and rows - course.said >= _REFINE:
            course.refined = True
            after, _ = self._recent.mean_since(course.began, signal)
            course.effect, course.said = self._effect(signal, after), rows
            return [self._finding(signal, course, "updated", row)]
        return []

    def _is_where_it_was(self, signal: int, course: _Course) -> bool:
        """Silence of a detector that compares with the reference says so; a loss is measured, and most of the way back."""
        if self.sort != "loss":
            return True
        after, n = self._recent.mean_since(self._recent.rows - self._resolve_after, signal)
        return self._is_back(signal, after, n, course.direction) and abs(self._effect(signal, after)) <= abs(course.effect) / 2

    def _is_back(self, signal: int, after: float, n: int, direction: Direction) -> bool:
        """Whether a mean of n rows is within two standard errors of the reference, seen from where it went."""
        if self.sort != "loss":
            return False
        if not n:
            return True
        error = float(self.sd[signal]) * float(np.sqrt(1 / n + 1 / max(int(self.n[signal]), 1)))
        distance = after - float(self.mean[signal])
        sides = {"up": distance, "down": -distance, "both": abs(distance)}
        return sides[direction] <= 2 * error

    def _began(self, change: Change) -> int:
        """Where the change began: of a loss, the most likely split of the recent rows, and the reference while it is near."""
        if self.sort != "loss":
            return change.start
        oldest, values = self._recent.oldest(), self._recent.values(change.signal)
        if oldest:
            return oldest + split(values, minimum=_SHORTEST)
        reference = self.reference[:, change.signal]
        return max(0, split(np.concatenate((reference, values)), minimum=_SHORTEST) - len(reference))

    def _course(self, name: str, change: Change, began: int, after: float) -> _Course:
        direction: Direction = change.direction
        if self.sort == "loss":
            direction = "up" if after > self.mean[change.signal] else "down"
        position, time = self._recent.place(began)
        return _Course(
            name, direction, change.statistic, change.threshold, int(self.n[change.signal]), change.n_current,
            began, position, time, change.row, change.row, self._effect(change.signal, after),
        )  # fmt: skip

    def _effect(self, signal: int, after: float) -> float:
        difference = after - float(self.mean[signal])
        return difference if self.rate else difference / float(self.sd[signal])

    def _finding(self, signal: int, course: _Course, step: Step, row: int) -> Finding:
        after, _ = self._recent.mean_since(course.began, signal)
        if step == "resolved":
            after, _ = self._recent.mean_since(self._recent.rows - self._resolve_after, signal)
        return Finding(
            row, step, self.sort, self.names[signal], course.detector, course.direction, course.statistic, course.threshold,
            float(self.mean[signal]), after, self._effect(signal, after), course.position, course.time,
            course.n_reference, course.n_current, self._recent.rows - course.began,
            "points" if self.rate else "sd",
        )  # fmt: skip


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
