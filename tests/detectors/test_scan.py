"""The scan: what it makes of streams in which several things happen."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Array, Change
from detectors.counts import Counts
from detectors.scan import Scan
from detectors.scanning.repeats import Repeats


def changes(values: Array, reference: Array, from_row: int = 0, share_up: float = 0.5) -> list[Change]:
    scan = Scan(1, run_length=1_000_000.0, share_up=share_up)
    scan.fit(reference[:, np.newaxis])
    found = scan.update(values[:, np.newaxis])
    return [change._replace(row=change.row - from_row) for change in found if change.row >= from_row]


def levels(*stretches: tuple[int, float]) -> Array:
    return np.concatenate([np.full(rows, level) for rows, level in stretches])


@pytest.mark.parametrize("seed", range(5))
def test_after_an_episode_a_small_shift_is_found_as_fast_as_before_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, noise = rng.normal(size=2000), rng.normal(size=22_000)
    fresh = changes(noise + levels((20_000, 0.0), (2000, 0.5)), reference, 20_000)
    found = changes(noise + levels((10_000, 0.0), (5000, 2.0), (5000, 0.0), (2000, 0.5)), reference, 20_000)
    assert (found[0].direction, found[0].moved) == ("up", "mean")
    assert found[0].row <= fresh[0].row + 24


@pytest.mark.parametrize("seed", range(5))
def test_after_an_episode_of_errors_a_smaller_one_is_found_as_fast_as_before_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, chance = (rng.random(2000) < 0.1).astype(np.float64), rng.random(24_000)
    fresh = changes((chance < levels((20_000, 0.1), (4000, 0.15))).astype(np.float64), reference, 20_000, 0.8)
    rates = levels((10_000, 0.1), (5000, 0.3), (5000, 0.1), (4000, 0.15))
    found = changes((chance < rates).astype(np.float64), reference, 20_000, 0.8)
    assert found[0].direction == "up"
    assert found[0].row <= 1.2 * fresh[0].row + 100


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shift", "rows"), [(2.0, 700), (2.0, 5000), (0.5, 5000), (2.0, 20_000)])
def test_a_return_to_normal_is_not_declared(seed: int, shift: float, rows: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=4000 + rows + 20_000) + levels((4000, 0.0), (rows, shift), (20_000, 0.0))
    found = changes(values, rng.normal(size=2000))
    assert found
    assert all(change.direction == "up" and change.row < 4000 + rows + 200 for change in found)


def test_a_change_that_lasts_is_declared_again_ever_more_rarely() -> None:
    rng = np.random.default_rng(1)
    found = changes(rng.normal(size=44_000) + levels((4000, 0.0), (40_000, 2.0)), rng.normal(size=2000))
    assert 5 <= len(found) <= 10
    assert (np.diff([change.row for change in found[1:]], n=2) > 0).all()


def test_a_fit_to_a_small_reference_goes_on_growing_after_a_change_is_over() -> None:
    rng = np.random.default_rng(2)
    scan = Scan(1, run_length=1_000_000.0, spread=False)
    scan.fit(rng.normal(size=(500, 1)))
    assert scan.update(rng.normal(size=(400, 1)) + 2)
    scan.update(rng.normal(size=(4000, 1)))
    learnt = scan.state()["parts"][0]["whitenings"][0]["learnt"][0]
    scan.update(rng.normal(size=(4000, 1)) + 2)
    scan.update(rng.normal(size=(20_000, 1)))
    assert 3500 < learnt < 5000 <= scan.state()["parts"][0]["whitenings"][0]["learnt"][0] < 8000


@pytest.mark.parametrize("run_length", [5e7, 5e9])
def test_blocks_grow_with_a_run_length_that_is_allowed_before_the_first_row(run_length: float) -> None:
    rng = np.random.default_rng(3)
    reference, values = rng.normal(size=(1000, 1)), rng.normal(size=(20_000, 1)) + levels((10_000, 0.0), (10_000, 1.0))[:, None]
    scans = [Scan(1), Scan(1, run_length=run_length)]
    for scan in scans:
        scan.fit(reference)
    scans[0].allow(np.array([run_length]))
    assert [scan.extrapolated for scan in scans] == [False, False]
    found = scans[0].update(values)
    assert found == scans[1].update(values)
    assert found[0].row >= 10_000


@pytest.mark.parametrize("run_length", [1e8, 1e11, 1e13])
@pytest.mark.parametrize("cut", [1, 777, 5000])
def test_rows_of_a_large_block_may_come_in_pieces_and_be_saved_in_between(run_length: float, cut: int) -> None:
    rng = np.random.default_rng(3)
    values, reference = (
        rng.normal(size=(30_000, 2)) + levels((15_000, 0.0), (15_000, 1.0))[:, np.newaxis],
        rng.normal(size=(2000, 2)),
    )

    def made() -> Scan:
        scan = Scan(2)
        scan.allow(np.full(2, run_length))
        scan.fit(reference)
        return scan

    whole, scan, found = made(), made(), list[Change]()
    expected = whole.update(values)
    for at in range(0, len(values), cut):
        found += scan.update(values[at : at + cut])
        if at // cut % 100 == 3:
            scan, before = made(), scan
            scan.restore(before.state())
    assert found == expected
    assert expected
    assert scan.began(0) == whole.began(0)


def test_a_scan_that_has_begun_keeps_its_blocks_whatever_it_is_allowed_and_wherever_it_goes_on() -> None:
    rng = np.random.default_rng(4)
    reference, values = rng.normal(size=(1000, 1)), rng.normal(size=(9000, 1)) + levels((6000, 0.0), (3000, 1.0))[:, None]
    for first, then in ((1e4, 5e9), (5e8, 1e4)):
        whole, other = Scan(1), Scan(1, run_length=then)
        for scan in (whole, other):
            scan.fit(reference)
        whole.allow(np.array([first]))
        whole.update(values[:5000])
        whole.allow(np.array([then]))
        other.restore(whole.state())
        assert whole.extrapolated == other.extrapolated == (first < then)
        assert whole.update(values[5000:]) == other.update(values[5000:])


def test_thresholds_of_seasons_are_those_of_the_last_fit_however_often_they_are_made() -> None:
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.exponential(60e6, 12_000)).astype(np.int64)
    values = (rng.normal(size=len(times)) + 2 * np.sin(2 * np.pi * times / 86_400e6))[:, np.newaxis]
    scan = Scan(1, run_length=1e4)
    scan.fit(values[:5000], times[:5000])
    scan.update(values[5000:11_001], times[5000:11_001])
    before = scan.statistic, scan.threshold
    scan.allow(np.array([1e4]))
    assert (scan.statistic, scan.threshold) == before


@pytest.mark.parametrize("scale", [1e-323, 1e-315, 1e-308, 1e-300, 1e300, 1.7e308])
def test_numbers_of_any_size_are_survived(scale: float) -> None:
    rng = np.random.default_rng(6)
    for reference in (
        rng.random((1000, 1)) * scale,
        np.where(rng.random((1000, 1)) < 0.5, rng.random((1000, 1)), rng.random((1000, 1)) * scale),
        rng.normal(size=(1000, 1)) * (scale / 10),
    ):
        scan = Scan(1, run_length=1e4)
        scan.fit(reference)
        scan.update(reference[::-1])
        scan.update(np.repeat([[1e308], [-1e308], [1e-320], [0.0], [1.0]], 1000, axis=0))
        assert np.isfinite(scan.statistic).all()


def test_errors_that_become_shares_are_summed_alike_however_they_are_cut() -> None:
    rng = np.random.default_rng(7)
    reference, values = (rng.random((1000, 1)) < 0.3).astype(np.float64), rng.random((3000, 1)) ** 2
    whole, part = Scan(1, run_length=1e4), Scan(1, run_length=1e4)
    whole.fit(reference)
    part.fit(reference)
    found: list[Change] = []
    for rows in np.split(values, [37, 1003, 1900]):
        part = restarted(part, reference)
        found += part.update(rows)
    assert found == whole.update(values)
    one, other = part.state()["parts"][0], whole.state()["parts"][0]
    assert (one["whitenings"][0]["lagged"] == other["whitenings"][0]["lagged"]).all()
    assert (one["scanner"]["windows"]["sums"] == other["scanner"]["windows"]["sums"]).all()


def restarted(scan: Scan, reference: Array) -> Scan:
    again = Scan(reference.shape[1], run_length=1e4)
    again.fit(reference)
    again.restore(scan.state())
    return again


def test_counts_take_the_smallest_change_that_matters_of_each_signal() -> None:
    rng = np.random.default_rng(8)
    reference, values = rng.random((5000, 3)) < 0.3, rng.random((9000, 3)) < levels((4000, 0.3), (5000, 0.4))[:, np.newaxis]

    def found(min_effect: float | list[float], signals: slice = slice(None)) -> list[Change]:
        known = reference[:, signals].astype(np.float64)
        counts = Counts(known.shape[1], min_effect=min_effect)
        counts.fit(known)
        return counts.update(values[:, signals].astype(np.float64))

    each = found([0.0, 0.05, 0.2])
    assert {change.signal for change in each} == {0, 1}
    for signal, effect in enumerate((0.0, 0.05, 0.2)):
        alone = found(effect, slice(signal, signal + 1))
        assert [change._replace(signal=signal) for change in alone] == [c for c in each if c.signal == signal]
    with pytest.raises(ValueError, match="min_effect must be one for all signals or one of each"):
        found([0.1, 0.2])
    with pytest.raises(ValueError, match="min_effect must lie in"):
        found([0.1, 0.2, 1.0])


def test_the_horizon_is_that_of_a_signal_however_many_channels_share_it() -> None:
    reference = np.random.default_rng(9).normal(size=(1000, 1))
    thresholds = []
    for run_length, spread in ((1e5, True), (2e5, False), (1e5, False)):
        scan = Scan(1, run_length=run_length, spread=spread)
        scan.fit(reference)
        thresholds.append(scan.update(np.full((64, 1), 3.0))[0].threshold)
    assert thresholds[2] < thresholds[0] < thresholds[1]


def test_a_season_that_is_fitted_again_does_not_take_a_lasting_shift_with_it() -> None:
    rng = np.random.default_rng(10)
    times = np.arange(12_000) * 60_000_000
    values = (rng.normal(size=12_000) + np.sin(2 * np.pi * times / 86_400e6) + levels((5000, 0.0), (7000, 0.2)))[:, np.newaxis]
    scan = Scan(1, run_length=1e12, spread=False)
    scan.fit(values[:5000], times[:5000])
    means = []
    for rows in (0, 7000):
        scan.update(values[5000 : 5000 + rows], times[5000 : 5000 + rows])
        season = scan.state()["parts"][0]["whitenings"][0]["season"]
        assert season["regressors"].tolist() == [6]
        means.append(season["beta"][0, 0] / 1024**2)
    assert means[0] == pytest.approx(means[1], abs=0.001)


@pytest.mark.parametrize(
    ("a_day", "rows", "reference", "business"),
    [
        (15, 500, 125, False),
        (60, 500, 125, True),
        (60, 2_000, 1_000, True),
        (400, 3_000, 1_000, True),
        (2_000, 15_000, 5_000, True),
    ],
)
def test_a_daily_rhythm_of_rows_that_come_unevenly_is_no_change(a_day: int, rows: int, reference: int, business: bool) -> None:
    alarms = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        days = np.sort(rng.random(rows) * rows / a_day)
        if business:  # from nine to five
            days = np.sort(np.floor(days) + (9 + 8 * rng.random(rows)) / 24)
        values = (rng.beta(2, 3, rows) * 0.7 + 0.1 * np.sin(2 * np.pi * days))[:, np.newaxis]
        times = (days * 86_400e6).astype(np.int64)
        scan = Scan(1, run_length=100.0 * rows, min_effect=0.1)
        scan.fit(values[:reference], times[:reference])
        alarms += bool(scan.update(values[reference:], times[reference:]))
    assert alarms <= 1


@pytest.mark.parametrize(("a_day", "rows", "reference", "wave"), [(500, 7_000, 1_000, 0.05), (2_000, 30_000, 5_000, 0.1)])
def test_a_daily_rhythm_of_errors_is_no_change_and_a_shift_on_top_of_it_is(
    a_day: int, rows: int, reference: int, wave: float
) -> None:
    def found(seed: int, shift: float) -> list[Change]:
        rng = np.random.default_rng(seed)
        days = np.sort(rng.random(rows) * rows / a_day)
        rates = 0.12 + wave * np.sin(2 * np.pi * days) + shift * (np.arange(rows) >= rows // 2)
        errors, times = (rng.random((rows, 1)) < rates[:, np.newaxis]).astype(float), (days * 86_400e6).astype(np.int64)
        scan = Scan(1, run_length=100.0 * rows, min_effect=0.01)
        scan.fit(errors[:reference], times[:reference])
        return [*scan.update(errors[reference:], times[reference:])]

    assert sum(bool(found(seed, 0.0)) for seed in range(4)) <= 1
    for seed in range(3):
        assert rows // 2 - reference < found(seed, 0.1)[0].row < rows // 2 - reference + 800


@pytest.mark.parametrize("rate", [False, True])
def test_a_rhythm_is_learnt_though_its_reference_was_of_some_hours(rate: bool) -> None:
    def alarms(daily: float, weekly: float, shift: float) -> list[float]:
        rng = np.random.default_rng(0)
        days = np.sort(rng.random(80_000) * 20)
        means = daily * np.sin(2 * np.pi * days) + weekly * np.sin(2 * np.pi * days / 7) + shift * (days > 18)
        values = (rng.random(80_000) < 0.2 + 0.2 * means).astype(float) if rate else rng.normal(size=80_000) + means
        scan = Scan(1, run_length=1e7, min_effect=0.05)
        times = (days * 86_400e6).astype(np.int64)
        scan.fit(values[:2_000, np.newaxis], times[:2_000])
        return [float(days[2_000 + change.row]) for change in scan.update(values[2_000:, np.newaxis], times[2_000:])]

    daily, weekly, shifted, no_rhythm = alarms(0.4, 0, 0), alarms(0.4, 0.4, 0), alarms(0.4, 0, 0.6), alarms(0, 0, 0.6)
    assert 0 < max(daily) < 2.7
    assert max(weekly) < 17
    assert 18 < min(day for day in shifted if day > 2.7) < 18.5
    assert max(no_rhythm) > 18


def in_bursts(seed: int, rows: int, length: int = 20, share: float = 0.01) -> Array:
    """Normal values, some of which are followed by others that are identical."""
    rng = np.random.default_rng(seed)
    lengths = np.where(rng.random(rows) < share, length, 1)
    return np.repeat(rng.normal(size=rows), lengths)[:rows]


@pytest.mark.parametrize("seed", range(3))
def test_bursts_of_identical_rows_are_no_change_where_the_reference_has_them(seed: int) -> None:
    values, used_to_them = in_bursts(seed, 40_000), in_bursts(seed + 100, 2_000)
    assert changes(values, np.random.default_rng(seed).normal(size=2_000))
    assert not changes(values, used_to_them)
    shifted = np.concatenate((values, in_bursts(seed + 200, 10_000) + 0.5))
    assert changes(shifted, used_to_them)[0].row < 41_500


@pytest.mark.parametrize("seed", range(3))
def test_a_shift_of_values_that_stay_for_a_while_is_found_if_it_matters(seed: int) -> None:
    def found(shift: float) -> list[Change]:
        scan = Scan(1, run_length=100_000.0, min_effect=0.4)
        scan.fit(in_bursts(seed, 5_000, 5, 1.0)[:, np.newaxis])
        return scan.update(in_bursts(seed + 100, 20_000, 5, 1.0)[:, np.newaxis] + shift)

    assert not found(0.2)
    assert found(1.0)[0].row < 6_000


@pytest.mark.parametrize("cut", [1, 7])
def test_a_burst_may_be_cut_and_saved_in_the_middle(cut: int) -> None:
    values = np.concatenate((in_bursts(5, 2_000), in_bursts(6, 2_000) + 1.0))[:, np.newaxis] * (1.0, np.nan, 2.0)
    reference = np.column_stack((in_bursts(7, 1_000), in_bursts(8, 1_000), np.random.default_rng(9).normal(size=1_000)))

    def made() -> Scan:
        scan = Scan(3, run_length=10_000.0)
        scan.fit(reference)
        return scan

    scan, found = made(), list[Change]()
    for number, at in enumerate(range(0, len(values), cut)):
        found += scan.update(values[at : at + cut])
        if number % 5 == 0:
            scan, before = made(), scan
            scan.restore(before.state())
    assert found == made().update(values)
    assert {change.signal for change in found} == {0, 2}


def test_values_that_are_often_equal_by_chance_are_in_no_bursts() -> None:
    rng = np.random.default_rng(1)
    columns = (rng.poisson(2, 3_000), rng.normal(size=3_000).round(1), np.zeros(3_000), rng.random(3_000) < 0.1)
    assert not len(Repeats(np.column_stack(columns).astype(np.float64)).signals)
    assert Repeats(in_bursts(1, 1_000, 5)[:, np.newaxis]).signals.tolist() == [0]


@pytest.mark.parametrize("gone", [0.1, 0.45])
@pytest.mark.parametrize("stretch", [1, 50])
def test_what_is_missing_changes_no_promise(gone: float, stretch: int) -> None:
    rng = np.random.default_rng([stretch, round(100 * gone)])
    values = rng.normal(size=(24_000, 30))
    holes = np.repeat(rng.random((24_000 // stretch, 30)) < gone, stretch, axis=0)
    values[4_000:][holes[4_000:]] = np.nan  # none are missing in the reference
    scan = Scan(30, run_length=10_000.0)
    scan.fit(values[:4_000])
    first = np.full(30, 20_000)
    for change in scan.update(values[4_000:]):
        first[change.signal] = min(first[change.signal], change.row)
    assert 5_000 < first.sum() / max((first < 20_000).sum(), 1) < 25_000


def test_a_shift_matters_as_much_where_values_are_missing() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(24_000, 2))
    values[4_000:, 0] += 0.45
    values[4_000:, 1] += 0.1
    values[rng.random(values.shape) < 0.4] = np.nan
    scan = Scan(2, run_length=1e6, min_effect=0.25)
    scan.fit(values[:4_000])
    assert {change.signal for change in scan.update(values[4_000:])} == {0}


@pytest.mark.parametrize("rate", [0.0005, 0.002])
def test_a_reference_without_an_error_is_no_reason_to_alarm_at_every_error(rate: float) -> None:
    rng = np.random.default_rng(2)
    scan = Scan(20, run_length=1e6)
    scan.fit(np.zeros((1_000, 20)))
    assert len(scan.update((rng.random((20_000, 20)) < rate).astype(np.float64))) <= 2
    assert {change.signal for change in scan.update((rng.random((2_000, 20)) < 0.05).astype(np.float64))} == set(range(20))


def test_a_signal_that_stands_still_for_longer_than_ever_is_seen() -> None:
    stuck = np.concatenate((in_bursts(3, 5_000), np.full(5_000, 2.5)))
    found = changes(stuck, in_bursts(4, 5_000))
    assert found
    assert 5_000 <= found[0].row < 5_200


@pytest.mark.parametrize("offset", range(8))
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_the_interval_holds_where_it_began_wherever_that_is(offset: int, shift: float) -> None:
    rng = np.random.default_rng(offset)
    values = rng.normal(size=(2_000, 40))
    values[1_000 + offset :] += shift
    scan = Scan(40, run_length=1e6)
    scan.fit(rng.normal(size=(5_000, 40)))
    found = {change.signal: change for change in reversed(scan.update(values))}
    assert sum(change.earliest <= 1_000 + offset <= change.latest for change in found.values()) >= 36


@pytest.mark.parametrize("seed", range(5))
def test_amounts_that_are_mostly_zero_and_come_twice_as_often_are_found_by_their_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    often = levels((8000, 0.05), (8000, 0.1))
    values = np.where(rng.random(len(often)) < often, rng.uniform(10, 30, len(often)), 0.0)  # .22 sd of the reference more
    scan = Scan(1, run_length=1_000_000.0, min_effect=0.1)
    scan.fit(values[:2000, np.newaxis])
    found = scan.update(values[2000:, np.newaxis])
    assert (found[0].direction, found[0].moved) == ("up", "mean")
    assert 6000 < found[0].row < 13_000


@pytest.mark.parametrize(("zeros", "times", "within"), [(0.7, 2.0, 5_000), (0.9, 4.0, 8_000), (0.95, 0.1, 12_000)])
def test_amounts_that_are_mostly_zero_and_change_are_found_though_they_come_as_often(
    zeros: float, times: float, within: int
) -> None:
    rng = np.random.default_rng(1)
    values = np.where(rng.random((15_000, 4)) < zeros, 0.0, rng.lognormal(3, 1, (15_000, 4)))
    values[3000:] *= times
    scan = Scan(4, run_length=4_000_000.0, min_effect=0.1)
    scan.fit(values[:3000])
    found = {change.signal: change for change in reversed(scan.update(values[3000:]))}
    assert len(found) == 4
    assert {(change.direction, change.moved) for change in found.values()} == {("up" if times > 1 else "down", "mean")}
    assert all(change.row < within and change.n_reference <= 3000 + change.row for change in found.values())


def test_amounts_that_are_mostly_zero_keep_the_promise() -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random((11_000, 60)) < 0.1, rng.lognormal(3, 1, (11_000, 60)), 0.0)
    scan = Scan(60, run_length=20_000.0)
    scan.fit(values[:1000])
    alarmed = {change.signal for change in scan.update(values[1000:])}
    assert len(alarmed) < 60 * 0.6  # 24 are due
