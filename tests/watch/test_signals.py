"""The course of a change is that of the rows: it lasts as long as they say, whoever declares it, and however often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.joining.mixed import far
from stream_monitor.watching.finding import Finding
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Floats, Reference, Sort
from stream_monitor.watching.signals import Signals

_REFERENCE = 2000
OF_LOSS: dict[str, dict[str, Any]] = {
    "scan": {}, "betting": {"rise": 0.05, "level": 0.01}, "adwin": {}, "cusum": {}, "ddm": {}, "hddm_w": {},
    "ks": {}, "page_hinkley": {}, "wasserstein": {},
}  # fmt: skip
OF_FEATURES = ("scan", "adwin", "cusum", "ewma", "ks", "page_hinkley", "psi", "wasserstein")


def watched(sort: Sort, detector: str, levels: list[tuple[int, float]], seed: int, run_length: float = 1e6) -> list[Finding]:
    """What becomes of a signal that a detector watches: rows and their mean, phase by phase, the first also the reference's."""
    rng = np.random.default_rng(seed)
    mean = np.repeat([levels[0][1], *(mean for _, mean in levels)], [_REFERENCE, *(rows for rows, _ in levels)])
    values = (rng.random(len(mean)) < mean).astype(float) if sort != "feature" else rng.normal(size=len(mean)) + mean
    return followed(sort, detector, values, run_length)


def followed(sort: Sort, detector: str, values: Floats, run_length: float) -> list[Finding]:
    """What becomes of a signal with these values, the first of which are the reference's."""
    times = np.arange(len(values)) * 1_000_000
    reference = Reference(sort, ("x",), values[:_REFERENCE, None], times[:_REFERENCE], np.zeros(1))
    signals = Signals(reference, {detector: OF_LOSS.get(detector, {})}, 2000)
    signals.allow(run_length)
    findings = []
    for start in range(0, len(values) - _REFERENCE, 100):
        rows, part = np.arange(start, start + 100), slice(_REFERENCE + start, _REFERENCE + start + 100)
        findings += signals.update(values[part, None], Marks(rows, rows, times[part]))
    return findings


def told(findings: list[Finding], after: int) -> list[Finding]:
    """Those from a row on."""
    return [one for one in findings if one.row >= after]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("detector", OF_LOSS)
def test_a_loss_that_rises_for_good_is_one_change_of_the_size_it_has(detector: str, seed: int) -> None:
    findings = told(watched("risk" if detector == "betting" else "loss", detector, [(1000, 0.15), (7000, 0.35)], seed), 1000)
    assert not [one for one in findings if one.step == "resolved"]
    assert len(findings) <= 3
    assert findings[-1].after == pytest.approx(0.35, abs=0.08)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("detector", OF_FEATURES)
def test_a_feature_that_shifts_for_good_is_one_change(detector: str, seed: int) -> None:
    findings = told(watched("feature", detector, [(1000, 0.0), (7000, 1.0)], seed), 1000)
    assert not [one for one in findings if one.step == "resolved"]
    assert len(findings) <= 3


def test_a_rise_that_is_found_late_is_measured_by_the_rows_that_are_kept_not_by_the_worst_of_them() -> None:
    for seed in range(6):
        opened = told(watched("risk", "betting", [(500, 0.15), (9000, 0.25)], seed), 500)[:1]
        assert opened == [] or opened[0].after == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize("detector", ["scan", "betting", "adwin", "page_hinkley", "ks"])
def test_a_loss_that_rises_further_is_said_and_ends_when_it_is_back(detector: str) -> None:
    levels = [(1000, 0.15), (4000, 0.35), (4000, 0.6), (5000, 0.15)]
    findings = told(watched("risk" if detector == "betting" else "loss", detector, levels, 0), 1000)
    assert [one.step for one in findings][:2] == ["opened", "updated"]
    assert [one.step for one in findings if one.row >= 9000] == ["resolved"]
    further = [one for one in findings if 5000 <= one.row < 9000]
    assert {one.step for one in further} == {"updated"}
    assert further[0].row < 6000
    assert further[-1].after > 0.4


