"""A partition that stands still while others go on is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream_monitor.blocks import Progress
from stream_monitor.config.quality import NoData
from stream_monitor.quality.inputs import Inputs
from stream_monitor.quality.issue import Issue
from tests.quality.columns import said

MINUTE = 60_000_000


def went_on(inputs: Inputs, rng: np.random.Generator, minutes: range, partitions: list[int], each: int = 200) -> list[Issue]:
    """What is said while some partitions have rows, by the progress at each minute's end."""
    issues: list[Issue] = []
    for minute in minutes:
        for _ in range(4):
            for partition in rng.permutation(partitions).tolist():
                inputs.see("p", partition, int(rng.poisson(each / 4)), minute * MINUTE)
        issues += look(inputs, minute)
    return issues


def look(inputs: Inputs, minute: float, behind: Sequence[int] | None = None) -> list[Issue]:
    """Tells that a minute is over, and if need be which of three partitions are not read to their ends."""
    entries = [] if behind is None else [Progress("p", number, 0, number not in behind) for number in range(3)]
    return inputs.read(entries, int(minute * MINUTE), int(minute * MINUTE))


def test_a_partition_that_stands_still_while_others_go_on_is_named_and_taken_back() -> None:
    rng, inputs = np.random.default_rng(1), Inputs("shop", NoData())
    assert went_on(inputs, rng, range(60), [0, 1, 2]) == []
    assert went_on(inputs, rng, range(60, 64), [0, 1]) == []
    (issue,) = went_on(inputs, rng, range(64, 65), [0, 1])
    assert said([issue]) == [("StalledInput", "opened", "p-2")]
    assert issue.summary.startswith("nothing of shop has come from p-2 since 1970-01-01T00:59:00.000Z, and 2,")
    assert said(went_on(inputs, rng, range(70, 71), [0, 1, 2])) == [("StalledInput", "resolved", "p-2")]
    assert said(went_on(inputs, rng, range(71, 90), [0, 1])) == [("StalledInput", "opened", "p-2")]


def test_what_was_held_up_and_comes_partition_by_partition_is_no_stall() -> None:
    rng, inputs = np.random.default_rng(8), Inputs("shop", NoData())
    assert went_on(inputs, rng, range(60), [0, 1, 2]) == []
    for partition in range(3):
        for minute in range(60, 120):
            inputs.see("p", partition, int(rng.poisson(200)), minute * MINUTE)
        assert look(inputs, 120 + partition / 3) == []
    assert went_on(inputs, rng, range(121, 180), [0, 1, 2]) == []


def test_silence_of_all_and_rare_keys_are_no_stall() -> None:
    rng, inputs = np.random.default_rng(2), Inputs("shop", NoData())
    assert went_on(inputs, rng, range(60), [0, 1]) == []
    assert look(inputs, 600) == []
    for day in range(20):
        begin = 1_000 * (day + 1)
        assert went_on(inputs, rng, range(begin, begin + 15), [0, 1]) == []
        inputs.see("p", 2, 3, (begin + 15) * MINUTE)
        assert went_on(inputs, rng, range(begin + 15, begin + 30), [0, 1]) == []


