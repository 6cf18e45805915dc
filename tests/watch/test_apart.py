"""Numbers most of whose values are one are measured by how often others come and by what these are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from stream_monitor.alerting.wording import Context, summary
from stream_monitor.watching.finding import Finding
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Floats, Reference
from stream_monitor.watching.signals import Signals

_REFERENCE, _BEGAN, _OVER = 2_000, 4_000, 12_000


@dataclass
class Phase:
    """Rows a share of which is not zero but an amount."""

    rows: int
    share: float = 0.3
    times: float = 1.0


def values(phases: list[Phase], seed: int) -> Floats:
    """Zeros and amounts."""
    rng = np.random.default_rng(seed)
    rows = [one.rows for one in phases]
    share, times = (np.repeat(each, rows) for each in ([one.share for one in phases], [one.times for one in phases]))
    return np.where(rng.random(sum(rows)) < share, np.round(times * np.exp(rng.normal(3, 0.7, sum(rows))), 2), 0.0)


def between(share: float, times: float, seed: int) -> Floats:
    """A change that begins and ends, rows counted from the end of the reference."""
    lasts = Phase(_OVER - _BEGAN, share, times)
    return values([Phase(_REFERENCE + _BEGAN), lasts, Phase(6_000)], seed)


def followed(values: Floats, step: int = 100, restarts: tuple[int, ...] = ()) -> list[Finding]:
    """What becomes of them, cut into steps, with restarts after rows; of which row of a step it is does not count."""
    times = np.arange(len(values)) * 1_000_000
    reference = Reference("feature", ("x",), values[:_REFERENCE, None], times[:_REFERENCE], np.full(1, 0.1))

    def begun() -> Signals:
        signals = Signals(reference, {"scan": {}}, 2_000)
        signals.allow(1e6)
        return signals

    signals, findings = begun(), list[Finding]()
    for start in range(_REFERENCE, len(values), step):
        if start - _REFERENCE in restarts:
            state, signals = signals.state(), begun()
            signals.restore(state)
        rows = np.arange(start, min(start + step, len(values)))
        findings += signals.update(values[rows, None], Marks(rows - _REFERENCE, rows - _REFERENCE, times[rows]))
    return findings


@pytest.mark.parametrize("seed", range(2))
def test_one_that_is_rarer_and_larger_has_changed_in_both_until_both_are_back(seed: int) -> None:
    findings = followed(between(0.15, 2.0, seed))
    assert [one.step for one in findings if one.step != "updated"] == ["opened", "resolved"]
    assert _BEGAN < findings[0].row < _BEGAN + 1_000
    assert _OVER < findings[-1].row < _OVER + 2_500
    last = findings[-2]
    (zero, before, after), (_, *others) = last.shares
    assert last.mostly == zero == 0.0
    assert last.direction == "both"
    assert before == pytest.approx(0.7, abs=0.04)
    assert after == pytest.approx(0.85, abs=0.03)
    assert others == pytest.approx([1 - before, 1 - after])
    assert last.after / last.before == pytest.approx(2, rel=0.25)
    assert last.before == pytest.approx(25.7, rel=0.1)


@pytest.mark.parametrize(("share", "way"), [(0.45, "up"), (0.15, "down")])
def test_others_that_come_more_or_less_often_are_a_change_of_their_share(share: float, way: str) -> None:
    findings = followed(between(share, 1.0, 4))
    assert [one.step for one in findings if one.step != "updated"] == ["opened", "resolved"]
    last = findings[-2]
    assert (last.moved, last.unit, last.direction) == ("shares", "points", way)
    assert (last.before, last.after) == pytest.approx((0.3, share), abs=0.04)
    assert f"drifted {way}wards since 1970-01-01T" in summary(last, "s", Context(False))
    assert summary(last, "s", Context(False)).endswith(f"Z: 0 in {100 - 100 * last.before:.1f}% -> "
                                                       f"{100 - 100 * last.after:.1f}% of rows")  # fmt: skip


def test_others_that_are_larger_are_a_change_of_their_mean() -> None:
    findings = followed(between(0.3, 2.0, 5))
    assert [one.step for one in findings if one.step != "updated"] == ["opened", "resolved"]
    last = findings[-2]
    assert (last.moved, last.unit, last.direction, last.shares) == ("mean", "sd", "up", ())
    assert last.after / last.before == pytest.approx(2, rel=0.25)
    assert ": mean of others 2" in summary(last, "s", Context(False))


def test_what_is_said_of_them_depends_neither_on_cuts_nor_on_restarts() -> None:
    some = between(0.15, 2.0, 1)[:9_000]
    once, again = followed(some, 1_000), followed(some, 1_000, (4_000, 5_000))
    assert again == once
    assert [(one.step, one.before, one.after) for one in followed(some, 97)] == [(o.step, o.before, o.after) for o in once]
