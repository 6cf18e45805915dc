"""What is wrong with the features of a stream, window by window."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.config.quality import Name, Quality
from stream_monitor.quality import faults
from stream_monitor.quality.evidence import Evidence
from stream_monitor.quality.feature_counts import FeatureCounts
from stream_monitor.quality.issue import Issue
from stream_monitor.quality.known import Known, known
from stream_monitor.quality.layout import Layout
from stream_monitor.quality.open_issues import OpenIssues
from stream_monitor.quality.unit_jumps import UnitJumps
from stream_monitor.watching.group import Group

_LAYOUTS = 64
"""Layouts that are remembered."""


class FeatureQuality:
    """Compares the rows of a window with the group's reference; without a reference it says nothing.

    Some 4 kB a feature, at most as many features as the group may have, and as many new ones.
    """

    def __init__(self, stream: str, limits: Quality, category: Callable[[str, float], str | None]) -> None:
        self._stream, self._limits, self._category = stream, limits, category
        self._issues = OpenIssues()
        self._known: Known | None = None
        self._counts = FeatureCounts(0, 0)
        self._past: dict[Name, Evidence] = {}
        """Of each rule, what windows have left undecided."""
        self._jumps = UnitJumps()
        self._of: Any = None
        """What the group watches, by which a new reference is recognised."""
        self._layouts: dict[tuple[tuple[str, ...], int], Layout] = {}

    def configure(self, limits: Quality) -> None:
        """Takes limits from now on."""
        self._limits = limits

    def see(self, names: tuple[str, ...], values: npt.NDArray[np.float64], texts: int, group: Group) -> None:
        """Takes rows, float64[n, k] of the named features, the last `texts` of which are numbers of categories.

        Rows that become the group's reference are taken before the group takes them, and do not count.
        """
        self._follow(group)
        if self._known is None or not len(values) or not self._limits.enabled:
            return
        layout = self._layouts.get((names, texts))
        if layout is None:
            if len(self._layouts) >= _LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[names, texts] = Layout(self._known, names, texts)
        self._counts.add(values, layout)

    def close(self, group: Group, excused: Set[str] = frozenset(), drifting: Set[str] = frozenset()) -> list[Issue]:
        """Judges the rows since the last window that was judged; nothing if they are too few.

        Values of `excused` features may be missing, those of `drifting` ones leave their range by less than its width.
        """
        self._follow(group)
        if self._known is None or self._counts.rows < self._limits.rows:
            return []
        full = len(self._known.listed) >= group.terms.limit
        look = faults.Look(
            self._stream,
            self._known,
            self._counts,
            self._limits,
            self._category,
            excused,
            drifting,
            self._issues,
            self._past,
            full,
        )
        with np.errstate(invalid="ignore", over="ignore"):
            jumped = self._issues.open("UnitJump")
            units = faults.unit(look, self._jumps, jumped)
            issues = self._reevaluate("UnitJump", units.wrong) + self._settle("UnitJump", units)
            look = look._replace(jumped=jumped | self._issues.open("UnitJump"))
            issues += self._reevaluate("OutOfRange", look.jumped)
            found = {name: rule(look) for name, rule in faults.RULES.items()}
            for name, findings in found.items():
                issues += self._settle(name, findings)
                if findings.left is not None:
                    self._past[name] = findings.left
            issues += self._reevaluate("MissingValues", self._issues.open("VanishedFeature"))
            issues += self._settle("NewFeature", faults.new(look, self._issues.open("NewFeature")))
        over = np.array([name in found["MissingValues"].well for name in self._known.names], np.bool_)
        self._counts.forgive(self._known.longest, over)
        self._counts.clear()
        return issues

    def new(self, group: Group) -> set[str]:
        """Features that the group's reference does not have: those of this window, and those of which it was said."""
        self._follow(group)
        return set() if self._known is None else {*self._counts.new, *self._issues.open("NewFeature")}

    def state(self) -> dict[str, Any]:
        """Everything but the reference, as plain values and arrays."""
        counts = self._counts.state() if self._known is not None else None
        past = {name: [evidence.k.copy(), evidence.n.copy()] for name, evidence in self._past.items()}
        return {"tally": counts, "ledger": self._issues.state(), "past": past, "jumps": self._jumps.state()}

    def restore(self, state: dict[str, Any], group: Group) -> None:
        """Goes on from a `state()`, with the group as it was then."""
        self._follow(group)
        self._issues.restore(state["ledger"])
        self._jumps.restore(state["jumps"])
        if state["tally"] is not None:
            self._counts.restore(state["tally"])
            self._past = {name: Evidence(k.copy(), n.copy()) for name, (k, n) in state["past"].items()}

    def _follow(self, group: Group) -> None:
        """Begins again with every new reference."""
        if self._of is (group.watched if group.learnt else None):
            return
        self._of, self._known = (group.watched, known(group)) if group.learnt else (None, None)
        self._counts = FeatureCounts(0 if self._known is None else len(self._known.names), group.terms.limit)
        self._past = {name: Evidence.none(len(self._counts.missing)) for name in faults.RULES}
        self._issues, self._jumps = OpenIssues(), UnitJumps()
        self._layouts.clear()

    def _reevaluate(self, name: Name, features: Set[str]) -> list[Issue]:
        """Ends what another issue of these features explains, or what does not hold."""
        ended = self._issues.settle(name, self._limits.severe(name) or "info", (), features)
        return [one._replace(end="reevaluated") if one.step == "resolved" else one for one in ended]

    def _settle(self, name: Name, found: faults.Findings) -> list[Issue]:
        severity = self._limits.severe(name)
        if severity is None:
            return self._issues.close(name, "info")
        return self._issues.settle(name, severity, found.bad, found.well, found.counts)
