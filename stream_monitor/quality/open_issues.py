"""Which issues are open, so that each is said once, again when it is much worse, and when it is over."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.settings import Severity
from stream_monitor.quality.issue import Found, Issue

_MANY = 10
"""Features with which something may begin to be wrong at once; more are one issue."""
_NAMED = 3
_WORSE, _MUCH_WORSE = 0.1, 1.5
"""By how much, and how many times, a share must have grown since it was said."""
_MORE, _OTHER = 4, 1.5
"""How many times the rows it was said of there must be since then, to say again a share so many times as large, or as small."""


class Said(NamedTuple):
    """What was last said of a feature, and how many of how many rows since then are so."""

    share: float
    rows: int
    k: int = 0
    n: int = 0

    def plus(self, k: int, n: int) -> Said:
        """With a window more."""
        return self._replace(k=self.k + k, n=self.n + n)

    def otherwise(self, k: int, n: int) -> tuple[float, int] | None:
        """The share with a window more, and its rows, if it is another one by far more than the few it was said of."""
        since = self.plus(k, n)
        low, high = sorted((self.share * since.n, float(since.k)))
        is_other = self.rows > 0 and since.n >= _MORE * self.rows and high > _OTHER * low
        return (since.k / since.n, since.n) if is_other else None


class OpenIssues:
    """Open issues by name and feature, at most one for each."""

    def __init__(self) -> None:
        self._alone: dict[str, dict[str, Said]] = {}
        self._together: dict[str, list[str]] = {}
        """Features that share one issue."""

    def settle(
        self,
        name: AlertName,
        severity: Severity,
        bad: Sequence[Found],
        well: Collection[str],
        counts: Mapping[str, tuple[int, int]] | None = None,
    ) -> list[Issue]:
        """Takes what one look found: features that are `bad`, and those that are `well`; others stay as they are.

        `counts` are how many of how many rows are so in this look, of features that it was said of before.
        """
        alone, together = self._alone.get(name, {}), self._together.get(name, [])
        issues = [Issue(name, "resolved", one, severity, "") for one in sorted(alone) if one in well]
        for issue in issues:
            del alone[issue.feature]
        alone |= {one: alone[one].plus(*some) for one, some in (counts or {}).items() if one in alone}
        for one in bad:
            said = alone[one.feature].share if one.feature in alone else math.inf
            if one.after >= max(said + _WORSE, said * _MUCH_WORSE) or (one.anew and one.feature in alone):
                alone[one.feature] = Said(one.after, one.n)
                issues.append(one.issue(name, "updated", severity))
        fresh = [one for one in bad if one.feature not in alone and one.feature not in together]
        if together or len(fresh) > _MANY:
            issues += self._join(name, severity, bad, [one.feature for one in fresh], well)
        else:
            alone |= {one.feature: Said(one.after, one.n) for one in fresh}
            issues += [one.issue(name, "opened", severity) for one in fresh]
            self._keep(self._alone, name, alone)
        return issues

    def close(self, name: AlertName, severity: Severity) -> list[Issue]:
        """Ends all issues of a name."""
        return self.settle(name, severity, (), self.open(name))

    def open(self, name: AlertName) -> set[str]:
        """The features that have an issue of this name."""
        return {*self._alone.get(name, ()), *self._together.get(name, ())}

    def shares(self, name: AlertName) -> dict[str, float]:
        """The features that have an issue of this name, with the shares that were said; 1 of those that share one."""
        return dict.fromkeys(self._together.get(name, ()), 1.0) | {one: said.share for one, said in self.said(name).items()}

    def said(self, name: AlertName) -> Mapping[str, Said]:
        """What was last said of this name about features that have an issue each."""
        return self._alone.get(name, {})

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "alone": {name: {one: list(said) for one, said in alone.items()} for name, alone in self._alone.items()},
            "together": {name: list(features) for name, features in self._together.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._alone = {name: {one: Said(*said) for one, said in alone.items()} for name, alone in state["alone"].items()}
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