@pytest.mark.parametrize("detector", ["scan", "cusum"])
@pytest.mark.parametrize("after", [-2.0, -0.8, -0.4])
def test_a_feature_that_turns_is_another_change_since_then(detector: str, after: float) -> None:
    findings = watched("feature", detector, [(1000, 0.0), (2000, 0.8), (3000, after)], 0)
    assert [(one.step, one.direction) for one in findings] == [
        ("opened", "up"), ("updated", "up"), ("resolved", "up"), ("opened", "down"), ("updated", "down"),
    ]  # fmt: skip
    assert 3000 < findings[2].row == findings[3].row < 3500
    assert findings[3].began_position == pytest.approx(3000, abs=100)


@pytest.mark.parametrize("seed", range(2))
def test_a_feature_that_drifts_further_and_further_is_said_as_large_as_it_is(seed: int) -> None:
    levels = [(1000, 0.0), (3000, 0.5), (3000, 1.5), (5000, 3.5)]
    findings = told(watched("feature", "scan", levels, seed), 1000)
    assert [one.step for one in findings][:2] == ["opened", "updated"]
    assert {one.step for one in findings[1:]} == {"updated"}
    assert len(findings) <= 8
    assert [one for one in findings if one.row < 7000][-1].effect == pytest.approx(1.5, rel=0.1)
    assert findings[-1].effect == pytest.approx(3.5, rel=0.1)


def test_a_feature_of_zeros_and_ones_that_turns_is_another_change() -> None:
    values = (np.random.default_rng(0).random(8000) < np.repeat([0.3, 0.6, 0.1], [3000, 2000, 3000])).astype(float)
    turned = [(one.step, one.direction, one.moved) for one in followed("feature", "scan", values, 1e5)][2:4]
    assert turned == [("resolved", "up", "rate"), ("opened", "down", "rate")]


def test_a_spread_that_turns_is_another_change_since_then() -> None:
    findings = spread([(1000, 0, 1), (2000, 0, 2), (3000, 0, 0.4)], 0)
    turned = [(one.step, one.direction, one.moved) for one in findings if 3000 < one.row < 3500][:2]
    assert turned == [("resolved", "up", "spread"), ("opened", "down", "spread")]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("detector", ["scan", "ks", "page_hinkley"])
def test_a_feature_that_is_back_has_not_turned(detector: str, seed: int) -> None:
    findings = told(watched("feature", detector, [(1000, 0.0), (2000, 0.8), (3000, 0.0)], seed), 1000)
    assert [one.step for one in findings if one.row >= 3000] == ["resolved"]
    assert {one.direction for one in findings} == {"up"}


@pytest.mark.parametrize("detector", ["scan", "adwin", "page_hinkley"])
def test_a_loss_that_fell_and_now_rises_is_another_change(detector: str) -> None:
    findings = watched("loss", detector, [(1000, 0.3), (3000, 0.15), (3000, 0.6)], 0)
    turned = next(i for i, one in enumerate(findings) if one.direction == "up")
    assert {one.direction for one in findings[:turned]} == {"down"}
    assert [one.step for one in findings[turned - 1 : turned + 1]] == ["resolved", "opened"]
    assert findings[turned].began_position == pytest.approx(4000, abs=300)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("before", "after", "within"), [(0.32, 0.09, 450), (0.15, 0.4, 600)])
def test_a_loss_that_turns_is_soon_a_change_to_the_other_side_that_began_when_it_turned(
    before: float, after: float, within: int, seed: int
) -> None:
    findings = watched("loss", "scan", [(3000, 0.235), (4000, before), (3000, after)], seed)
    side = "down" if after < before else "up"
    turned = next(one for one in findings if one.step == "opened" and one.direction == side)
    assert 7000 < turned.row < 7000 + within
    assert turned.began_position == pytest.approx(7000, abs=250)
    assert turned.interval is not None
    assert turned.interval[0] - 50 <= 7000 <= turned.interval[1] + 50


