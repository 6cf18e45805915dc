"""Silence is surprising where something usually comes, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise, product

import numpy as np
import pytest

from stream_monitor.config.duration import parse
from stream_monitor.config.quality import NoData, Quality
from stream_monitor.joining.clock import FAR
from stream_monitor.quality.checks import Checks, Kind
from stream_monitor.quality.hours import HOUR
from stream_monitor.quality.issue import Issue
from stream_monitor.quality.rhythm import Rhythm
from stream_monitor.watching.group import Group, Terms
from tests.quality.columns import Floats

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * HOUR
MONDAY = 1_767_571_200 * SECOND
"""2026-01-05T00:00:00Z."""
Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


def rhythm(limit: str | None = None, learns: bool = True) -> Rhythm:
    return Rhythm("shop", "predictions", parse(limit) if limit else None, learns, "critical")


def poisson(rng: np.random.Generator, days: float, per_hour: Floats | float, start: int = MONDAY) -> Ints:
    """Times over some days, at a rate or at one for each hour of the day."""
    rates = np.broadcast_to(per_hour, 24)
    times = [
        start + hour * HOUR + np.sort(rng.integers(0, HOUR, rng.poisson(rates[hour % 24]))) for hour in range(int(days * 24))
    ]
    return np.concatenate(times).astype(np.int64)


def course(one: Rhythm, times: Ints, until: int, cut: int = 500) -> list[tuple[str, int]]:
    """The steps and when, if silence is looked at whenever it may be surprising, as between rows."""
    steps: list[tuple[str, int]] = []

    def note(issue: Issue | None, at: int) -> None:
        if issue is not None:
            steps.append((issue.step, at))

    one.begin(int(times[0]))
    for start in range(0, len(times), cut):
        block = times[start : start + cut]
        at = 0
        while at < len(block):
            if one.due() <= block[at]:
                due = one.due()
                note(one.silence(due), due)
                continue
            taken = max(1, int(np.searchsorted(block[at:], one.due())))
            note(one.see(block[at : at + taken]), int(block[at]))
            at += taken
    while one.due() <= until:
        due = one.due()
        note(one.silence(due), due)
    return steps


def test_a_stream_of_ten_a_second_that_dies_at_noon_is_noticed_within_minutes() -> None:
    rng = np.random.default_rng(1)
    one = rhythm()
    noon = MONDAY + 3 * DAY + 12 * HOUR
    times = poisson(rng, 4, 36_000.0)
    assert course(one, times[times < noon], noon + 4 * MINUTE) == []
    due = noon + 6 * MINUTE
    issue = one.silence(due)
    assert issue is not None
    assert (issue.name, issue.step, issue.feature, issue.severity) == ("NoData", "opened", "predictions", "critical")
    assert issue.summary.startswith("no predictions of shop for 5m, since 2026-01-08T11:59:59")
    assert issue.summary.endswith("are usual in that time")
    assert one.silence(due + HOUR) is None
    assert one.due() == FAR
    again = one.see(np.array([noon + 2 * HOUR]))
    assert again is not None
    assert again.step == "resolved"


def test_nothing_is_surprising_before_three_days() -> None:
    rng = np.random.default_rng(2)
    times = poisson(rng, 2.5, 3_600.0)
    assert course(rhythm(), times, MONDAY + 6 * DAY) == []


def by_day(rng: np.random.Generator, days: int, weekends: bool) -> Ints:
    """Four weeks and more of a stream that sleeps at night, wakes up and goes to bed at other minutes each day."""
    parts = []
    for day in range(days):
        if weekends or day % 7 < 5:
            begin, end = (np.array([6.1, 21.5]) + rng.uniform(-0.5, 0.5, 2)) * HOUR
            hours = np.sort(rng.uniform(begin, end, rng.poisson(200 * 15)))
            parts.append(MONDAY + day * DAY + hours.astype(np.int64))
    return np.concatenate(parts)


@pytest.mark.parametrize("weekends", [True, False])
@pytest.mark.parametrize("first", [0, 2, 4, 5])
def test_a_stream_that_sleeps_at_night_or_at_the_weekend_never_alarms(weekends: bool, first: int) -> None:
    times = by_day(np.random.default_rng(3), 40, weekends)
    assert course(rhythm(), times[times >= MONDAY + first * DAY], int(times[-1]) + 8 * HOUR) == []


@pytest.mark.parametrize("per_hour", [2.5, 12.0, 80.0])
@pytest.mark.parametrize("weekend", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("first", [0, 2])
def test_the_first_quiet_weekend_of_what_comes_all_day_is_no_surprise(per_hour: float, weekend: float, first: int) -> None:
    rng = np.random.default_rng(22)
    days = [poisson(rng, 1, per_hour * (weekend if day % 7 > 4 else 1), MONDAY + day * DAY) for day in range(first, 15)]
    times = np.concatenate(days)
    assert course(rhythm(), times, int(times[-1])) == []


@pytest.mark.parametrize("zone", [9, -8])
@pytest.mark.parametrize("first", [0, 1])
def test_the_first_weekend_is_no_surprise_in_any_time_zone(zone: int, first: int) -> None:
    times = poisson(np.random.default_rng(24), 15, 30.0)
    local = (times - MONDAY + zone * HOUR) % (7 * DAY)
    times = times[(local < 5 * DAY) & (times >= MONDAY + first * DAY)]
    assert course(rhythm(), times, int(times[-1])) == []


@pytest.mark.parametrize(("first", "noon"), [(0, False), (1, True)])
def test_what_stops_on_the_first_friday_afternoon_is_missed_on_monday(first: int, noon: bool) -> None:
    times = poisson(np.random.default_rng(25), 4.6 - first, 120.0, MONDAY + first * DAY)
    ((_, at),) = course(rhythm(), times, MONDAY + 8 * DAY)
    assert MONDAY + 7 * DAY + 12 * HOUR * noon < at < MONDAY + 7 * DAY + 12 * HOUR * noon + 3 * HOUR


@pytest.mark.parametrize("days", [5, 5.5, 6.5])
def test_what_stops_on_the_first_weekend_is_missed_on_monday_morning(days: float) -> None:
    times = poisson(np.random.default_rng(23), days, 12.0)
    ((_, at),) = course(rhythm(), times, MONDAY + 8 * DAY)
    assert MONDAY + 7 * DAY < at < MONDAY + 7 * DAY + 5 * HOUR


def test_a_stream_that_sleeps_at_night_and_stops_by_day_alarms_by_day() -> None:
    times = by_day(np.random.default_rng(4), 20, True)
    noon = MONDAY + 19 * DAY + 12 * HOUR
    ((step, at),) = course(rhythm(), times[times < noon], noon + DAY)
    assert step == "opened"
    assert noon + 4 * MINUTE < at < noon + 2 * HOUR


def test_a_stream_that_does_not_wake_up_alarms_in_the_morning() -> None:
    times = by_day(np.random.default_rng(5), 20, True)
    ((_, at),) = course(rhythm(), times[times < MONDAY + 19 * DAY], MONDAY + 21 * DAY)
    assert MONDAY + 19 * DAY + 7 * HOUR < at < MONDAY + 19 * DAY + 12 * HOUR


@pytest.mark.parametrize("per_hour", [0.5, 3.0, 20.0, 200.0])
def test_chance_is_no_surprise(per_hour: float) -> None:
    rng = np.random.default_rng(6)
    times = poisson(rng, 20, per_hour)
    assert course(rhythm(), times, int(times[-1])) == []


@pytest.mark.parametrize(("per_day", "days"), [*product((50, 100, 240), (3.25, 17, 31)), (30, 17), (30, 31)])
def test_where_few_events_come_some_sixty_that_are_missing_suffice(per_day: int, days: float) -> None:
    times = poisson(np.random.default_rng(16), days, per_day / 24)
    ((step, at),) = course(rhythm(), times, int(times[-1]) + 3 * DAY)
    assert step == "opened"
    assert 25 < (at - int(times[-1])) / DAY * per_day < 60


@pytest.mark.parametrize(("before", "after", "most"), [(42.0, 4.2, 0), (42.0, 1.3, 2), (800.0, 25.0, 2)])
def test_traffic_that_falls_for_good_is_no_silence_again_and_again(before: float, after: float, most: int) -> None:
    rng = np.random.default_rng(18)
    fall = MONDAY + 17 * DAY + 11 * HOUR + 30 * MINUTE
    times = poisson(rng, 18, before)
    times = np.concatenate((times[times < fall], poisson(rng, 5, after, fall)))
    assert len(course(rhythm(), times, int(times[-1]))) <= most


def test_a_stop_after_traffic_fell_is_noticed_by_what_comes_since() -> None:
    rng = np.random.default_rng(24)
    fall = MONDAY + 30 * DAY + 12 * HOUR
    times = np.concatenate((poisson(rng, 30.5, 200.0), poisson(rng, 0.25, 40.0, fall)))
    ((_, at),) = course(rhythm(), times, int(times[-1]) + DAY)
    assert HOUR / 3 < at - int(times[-1]) < 2 * HOUR


def clumps(rng: np.random.Generator, days: int, per_day: int, size: int) -> Ints:
    """Clumps of a geometric size, of events some twenty seconds apart."""
    starts = rng.uniform(0, days * DAY, rng.poisson(per_day * days / size))
    sizes = rng.geometric(1 / size, len(starts))
    return MONDAY + np.sort(np.repeat(starts, sizes) + rng.exponential(20 * SECOND, sizes.sum())).astype(np.int64)


@pytest.mark.parametrize(("per_day", "size", "seed"), [(1_000, 8, 0), (2_000, 20, 5)])
def test_clumps_at_random_are_no_surprise_and_their_end_is(per_day: int, size: int, seed: int) -> None:
    times = clumps(np.random.default_rng(seed), 60, per_day, size)
    ((_, at),) = course(rhythm(), times, int(times[-1]) + 2 * DAY)
    assert at - int(times[-1]) < DAY


def test_it_says_what_such_hours_have_on_average() -> None:
    times = poisson(np.random.default_rng(17), 31, 2.0)
    one = rhythm()
    one.see(times)
    assert one.silence(one.due()) is None
    issue = one.silence(due := one.due())
    assert issue is not None
    assert issue.before == pytest.approx(2.0 * (due - int(times[-1])) / HOUR, rel=0.15)
    assert issue.summary.endswith(f"; about {issue.before:.0f} are usual in that time")


def test_a_silent_night_of_a_stream_that_only_thins_out_then_is_noticed_before_the_morning() -> None:
    per_hour = 62.5 * (0.1 + 0.9 * (np.sin(2 * np.pi * (np.arange(24) - 9) / 24) + 1) / 2)
    times = poisson(np.random.default_rng(18), 17, per_hour)
    ((_, at),) = course(rhythm(), times, MONDAY + 18 * DAY)
    assert at < MONDAY + 17 * DAY + 8 * HOUR


@pytest.mark.parametrize("per_day", [10, 40, 150])
def test_days_and_hours_with_few_events_are_no_surprise(per_day: int) -> None:
    """Office hours on weekdays but Thursdays, up to half an hour off, and from the sixth week an hour later."""
    rng = np.random.default_rng(19)
    parts = []
    for day in range(50):
        if day % 7 not in (3, 5, 6):
            begin, end = (np.array([8.0, 18.0]) + rng.uniform(-0.5, 0.5, 2) + (day >= 35)) * HOUR
            parts.append(MONDAY + day * DAY + np.sort(rng.uniform(begin, end, rng.poisson(per_day))).astype(np.int64))
    times = np.concatenate(parts)
    assert course(rhythm(), times, int(times[-1])) == []


def test_an_outage_where_few_events_come_is_left_aside_once_there_are_four_weeks() -> None:
    times = poisson(np.random.default_rng(20), 40, 2.0)
    times = times[(times < MONDAY + 20 * DAY) | (times > MONDAY + 22 * DAY)]
    steps = course(rhythm(), times, int(times[-1]) + 2 * DAY)
    assert [step for step, _ in steps] == ["opened", "resolved", "opened"]
    assert steps[2][1] - int(times[-1]) < 30 * HOUR


def test_bursts_at_a_usual_distance_are_no_surprise_and_their_end_is() -> None:
    rng = np.random.default_rng(7)
    starts = MONDAY + np.arange(0, 14 * DAY, 15 * MINUTE) + rng.integers(0, MINUTE, 14 * 96)
    times = (starts[:, np.newaxis] + np.arange(500) * 1_000).ravel()
    one = rhythm()
    steps = course(one, times, int(times[-1]) + 6 * HOUR)
    assert [step for step, _ in steps] == ["opened"]
    assert 30 * MINUTE < steps[0][1] - int(times[-1]) < 2 * HOUR


def jobs(rng: np.random.Generator, days: int, jitter: float, missing: Iterable[int] = (), weekends: bool = True) -> Ints:
    """A hundred events within five minutes each day, from two in the morning or up to so many hours later on."""
    parts = []
    for day in range(days):
        if day not in missing and (weekends or day % 7 < 5):
            begin = MONDAY + day * DAY + (2 + rng.uniform(0, jitter)) * HOUR
            parts.append((begin + np.sort(rng.uniform(0, 5 * MINUTE, 100))).astype(np.int64))
    return np.concatenate(parts)


@pytest.mark.parametrize(("jitter", "weekends", "missing"), [(0, True, 22), (1, True, 27), (3, False, 29), (1, False, 11)])
def test_a_batch_that_does_not_come_is_missed_two_hours_after_it_should_have_ended(
    jitter: float, weekends: bool, missing: int
) -> None:
    times = jobs(np.random.default_rng(13), 33, jitter, (missing,), weekends)
    (opened, at), (resolved, _) = course(rhythm(), times, int(times[-1]), 10)
    assert (opened, resolved) == ("opened", "resolved")
    due = MONDAY + missing * DAY + 4 * HOUR
    assert due < at <= due + (jitter + 1) * HOUR


@pytest.mark.parametrize("jitter", [0, 1, 3])
@pytest.mark.parametrize("weekends", [True, False])
def test_batches_that_begin_at_other_times_are_no_surprise(jitter: float, weekends: bool) -> None:
    rng = np.random.default_rng(14)
    times = jobs(rng, 60, jitter, weekends=weekends)
    assert course(rhythm(), times, int(times[-1]), 10) == []
    for shift in (-HOUR, HOUR):
        moved = np.where(times < MONDAY + 30 * DAY, times, times + shift)
        assert course(rhythm(), moved, int(times[-1]) - HOUR, 10) == []


def test_a_batch_a_day_is_known_after_a_week_on_weekends_too_and_one_that_is_missed_is_counted_once() -> None:
    times = jobs(np.random.default_rng(26), 12, 0)
    ((_, at),) = course(rhythm(), times, MONDAY + 12 * DAY + 6 * HOUR, 10)
    assert MONDAY + 12 * DAY + 4 * HOUR < at <= MONDAY + 12 * DAY + 5 * HOUR
    (at,) = [at for _, at in course(rhythm(), times[: 9 * 100], MONDAY + 10 * DAY, 10)]
    assert at < MONDAY + 9 * DAY + 6 * HOUR
    again = rhythm()
    again.see(times)
    again.silence(again.due())
    issue = again.silence(again.due())
    assert issue is not None
    assert issue.before == 100


@pytest.mark.parametrize("off", range(7))
def test_the_day_off_of_a_daily_batch_is_no_surprise(off: int) -> None:
    times = jobs(np.random.default_rng(27), 22, 1, range(off, 22, 7))
    assert course(rhythm(), times, int(times[-1]), 10) == []


def test_what_comes_at_random_hours_is_no_batch() -> None:
    rng = np.random.default_rng(15)
    for per_day in (1, 5):
        begin = np.sort(rng.uniform(0, 60 * DAY, 60 * per_day))
        times = np.sort((MONDAY + begin[:, np.newaxis] + np.arange(100) * SECOND).ravel()).astype(np.int64)
        assert course(rhythm(), times, int(times[-1]), 10) == []


def test_one_outage_does_not_make_the_next_one_usual() -> None:
    rng = np.random.default_rng(8)
    times = poisson(rng, 40, 600.0)
    for day in (30, 37):
        times = times[(times < MONDAY + day * DAY + 10 * HOUR) | (times > MONDAY + day * DAY + 13 * HOUR)]
    steps = course(rhythm(), times, int(times[-1]))
    assert [step for step, _ in steps] == ["opened", "resolved"] * 2
    assert steps[2][1] - (MONDAY + 37 * DAY + 10 * HOUR) < 10 * MINUTE


def without(times: Ints, *outages: tuple[float, float]) -> Ints:
    """Those of other days since Monday than some first and last ones."""
    for first, last in outages:
        times = times[(times < MONDAY + first * DAY) | (times > MONDAY + last * DAY)]
    return times


def office(rng: np.random.Generator, days: int, per_hour: float) -> Ints:
    """Most by day, a sixth at night, a third at weekends."""
    rates = per_hour * np.where((np.arange(24) >= 8) & (np.arange(24) < 20), 1, 1 / 6)
    parts = [poisson(rng, 1, rates * (0.35 if day % 7 > 4 else 1), MONDAY + day * DAY) for day in range(days)]
    return np.concatenate(parts)


def opened_after(times: Ints, *outages: tuple[float, float]) -> list[float]:
    """Hours after which each of the outages was said, if nothing else was."""
    left = without(times, *outages)
    said = [at for step, at in course(rhythm(), left, int(left[-1]), 50) if step == "opened"]
    return [(at - MONDAY) / HOUR - first * 24 for at, (first, _) in zip(said, outages, strict=True)]


@pytest.mark.parametrize("outages", [((16.4, 17.0), (21.4, 22.0)), ((7.5, 8.5), (10.4, 11.0), (17.4, 18.0))])
def test_in_the_first_four_weeks_one_outage_does_not_hide_the_next_on_another_day(
    outages: tuple[tuple[float, float], ...],
) -> None:
    assert all(hours < 3 for hours in opened_after(office(np.random.default_rng(31), 28, 30.0), *outages))


def test_in_the_first_week_of_what_comes_all_day_one_outage_does_not_hide_the_next() -> None:
    first, second = opened_after(poisson(np.random.default_rng(32), 5, 60.0), (3.25, 3.5), (4.36, 4.5))
    assert max(first, second) < 2


def test_an_outage_of_the_first_days_that_could_not_be_said_does_not_hide_the_next() -> None:
    rates = 45 * (1 + 0.4 * np.cos(2 * np.pi * (np.arange(24) - 14) / 24))
    times = poisson(np.random.default_rng(60), 19, rates)
    later = without(times, (1 + 9 / 24, 1 + 12 / 24))
    assert max(opened_after(later, *((day + 9 / 24, day + 12 / 24) for day in (9, 11, 17)))) < 1.5


def test_an_outage_where_few_events_come_does_not_hide_a_longer_one_before_four_weeks_are_over() -> None:
    times = poisson(np.random.default_rng(33), 27, 2.0)
    assert max(opened_after(times, (15.0, 16.5), (24.0, 26.0))) < 30


def test_a_batch_that_was_missed_does_not_hide_the_next_one_that_is() -> None:
    times = jobs(np.random.default_rng(34), 14, 1, (9, 11))
    assert [step for step, _ in course(rhythm(), times, int(times[-1]), 10)] == ["opened", "resolved"] * 2


@pytest.mark.parametrize("per_hour", [3.0, 30.0])
@pytest.mark.parametrize("off", [(3,), (4, 5), (3, 5, 6)])
def test_days_off_that_were_said_are_usual_the_week_after(per_hour: float, off: tuple[int, ...]) -> None:
    times = poisson(np.random.default_rng(35), 35, per_hour)
    day = (times - MONDAY) // DAY
    times = times[~np.isin(day % 7, off) & (day > off[0])]
    said = [at for step, at in course(rhythm(), times, int(times[-1])) if step == "opened"]
    assert all(at < MONDAY + (off[0] + 9) * DAY for at in said)
    assert len(said) <= 1


def test_outages_on_day_after_day_are_usual_after_some() -> None:
    times = office(np.random.default_rng(36), 28, 30.0)
    outages = [(day + 0.4, day + 0.8) for day in (8, 10, 14, 16, 18, 22, 24)]
    left = without(times, *outages)
    said = [at for step, at in course(rhythm(), left, int(left[-1]), 50) if step == "opened"]
    assert len(said) == 3


@pytest.mark.parametrize("seed", [37, 38])
def test_an_outage_of_predictions_does_not_hide_one_of_labels(seed: int) -> None:
    """Labels take an hour on average; there is nothing of either for a while, and days later only of labels."""
    rng = np.random.default_rng(seed)
    made = without(office(rng, 23, 30.0), (16.4, 17.0))
    came = without(np.sort(made + (rng.exponential(1.0, len(made)) * HOUR).astype(np.int64)), (21.4, 22.4))
    checks, nothing = (Checks("shop", Quality(), NoData(), lambda _, number: str(number)) for _ in range(2))
    group = Group("feature", Terms(600, {"numbers": {}, "categories": {}}, 100))
    kinds: dict[Kind, Ints] = {"predictions": made, "labels": came}
    said = []
    for begin, end in pairwise([0, *range(16 * DAY, 23 * DAY, 10 * MINUTE)]):
        if begin:
            said += [(issue.step, issue.feature, begin) for issue in checks.silence(MONDAY + begin)]
        for kind, times in kinds.items():
            some = times[(times >= MONDAY + begin) & (times < MONDAY + end)]
            said += [(issue.step, issue.feature, begin) for issue in checks.rows(kind, [], some, 5 * HOUR)]
        if begin % DAY == 0:
            nothing.restore(checks.state(), group)
            checks, nothing = nothing, checks
    assert [(step, kind) for step, kind, _ in said] == [
        (s, k) for k in ("predictions", "labels") for s in ("opened", "resolved")
    ]
    assert said[2][2] < 21.4 * DAY + 3 * HOUR


@pytest.mark.parametrize(("per_hour", "days"), [(54, 4), (27, 5), (27, 12), (200, 5)])
def test_what_ebbs_away_in_an_outage_is_not_usual(per_hour: int, days: int) -> None:
    """Labels that come two hours after their prediction on average, until there are none for new ones."""
    rng = np.random.default_rng(12)
    start = MONDAY - 2 * DAY
    made = poisson(rng, days, per_hour, start)
    times = np.sort(made + (rng.exponential(2.0, len(made)) * HOUR).astype(np.int64))
    steps = course(rhythm(), times, int(times[-1]) + 2 * DAY)
    assert len(steps) <= 5
    assert steps[0][1] > start + days * DAY
    assert steps[-1][0] == "opened"
    assert steps[-1][1] - int(times[-1]) < 14 * HOUR


def test_a_fixed_limit_needs_no_learning_and_counts_from_the_beginning() -> None:
    one = rhythm("15m")
    one.begin(MONDAY)
    assert one.due() == MONDAY + 15 * MINUTE
    one.begin(MONDAY + MINUTE)
    one.see(np.array([MONDAY + 10 * MINUTE]))
    assert one.due() == MONDAY + 25 * MINUTE
    assert one.silence(MONDAY + 25 * MINUTE - 1) is None
    issue = one.silence(MONDAY + 40 * MINUTE)
    assert issue is not None
    assert issue.summary == "no predictions of shop for 15m, since 2026-01-05T00:10:00.000Z"


def test_without_a_limit_and_without_learning_silence_is_never_surprising() -> None:
    times = poisson(np.random.default_rng(9), 10, 3_600.0)
    assert course(rhythm(learns=False), times, MONDAY + 100 * DAY) == []


def test_a_leap_of_the_clock_over_years_is_quick() -> None:
    one = rhythm()
    one.see(np.array([0, 10 * HOUR, MONDAY, MONDAY + HOUR]))
    assert one.silence(one.due()) is None
    assert one.due() == FAR


@pytest.mark.parametrize("per_hour", [0.5, 2.0, 9.0, 40.0])
def test_silence_is_asked_for_before_it_is_surprising(per_hour: float) -> None:
    rng = np.random.default_rng(19)
    times = poisson(rng, 24, per_hour)
    for rows in np.sort(rng.integers(1, len(times), 20)):
        one = rhythm()
        one.see(times[:rows])
        asked = one.due()
        assert one.silence(asked) is None
        assert one.due() > asked > times[rows - 1]


def places(times: Ints, cuts: Iterable[int]) -> list[int]:
    return sorted({0, len(times), *cuts})


def test_any_cut_and_any_restart_give_the_same() -> None:
    rng = np.random.default_rng(10)
    times = by_day(rng, 20, True)
    whole = rhythm()
    whole.see(times)
    cut = rhythm()
    at = places(times, rng.integers(0, len(times), 300).tolist())
    for start, stop in pairwise(at):
        cut.due()
        cut.see(times[start:stop])
        saved, cut = cut.state(), rhythm()
        cut.restore(saved)
    assert repr(cut.state()) == repr(whole.state())
    assert (cut.state()["hours"]["events"] == whole.state()["hours"]["events"]).all()
    assert cut.silence(MONDAY + 30 * DAY) == whole.silence(MONDAY + 30 * DAY)
    assert sum(whole.state()["hours"][name].nbytes for name in ("events", "stretches")) < 6_000


@pytest.mark.parametrize("cut", [3, 30])
def test_steps_do_not_depend_on_how_rows_are_cut(cut: int) -> None:
    times = by_day(np.random.default_rng(11), 24, True)[::20]
    noon = MONDAY + 20 * DAY + 12 * HOUR
    times = times[(times < noon) | (times > noon + 5 * HOUR)]
    until = int(times[-1]) + 3 * DAY
    assert course(rhythm(), times, until, cut) == course(rhythm(), times, until, 100)
    assert len(course(rhythm(), times, until, cut)) >= 2
