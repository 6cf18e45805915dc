"""What is late: by what there was at first, and by how long something has been there; never by how much it is."""

from __future__ import annotations

from consumers.kafka.arrears import Arrears, Stand
from stream_monitor.task import Partition

P, Q = Partition("p", 0), Partition("q", 0)


def late(arrears: Arrears, now: float, done: int, end: int) -> list[Partition] | None:
    """Whether one partition is late."""
    return arrears.late({P: Stand(done, end)}, now)


def test_what_was_there_at_first_is_late_until_it_is_done_whenever_that_is() -> None:
    arrears = Arrears(patience=10)
    assert late(arrears, 100, 0, 7) == [P]
    assert late(arrears, 105, 6, 50) == [P]
    assert late(arrears, 108, 7, 60) == []
    assert late(arrears, 114, 49, 70) == []
    assert late(arrears, 115, 49, 80) == [P]
    assert late(arrears, 116, 50, 80) == []


def test_what_comes_is_late_once_it_has_been_there_too_long_were_it_one() -> None:
    arrears = Arrears(patience=10)
    assert late(arrears, 0, 5, 5) == []
    assert late(arrears, 1, 5, 6) == []
    assert late(arrears, 10, 5, 1_000_000) == []
    assert late(arrears, 11, 5, 1_000_000) == [P]
    assert late(arrears, 12, 6, 1_000_000) == []


def test_only_what_was_there_at_first_is_backlog() -> None:
    arrears, backlogs = Arrears(patience=10), []
    for now, done, end in [(0, 0, 7), (20, 6, 50), (40, 7, 90), (60, 8, 99), (80, 0, 3)]:
        stands = {P: Stand(done, end)}
        backlogs.append((arrears.late(stands, now), arrears.backlog(stands)))
    assert backlogs == [([P], [P]), ([P], [P]), ([P], []), ([P], []), ([P], [P])]


def test_who_stays_a_little_behind_is_never_late() -> None:
    arrears = Arrears(patience=10)
    assert late(arrears, 0, 0, 0) == []
    assert not any(late(arrears, second, 100 * second, 100 * second + 900) for second in range(1, 200))
    assert len(arrears._ends[P]) <= 11


def test_a_partition_that_is_new_or_ours_again_or_of_a_topic_made_anew_begins_anew() -> None:
    arrears = Arrears(patience=10)
    assert arrears.late({P: Stand(3, 3)}, 0) == []
    assert arrears.late({P: Stand(3, 3)}, 0.5) is None
    assert arrears.late({P: Stand(3, 3), Q: Stand(0, 1)}, 0.6) == [Q]
    assert arrears.late({P: Stand(3, 3), Q: Stand(1, 1)}, 2) == []
    arrears.forget([P])
    assert arrears.late({P: Stand(3, 4), Q: Stand(1, 1)}, 2.1) == [P]
    assert arrears.late({P: Stand(0, 2), Q: Stand(1, 1)}, 4) == [P]
    assert arrears.late({P: Stand(2, 2), Q: Stand(1, 1)}, 5.5) == []
