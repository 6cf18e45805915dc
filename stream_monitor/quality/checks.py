"""All that is checked of a stream's data, as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Progress, Source
from stream_monitor.config.quality import NoData, Quality
from stream_monitor.config.stream import Metrics
from stream_monitor.joining.clock import FAR
from stream_monitor.quality.feature_quality import FeatureQuality
from stream_monitor.quality.identity import Identity, odd_times
from stream_monitor.quality.inputs import Inputs
from stream_monitor.quality.issue import Issue
from stream_monitor.quality.labels_seen import LabelsSeen
from stream_monitor.quality.rhythm import Rhythm
from stream_monitor.quality.unmatched import Unmatched
from stream_monitor.watching.group import Group

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Kind = Literal["predictions", "labels"]
Coming = Kind | Literal["both"] | None
"""The kinds of which there may be more to read, so that their silence is not known."""
_TOGETHER = 256
"""Rows of features that are looked at together; when does not matter, as all that is kept are counts."""
_KINDS: tuple[Kind, ...] = ("predictions", "labels")


class Checks:
    """Takes what comes as it comes; says what is wrong when a window closes, and when silence has lasted too long.

    Which inputs stand still is said as soon as it is told how far they were read.
    Rows of one kind are to be cut where silence of the other is due; with their own they end it, and nothing is said.
    """

    def __init__(self, stream: str, limits: Quality, no_data: NoData, category: Callable[[str, float], str | None]) -> None:
        self._limits = limits
        self._pending: list[tuple[tuple[str, ...], int, Floats]] = []
        """Features that are looked at together: names, how many of them are texts, values."""
        self._rows = 0
        self._features = FeatureQuality(stream, limits, category)
        self._identity = Identity(stream, limits)
        self._labels = LabelsSeen(stream, limits)
        self._unmatched = Unmatched(stream, limits)
        self._inputs = Inputs(stream, no_data)
        self._rhythms = {kind: Rhythm(stream, kind, None, False, no_data.severity) for kind in _KINDS}
        self.configure(limits, no_data)

    def configure(self, limits: Quality, no_data: NoData) -> None:
        """Takes limits from now on."""
        self._limits = limits
        self._features.configure(limits)
        self._identity.configure(limits)
        self._labels.configure(limits)
        self._unmatched.configure(limits)
        self._inputs.configure(no_data)
        for kind, limit in zip(_KINDS, (no_data.predictions, no_data.labels), strict=True):
            self._rhythms[kind].configure(limit, no_data.learnt, no_data.severity)

    def expect(self, clock: int, wait: int) -> None:
        """Says the clock from which on predictions may come, and labels if they are waited for; the first one counts."""
        for kind in _KINDS if wait else _KINDS[:1]:
            self._rhythms[kind].begin(clock)
        self._unmatched.expect(clock, wait)

    def rows(self, kind: Kind, sources: Iterable[Source], clock: Ints, age: int) -> list[Issue]:
        """Takes the clocks of rows and where these came from; at the first of them silence is over.

        Of labels it is excused until predictions that come again have the `age` by which most have one.
        """
        at = 0
        for source in sources:
            at += source.rows
            self._inputs.see(source.topic, source.partition, source.rows, int(clock[at - 1]))
        since = self._rhythms[kind].last
        over = self._rhythms[kind].see(clock)
        if over is not None and kind == "predictions":
            self._rhythms["labels"].excuse(since, int(clock[0]), age)
        return [] if over is None else [over]

    def read(self, entries: Iterable[Progress], now: int, arrived: int) -> list[Issue]:
        """Takes whether inputs are read to their ends; says which stand still."""
        return self._inputs.read(entries, now, arrived)

    def times(self, times: Ints, clock: Ints, metrics: Metrics) -> None:
        """Takes the times of predictions, and the clock at them."""
        self._identity.count(odd_times(times, clock, self._limits, metrics))

    def count(self, counts: dict[str, int]) -> None:
        """Takes counts of the stream; those that matter are looked at."""
        self._identity.count(counts)

    def refused(self, what: str, reasons: Sequence[tuple[str, int]]) -> None:
        """Takes how many events of a kind became dead letters for which reason."""
        self._identity.refuse(what, reasons)

    def features(self, names: tuple[str, ...], values: Floats, texts: int, group: Group) -> None:
        """Takes features, float64[n, k], the last of them texts, before the group does."""
        alike = self._pending and self._pending[0][:2] == (names, texts)
        if self._pending and not (alike and group.learnt):
            self.settle(group)
        if not group.learnt:
            self._features.see(names, values, texts, group)
            return
        self._pending.append((names, texts, values))
        self._rows += len(values)
        if self._rows >= _TOGETHER:
            self.settle(group)

    def settle(self, group: Group) -> None:
        """Looks at the features that are still to be looked at, before the group learns another reference."""
        if self._pending:
            names, texts, _ = self._pending[0]
            values = [values for *_, values in self._pending]
            self._pending, self._rows = [], 0
            self._features.see(names, np.concatenate(values) if len(values) > 1 else values[0], texts, group)

    def new_features(self, group: Group) -> set[str]:
        """Features that the reference does not have: those of this window, and those of which it was said."""
        self.settle(group)
        return self._features.new(group)

    @property
    def labels_differ(self) -> bool:
        """Whether there have been labels of more than one class."""
        return self._labels.differ

    def labels(self, values: Floats, codes: npt.NDArray[np.int32]) -> int | None:
        """Takes the labels of new outcomes; gives the first with which there was more than one class, if it is one of these."""
        return self._labels.see(values, codes)

    def found(self, clock: Ints, found: Mask, alone: Mask) -> None:
        """Takes which labels found a prediction, and which are alone, by the clock at each."""
        self._unmatched.came(clock, found, alone)

    def met(self, came: Ints) -> None:
        """Takes labels that were alone and are not any more, by the clock at which they came."""
        self._unmatched.met(came)

    def unmatched(self, now: int, late: tuple[int, int], sampled: bool) -> list[Issue]:
        """What is to be said at the end of a window of labels that are alone, of which so many of so many came too late."""
        return self._unmatched.close(now, late, sampled)

    def close(
        self,
        group: Group,
        excused: Set[str],
        drifting: Set[str],
        word: Callable[[float, int], str],
        classes: bool,
        absent: bool,
    ) -> list[Issue]:
        """What is to be said at the end of a window.

        `excused` features have a wrong type, `drifting` ones an alert of their own; `word` is the text of a label, if one of
        `classes`, and whether it is configured what an `absent` one means.
        """
        self.settle(group)
        issues = self._features.close(group, excused, drifting) + self._identity.close()
        return issues + self._labels.close(word, classes, absent)

    def due(self, coming: Coming = None) -> int:
        """The clock at which `silence` is to be asked for, while nothing or only rows of a kind come."""
        return min((rhythm.due() for rhythm in self._asked(coming)), default=FAR)

    def silence(self, now: int, coming: Coming = None) -> list[Issue]:
        """What is to be said about what did not come until a clock."""
        found = [rhythm.silence(now) for rhythm in self._asked(coming)]
        return [issue for issue in found if issue is not None]

    def pause(self) -> None:
        """Nothing is expected to come until something does."""
        for rhythm in self._rhythms.values():
            rhythm.pause()

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays; features must have been looked at."""
        parts = {name: part.state() for name, part in self._parts().items()}
        return parts | {"features": self._features.state()}

    def restore(self, state: dict[str, Any], group: Group) -> None:
        """Goes on from a `state()`, with the group of features as it was then."""
        self._features.restore(state["features"], group)
        for name, part in self._parts().items():
            part.restore(state[name])

    def _asked(self, coming: Coming) -> Iterator[Rhythm]:
        """What may be silent; labels thin out by themselves while predictions are."""
        for kind, rhythm in self._rhythms.items():
            if coming not in (kind, "both") and not (kind == "labels" and self._rhythms["predictions"].silent):
                yield rhythm

    def _parts(self) -> dict[str, Identity | LabelsSeen | Unmatched | Inputs | Rhythm]:
        return {
            "identity": self._identity, "labels": self._labels, "unmatched": self._unmatched, "inputs": self._inputs,
            **{f"rhythm/{kind}": rhythm for kind, rhythm in self._rhythms.items()},
        }  # fmt: skip
