"""Partitions of a topic that stand still while the others go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stream_monitor.blocks import Progress
from stream_monitor.config.quality import NoData
from stream_monitor.events import iso
from stream_monitor.quality.issue import Found, Issue
from stream_monitor.quality.open_issues import OpenIssues

_LIMIT = 256
"""Inputs that are followed."""
_KNOWN = 30
"""Rows of an input by which its share is known.

Of 40 streams of 12,000 rows, one of whose inputs has 1 in 50 or in 200, singly or 5 at a time on average, none was said
falsely; from its first row on, 3 to 38 were.
"""
_EXPECTED = 100
"""Rows that the input would have had by its share in what came."""
_LONGER = 3
"""Times the longest run of others' rows so far."""
_LEAST = 300_000_000
"""Microseconds of the stream's clock."""
_LASTING = 60_000_000
"""Microseconds of arrival for which rows must have been missing: what was held up comes partition by partition."""
_EVERY = 5_000_000
"""Microseconds of arrival from one look to the next."""
_NEVER = -_EVERY


class _Input:
    """What came from one partition."""

    def __init__(self) -> None:
        self.rows = 0
        self.began = 0
        """The topic's rows before its first."""
        self.at = 0
        """The topic's rows up to its last."""
        self.live_at = 0
        """Those of them that were read as they came."""
        self.longest = 0
        """The longest run of others' rows between its own that is usual."""
        self.said = 0
        """The longest that was said; a second as long is usual."""
        self.clock = 0
        """At its last row."""
        self.missed = _NEVER
        """When it was first seen that rows are missing, by arrival."""


class Inputs:
    """Time passes for an input by the rows of the others, so that nights and quiet hours are no surprise.

    Not by rows of a backlog: they were written while the input's own, which may have been read before, were written too.
    What was held up on its way looks like rows that were read as they came, partition by partition: nothing is said until
    rows have been missing for a minute, which begins anew where the input comes to its end, or is behind.
    A run of others' rows that was said is usual once there was another as long: a quiet night is said twice, and one outage of
    days does not hide the next.
    """

    def __init__(self, stream: str, limits: NoData) -> None:
        self._stream, self._limits = stream, limits
        self._inputs: dict[tuple[str, int], _Input] = {}
        self._rows: dict[str, int] = {}
        self._live: dict[str, int] = {}
        """By topic, those of inputs that had been read to their ends before."""
        self._behind: set[tuple[str, int]] = set()
        """The inputs that were not."""
        self._looked = _NEVER
        """The arrival of the last look."""
        self._issues = OpenIssues()

    def configure(self, limits: NoData) -> None:
        """Takes limits from now on."""
        self._limits = limits

    def see(self, topic: str, partition: int, rows: int, clock: int) -> None:
        """Takes how many rows came from an input, and the stream's clock at the last of them."""
        behind = (topic, partition) in self._behind
        before, live = self._rows.get(topic, 0), self._live.get(topic, 0)
        self._rows[topic], self._live[topic] = before + rows, live + (0 if behind else rows)
        one = self._inputs.get((topic, partition))
        if one is None:
            if len(self._inputs) >= _LIMIT:
                return
            one = self._inputs[topic, partition] = _Input()
            one.began, one.at, one.live_at = before, before, live
        run = before - one.at if behind else live - one.live_at
        if _named(topic, partition) in self._issues.open("StalledInput"):
            run, one.said = min(run, one.said), max(run, one.said)
        one.longest = max(one.longest, run)
        one.rows, one.at, one.live_at, one.clock = one.rows + rows, before + rows, self._live[topic], clock
        one.missed = _NEVER

    def read(self, entries: Iterable[Progress], now: int, arrived: int) -> list[Issue]:
        """Takes whether inputs are read to their ends; says what stands still at a clock, and what goes on again."""
        for entry in entries:
            key = entry.topic, entry.partition
            if (key in self._behind) == entry.drained:
                self._behind ^= {key}
                if key in self._inputs:
                    self._inputs[key].missed = _NEVER
        if 0 <= arrived - self._looked < _EVERY:
            return []
        self._looked = arrived
        return self._look(now, arrived)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        inputs = [[*key, *vars(one).values()] for key, one in self._inputs.items()]
        behind = [list(key) for key in sorted(self._behind)]
        return {
            "inputs": inputs, "rows": dict(self._rows), "live": dict(self._live), "behind": behind,
            "looked": self._looked, "ledger": self._issues.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._rows, self._live = dict(state["rows"]), dict(state["live"])
        self._behind = {(topic, partition) for topic, partition in state["behind"]}
        self._looked = state["looked"]
        self._issues.restore(state["ledger"])
        for topic, partition, *values in state["inputs"]:
            one = self._inputs[topic, partition] = _Input()
            vars(one).update(zip(list(vars(one)), values, strict=True))

    def _look(self, now: int, arrived: int) -> list[Issue]:
        if not self._limits.learnt:
            return self._issues.close("StalledInput", self._limits.severity)
        bad, well = [], set()
        for (topic, partition), one in sorted(self._inputs.items()):
            name, run = _named(topic, partition), self._live[topic] - one.live_at
            expected = run * one.rows / (one.at - one.began) if one.rows >= _KNOWN else 0.0
            if expected >= _EXPECTED and run > _LONGER * one.longest:
                one.missed = arrived if one.missed == _NEVER else one.missed
                if now - one.clock >= _LEAST and arrived - one.missed >= _LASTING:
                    bad.append(Found(name, self._summary(name, one, run, expected), expected, 0.0, run))
            elif expected < _EXPECTED / 2:
                well.add(name)
        return self._issues.settle("StalledInput", self._limits.severity, bad, well)

    def _summary(self, name: str, one: _Input, run: int, expected: float) -> str:
        return (
            f"nothing of {self._stream} has come from {name} since {iso(one.clock)}, "
            f"and {run:,} rows from the other partitions: some {expected:,.0f} were to be expected"
        )


def _named(topic: str, partition: int) -> str:
    return f"{topic}-{partition}"