def steps(inputs: Inputs, days: range, hours: range) -> list[tuple[int, str]]:
    """The day of each step, if one of three partitions has rows in some hours of the day only."""
    rng = np.random.default_rng(5)
    found: list[tuple[int, str]] = []
    for hour in range(24 * days.start, 24 * days.stop):
        partitions = [0, 1, 2] if hour % 24 in hours else [0, 1]
        issues = went_on(inputs, rng, range(60 * hour, 60 * hour + 60, 10), partitions, 10)
        found += [(hour // 24, issue.step) for issue in issues]
    return found


def test_a_partition_that_rests_every_night_is_said_on_two_nights_and_its_end_still_is() -> None:
    inputs = Inputs("shop", NoData())
    nights = steps(inputs, range(10), range(8, 18))
    assert nights == [(0, "opened"), (1, "resolved"), (1, "opened"), (2, "resolved")]
    assert steps(inputs, range(10, 14), range(0)) == [(11, "opened")]


def test_an_outage_of_days_does_not_hide_the_next() -> None:
    inputs, all_day, never = Inputs("shop", NoData()), range(24), range(0)
    assert steps(inputs, range(3), all_day) == []
    assert steps(inputs, range(3, 8), never) == [(3, "opened")]
    assert steps(inputs, range(8, 10), all_day) == [(8, "resolved")]
    assert steps(inputs, range(10, 11), never) == [(10, "opened")]


def test_a_share_that_is_small_is_not_known_by_a_row_or_two() -> None:
    for seed in range(6):
        rng, inputs = np.random.default_rng(seed), Inputs("shop", NoData())
        for minute, partition in enumerate((rng.random(8_000) < 0.005).tolist()):
            inputs.see("p", int(partition), 1, minute * MINUTE)
            assert look(inputs, minute) == []


def test_one_partition_alone_never_stalls_and_other_topics_do_not_count() -> None:
    rng, inputs = np.random.default_rng(3), Inputs("shop", NoData())
    inputs.see("labels", 0, 5_000, 0)
    assert went_on(inputs, rng, range(600), [0]) == []


def test_any_cut_and_any_restart_give_the_same() -> None:
    rng = np.random.default_rng(4)
    sections = [(int(rng.integers(3 if i < 900 else 2)), int(rng.integers(2, 50)), i * MINUTE // 4) for i in range(1_500)]
    whole, cut = Inputs("shop", NoData()), Inputs("shop", NoData())
    issues: list[list[Issue]] = []
    for partition, rows, clock in sections:
        whole.see("p", partition, rows, clock)
        cut.see("p", partition, 1, clock)
        cut.see("p", partition, rows - 1, clock)
        saved, cut = cut.state(), Inputs("shop", NoData())
        cut.restore(saved)
        behind = None if len(issues) % 50 else [0, 2] if len(issues) % 100 else []
        issues.append(look(whole, clock / MINUTE, behind))
        assert look(cut, clock / MINUTE, behind) == issues[-1]
        assert cut.state() == whole.state()
    assert sum(map(len, issues)) == 1


def test_memory_is_bounded() -> None:
    inputs = Inputs("shop", NoData())
    for partition in range(1_000):
        inputs.see("p", partition, 10, 0)
    assert len(inputs.state()["inputs"]) == 256


def test_rows_of_a_backlog_are_no_proof_that_who_was_read_to_the_end_before_stands_still() -> None:
    rng, inputs = np.random.default_rng(6), Inputs("shop", NoData())
    look(inputs, 0, [0, 1, 2])
    for minute in range(120):
        assert went_on(inputs, rng, range(minute, minute + 1), [0, 1, 2] if minute < 60 else [0, 1]) == []
        assert look(inputs, minute + 0.5, [0, 1, 2] if minute < 60 else [0, 1]) == []
    assert look(inputs, 120, []) == []
    assert said(went_on(inputs, rng, range(120, 130), [0, 1])) == [("StalledInput", "opened", "p-2")]


def test_what_is_missing_is_missing_anew_once_an_input_is_at_its_end_again() -> None:
    rng, inputs = np.random.default_rng(9), Inputs("shop", NoData())
    went_on(inputs, rng, range(60), [0, 1, 2])
    assert went_on(inputs, rng, range(60, 62), [0, 1]) == []
    assert look(inputs, 62, [0, 1, 2]) == look(inputs, 70, []) == look(inputs, 70.9) == []
    assert said(look(inputs, 71)) == [("StalledInput", "opened", "p-2")]


def test_the_longest_gap_is_learnt_from_a_backlog_too() -> None:
    rng, inputs = np.random.default_rng(7), Inputs("shop", NoData())
    look(inputs, 0, [0, 1, 2])
    for begin in range(0, 300, 60):
        went_on(inputs, rng, range(begin, begin + 30), [0, 1])
        went_on(inputs, rng, range(begin + 30, begin + 60), [0, 1, 2])
    look(inputs, 300, [])
    assert went_on(inputs, rng, range(300, 330), [0, 1]) == []
