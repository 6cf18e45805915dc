"""Which issues are open, so that each is said once, again when it is much worse, and when it is over."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.settings import Severity
from stream_monitor.quality.issue import Found, Issue

_MANY = 10
"""Features with which something may begin to be wrong at once; more are one issue."""
_NAMED = 3
_WORSE, _MUCH_WORSE = 0.1, 1.5
"""By how much, and how many times, a share must have grown since it was said."""


class OpenIssues:
    """Open issues by name and feature, at most one for each."""

    def __init__(self) -> None:
        self._alone: dict[str, dict[str, float]] = {}
        """What was last said about each feature."""
        self._together: dict[str, list[str]] = {}
        """Features that share one issue."""

    def settle(self, name: AlertName, severity: Severity, bad: Sequence[Found], well: Collection[str]) -> list[Issue]:
        """Takes what one look found: features that are `bad`, and those that are `well`; others stay as they are."""
        alone, together = self._alone.get(name, {}), self._together.get(name, [])
        issues = [Issue(name, "resolved", one, severity, "") for one in sorted(alone) if one in well]
        for issue in issues:
            del alone[issue.feature]
        for one in bad:
            said = alone.get(one.feature, math.inf)
            if one.after >= max(said + _WORSE, said * _MUCH_WORSE) or (one.anew and one.feature in alone):
                alone[one.feature] = one.after
                issues.append(one.issue(name, "updated", severity))
        fresh = [one for one in bad if one.feature not in alone and one.feature not in together]
        if together or len(fresh) > _MANY:
            issues += self._join(name, severity, bad, [one.feature for one in fresh], well)
        else:
            alone |= {one.feature: one.after for one in fresh}
            issues += [one.issue(name, "opened", severity) for one in fresh]
            self._keep(self._alone, name, alone)
        return issues

    def close(self, name: AlertName, severity: Severity) -> list[Issue]:
        """Ends all issues of a name."""
        return self.settle(name, severity, (), self.open(name))

    def open(self, name: AlertName) -> set[str]:
        """The features that have an issue of this name."""
        return {*self._alone.get(name, ()), *self._together.get(name, ())}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "alone": {name: dict(said) for name, said in self._alone.items()},
            "together": {name: list(features) for name, features in self._together.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._alone = {name: dict(said) for name, said in state["alone"].items()}
        self._together = {name: list(features) for name, features in state["together"].items()}

    def _join(
        self, name: AlertName, severity: Severity, bad: Sequence[Found], fresh: list[str], well: Collection[str]
    ) -> list[Issue]:
        """Lets features share an issue until none of them is wrong."""
        before = self._together.get(name, [])
        after = sorted({*before, *fresh} - set(well))
        self._keep(self._together, name, after)
        if not after:
            return [Issue(name, "resolved", "", severity, "")]
        if after == before:
            return []
        mine = [one for one in bad if one.feature in after]
        summary = f"{_list(after)} at once" + (f": {mine[0].summary}" if mine else "")
        n = max((one.n for one in mine), default=0)
        return [Issue(name, "updated" if before else "opened", "", severity, summary, n=n)]

    def _keep(self, where: dict[str, Any], name: str, what: Any) -> None:
        if what:
            where[name] = what
        else:
            where.pop(name, None)


def _list(features: list[str]) -> str:
    more = len(features) - _NAMED
    return ", ".join(features[:_NAMED]) + (f" and {more} more" if more > 0 else "")