@pytest.mark.parametrize("seed", [2, 9, 11])
def test_a_change_that_goes_on_began_when_it_did_however_often_it_is_seen_again(seed: int) -> None:
    findings = told(watched("loss", "scan", [(1000, 0.1), (9000, 0.16)], seed, 5e3), 1000)
    assert {one.step for one in findings[1:]} <= {"updated"}
    for one in findings:
        assert one.interval is not None
        assert one.interval[0] <= one.began_position <= one.interval[1] <= findings[0].row


def spread(phases: list[tuple[int, float, float]], seed: int, detector: str = "scan") -> list[Finding]:
    """What becomes of a feature: rows, their mean and their spread, phase by phase; in the reference 0 and 1."""
    rows, mean, sd = zip((_REFERENCE, 0.0, 1.0), *phases, strict=True)
    values = np.random.default_rng(seed).normal(np.repeat(mean, rows), np.repeat(sd, rows))
    return followed("feature", detector, values, 1e6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("times", [3, 10, 1000])
def test_a_spread_that_grows_is_said_as_large_as_it_is_and_ends_with_it(times: int, seed: int) -> None:
    findings = spread([(1000, 0, 1), (6000, 0, times), (3000, 0, 1)], seed)
    assert [one.step for one in findings] == ["opened", "updated", "resolved"]
    assert {one.moved for one in findings} == {"spread"}
    assert findings[1].effect == pytest.approx(times, rel=0.1)
    assert findings[2].row > 7000


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("detector", ["adwin", "cusum", "ewma", "page_hinkley"])
def test_a_mean_that_seems_to_drift_because_values_spread_is_no_drift_of_the_mean(detector: str, seed: int) -> None:
    findings = told(spread([(1000, 0, 1), (6000, 0, 1000)], seed, detector), 1000)
    assert "resolved" not in {one.step for one in findings}
    assert {one.moved for one in findings[1:]} <= {"spread"}


@pytest.mark.parametrize("seed", range(4))
def test_a_mean_that_is_back_is_no_recovery_while_values_are_spread_wider(seed: int) -> None:
    findings = spread([(1000, 0, 1), (3000, 1, 1), (4000, 0, 10)], seed)
    assert "resolved" not in {one.step for one in findings}
    assert [one.moved for one in findings] == ["mean", "mean", "spread"]


@pytest.mark.parametrize("seed", range(4))
def test_values_in_another_unit_have_another_mean(seed: int) -> None:
    values = np.random.default_rng(seed).exponential(5, _REFERENCE + 7000)
    values[_REFERENCE + 1000 :] *= 1000
    findings = followed("feature", "scan", values, 1e6)
    assert [one.step for one in findings] == ["opened", "updated"]
    assert findings[1].moved == "mean"
    assert findings[1].effect == pytest.approx(1000, rel=0.15)


@pytest.mark.parametrize("start", [1010, 1017, 1024])
def test_what_a_mean_is_now_is_of_no_rows_from_before_it_changed(start: int) -> None:
    values = np.random.default_rng(start).lognormal(np.log(40), 0.5, _REFERENCE + 2000)
    values[_REFERENCE + start :] /= 100
    last = [one for one in followed("feature", "scan", values, 1e6) if one.step == "updated"][-1]
    assert last.began_position == pytest.approx(start, abs=8)
    assert last.after == pytest.approx(values[_REFERENCE + start :][:200].mean(), rel=0.1)


def test_what_is_constant_from_now_on_is_said_to_be_once() -> None:
    values = np.random.default_rng(1).normal(8, 0.3, _REFERENCE + 4000)
    values[_REFERENCE + 1010 :] = 8.0
    findings = [one for one in followed("feature", "scan", values, 1e6) if one.step == "updated"]
    assert [one.effect for one in findings] == [0.0]


def counted(phases: list[tuple[int, list[float]]], seed: int, texts: bool = False, least: float = 0.02) -> list[Finding]:
    """What becomes of a signal of categories: rows and their shares, phase by phase, the first also the reference's."""
    rng = np.random.default_rng(seed)
    parts = [rng.choice(len(shares), rows, p=shares) for rows, shares in [(_REFERENCE, phases[0][1]), *phases]]
    values = far(np.concatenate(parts)) if texts else np.concatenate(parts).astype(float)
    times = np.arange(len(values)) * 1_000_000
    reference = Reference("prediction", ("x",), values[:_REFERENCE, None], times[:_REFERENCE], np.array([least]), counted=True)
    signals = Signals(reference, {"counts": {}}, 2000)
    signals.allow(3e4)
    findings = []
    for start in range(0, len(values) - _REFERENCE, 100):
        rows, part = np.arange(start, start + 100), slice(_REFERENCE + start, _REFERENCE + start + 100)
        findings += signals.update(values[part, None], Marks(rows, rows, times[part]))
    return findings


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("before", [[0.5, 0.5], [0.4, 0.2, 0.1, 0.1, 0.1, 0.1]])
def test_a_change_of_shares_that_was_small_or_none_ends(before: list[float], seed: int) -> None:
    changed = [before[0] + 0.12, before[1] - 0.12, *before[2:]]
    findings = counted([(500, before), (500, changed), (12_000, before)], seed)
    assert not findings or findings[-1].step == "resolved"


@pytest.mark.parametrize("seed", range(8))
def test_a_small_change_of_shares_that_lasts_does_not_end(seed: int) -> None:
    findings = counted([(500, [0.5, 0.5]), (15_000, [0.58, 0.42])], seed)
    assert [one.step for one in findings if one.row > 500][:1] == ["opened"]
    assert not [one for one in findings if one.step == "resolved"]


SMALL = {
    "few of two": ([0.98, 0.02], [0.95, 0.05]),
    "a flag": ([0.8, 0.2], [0.755, 0.245]),
    "a rare one": ([0.4, 0.3, 0.2, 0.095, 0.005], [0.39, 0.29, 0.195, 0.09, 0.035]),
    "a new one": ([0.5, 0.3, 0.2, 0.0], [0.495, 0.295, 0.19, 0.02]),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", SMALL)
def test_a_small_change_of_shares_ends_soon_after_it_is_back_and_the_next_is_another_one(kind: str, seed: int) -> None:
    before, changed = SMALL[kind]
    findings = told(counted([(4000, before), (8000, changed), (10_000, before), (7000, changed)], seed, least=0.005), 4000)
    assert [one.step for one in findings if one.step != "updated"] == ["opened", "resolved", "opened"]
    ended, again = (one for one in findings if one.step != "updated" and one.row >= 12_000)
    assert 12_000 < ended.row < 15_000
    assert not [one for one in findings if one.step == "updated" and 12_000 <= one.row < 22_000]
    assert again.row >= 22_000
    assert again.began_position == pytest.approx(22_000, abs=1500)


def test_a_change_that_was_said_to_be_larger_by_chance_does_not_end() -> None:
    for seed in range(3, 6):
        findings = told(counted([(4000, [0.98, 0.02]), (15_000, [0.945, 0.055])], seed, least=0.005), 4000)
        assert [one.step for one in findings][:1] == ["opened"]
        assert "resolved" not in {one.step for one in findings}


@pytest.mark.parametrize("shares", [[0.8, 0.2], [0.5, 0.3, 0.2]])
def test_classes_that_are_texts_are_back_as_soon_as_numbers(shares: list[float]) -> None:
    changed = [shares[0] - 0.14, shares[1] + 0.14, *shares[2:]]
    phases = [(500, shares), (3_000, changed), (5_000, shares)]
    numbers, texts = counted(phases, 0), counted(phases, 0, texts=True)
    assert [(one.row, one.step) for one in texts] == [(one.row, one.step) for one in numbers]
    assert texts[-1].step == "resolved"


def test_how_much_persistence_there_is_does_not_depend_on_the_numbers_of_categories() -> None:
    rng, times = np.random.default_rng(0), np.arange(2000) * 1_000_000
    rare, persistent = rng.choice(3, 2000, p=[0.6, 0.3, 0.1]), np.repeat(rng.choice(3, 100), 20)
    for values, known in ((rare, 1.0), (persistent, 20.0)):
        errors = {
            Reference("feature", ("x",), codes[:, None], times, np.zeros(1), counted=True).error(0, 2000)
            for codes in (values.astype(float), np.array([7.0, -3.0, 900.0])[values], far(values))
        }
        assert len(errors) == 1
        assert errors.pop() == pytest.approx(np.sqrt(known / 1000), rel=0.25)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("detector", ["scan", "betting"])
def test_a_short_rise_of_a_loss_is_over_as_soon_as_a_long_one(detector: str, seed: int) -> None:
    for rows in (300, 1500):
        levels = [(1000, 0.13), (rows, 0.35), (4000, 0.13)]
        findings = told(watched("risk" if detector == "betting" else "loss", detector, levels, seed), 1000)
        ended = [one.row for one in findings if one.step == "resolved"]
        assert [one.step for one in findings].count("opened") == len(ended) == 1
        assert 1000 + rows < ended[0] < 1000 + rows + 700


@pytest.mark.parametrize("seed", range(8))
def test_a_small_rise_of_a_loss_that_lasts_does_not_end_though_it_was_thought_to_be_larger(seed: int) -> None:
    findings = told(watched("loss", "scan", [(1000, 0.1), (10000, 0.16)], seed, 5e3), 1000)
    assert findings[0].step == "opened"
    assert {one.step for one in findings[1:]} <= {"updated"}


@pytest.mark.parametrize("seed", range(6))
def test_a_small_rise_of_a_loss_is_said_again_until_it_is_said_as_large_as_it_is(seed: int) -> None:
    findings = told(watched("loss", "scan", [(1000, 0.15), (8000, 0.21)], seed, 2e4), 1000)
    assert findings[-1].after == pytest.approx(0.21, abs=0.025)
    assert len(findings) <= 4
    assert all(one.n_current <= one.row - one.began_position + 1 for one in findings)


@pytest.mark.parametrize("seed", [0, 2, 4, 8, 10, 12])
def test_a_false_alarm_of_a_loss_ends_when_what_comes_after_it_is_as_before(seed: int) -> None:
    findings = watched("loss", "scan", [(8000, 0.14)], seed, 3e3)
    opened = next(one.row for one in findings if one.step == "opened" and one.direction == "up")
    assert [one.step for one in findings if opened < one.row < opened + 700].count("resolved") == 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [[(500, 0.12), (100, 0.02), (3000, 0.2)], [(1000, 0.12), (100, 0.5), (3000, 0.06)]])
def test_a_loss_that_turns_is_never_said_to_have_gone_the_way_it_did_not(levels: list[tuple[int, float]], seed: int) -> None:
    for one in watched("loss", "scan", levels, seed, 3e3):
        assert one.step == "resolved" or (one.after > one.before) == (one.direction == "up")


@pytest.mark.parametrize("detector", ["mmd", "domain_classifier"])
def test_a_change_of_all_features_together_lasts_as_long_as_one_of_a_single_feature(detector: str) -> None:
    rng = np.random.default_rng(2)
    values, times = rng.normal(size=(4000, 2)), np.arange(4000) * 1_000_000
    values[1500:, 0] += 1.0
    signals = Signals(Reference("feature", ("a", "b"), values[:1000], times[:1000], np.zeros(2)), {detector: {}}, 2000)
    signals.allow(1e6)
    findings = [
        finding
        for at in range(1000, 4000, 100)
        for finding in signals.update(values[at : at + 100], Marks(*(np.arange(at, at + 100),) * 2, times[at : at + 100]))
    ]
    assert [one.step for one in findings][:1] == ["opened"]
    assert {one.step for one in findings[1:]} <= {"updated"}
    assert signals.broken == {}
