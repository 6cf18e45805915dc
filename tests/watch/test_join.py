"""Labels meet predictions in either order; corrections, retractions, absence and waiting follow the stream's clock."""

from __future__ import annotations

from typing import Any

from stream_monitor.blocks import Block, Section

from .worlds import arrivals, block, configuration, cut, drained, labels, predictions, run, undated, value

MINUTE = 60.0


def metrics(*blocks: Block, config: dict[str, Any] | None = None, limits: dict[str, int] | None = None) -> list[dict[str, Any]]:
    """The metrics of a stream after its window has closed: the log ends with hours of silence."""
    log = [
        block(configuration(config=config, limits=limits), at=0),
        *blocks,
        drained(1),
        *(drained(hour * 3600) for hour in (2, 4, 6)),
    ]
    return arrivals(run(log))


def total(events: list[dict[str, Any]], name: str) -> int:
    """A count over all windows."""
    return sum(event["counts"].get(name, 0) for event in events)


def outcomes(events: list[dict[str, Any]]) -> tuple[int, float]:
    """How many outcomes there were, and the sum of their losses."""
    parts = [event["performance"] for event in events]
    n = sum(part["outcomes"] for part in parts)
    wrong = [(1 - accuracy) * part["outcomes"] for part in parts if (accuracy := value(part, "accuracy")) is not None]
    return n, round(sum(wrong), 9)


def ten(value: list[float] | None = None, **more: Any) -> Section:
    """Ten predictions, one a second: five times 1, then five times 0, with a score, so that this is a classifier."""
    ids = [f"id{i}" for i in range(10)]
    return predictions(ids, [float(i) for i in range(10)], value or [1.0] * 5 + [0.0] * 5, score=[0.5] * 10, **more)


def test_a_label_joins_its_prediction_whichever_comes_first() -> None:
    late = metrics(block(ten()), block(labels(["id0", "id1"], [20, 21], [1.0, 0.0])))
    early = metrics(block(labels(["id0", "id1"], [0, 0], [1.0, 0.0])), block(ten()))
    assert outcomes(late) == outcomes(early) == (2, 1.0)
    assert total(early, "labels_early") == 2


def test_what_says_no_time_moves_no_clock() -> None:
    today = 1e7
    taken_back = undated(labels(["id3"], [today], [float("nan")]))
    log = [block(ten()), block(labels(["id3"], [20], [0.0])), block(taken_back, at=today)]
    events = metrics(*log, block(labels(["id0", "id1"], [30, 31], [1.0, 0.0]), at=today), drained(today + 3600))
    assert outcomes(events) == (2, 1.0)
    assert total(events, "withdrawn") == 1
    assert {event["window"]["start"] for event in events if event["performance"]["outcomes"]} == {"2026-01-01T00:00:00.000Z"}


def test_a_stream_may_begin_with_what_says_no_time() -> None:
    first = undated(labels(["id0", "id1"], [0, 0], [1.0, 0.0]))
    events = metrics(block(first, at=1e7), block(ten(), at=1e7), drained(1e7 + 3600))
    assert outcomes(events) == (2, 1.0)


def test_silence_ticks_on_while_labels_come_that_say_no_time() -> None:
    log = [block(configuration(), at=0), block(ten())]
    for second in range(10, 1000, 5):
        log += [block(undated(labels([f"stranger{second}"], [second], [1.0])), at=second), drained(second)]
    (event,) = [event for event in arrivals(run(log)) if event["predictions"]]
    assert event["predictions"] == 10


def test_a_label_without_a_prediction_is_counted_once_its_wait_is_over() -> None:
    events = metrics(block(ten()), block(labels(["stranger"], [20], [1.0])), config={"labels": {"topic": "l", "wait": "1h"}})
    assert outcomes(events) == (0, 0)
    log = [block(configuration(config={"labels": {"topic": "l", "wait": "10m"}}), at=0), block(ten())]
    log += [block(labels(["stranger"], [20], [1.0])), block(predictions(["x", "y"], [1200, 2400], [1.0, 0.0])), drained(3600)]
    assert total(arrivals(run(log)), "labels_unmatched") == 1
    assert total(events, "labels_early") == 1


def test_the_first_of_two_predictions_with_one_id_wins() -> None:
    again = predictions(["id0"], [11], [0.0], score=[0.5])
    events = metrics(block(ten()), block(again), block(labels(["id0"], [20], [1.0])))
    assert total(events, "duplicates") == 1
    assert outcomes(events) == (1, 0.0)


def test_a_shadow_version_shares_ids_and_a_label_joins_both() -> None:
    shadow = ten([0.0] * 10, version="2")
    events = metrics(block(ten()), block(shadow), block(labels(["id0"], [20], [1.0])))
    assert total(events, "duplicates") == 0
    by_version = {
        event["version"]: value(event["performance"], "accuracy") for event in events if event["performance"]["outcomes"]
    }
    assert by_version == {"1": 1.0, "2": 0.0}


def test_a_later_label_corrects_an_earlier_one_in_the_open_window() -> None:
    events = metrics(block(ten()), block(labels(["id0", "id0"], [20, 21], [0.0, 1.0])))
    assert outcomes(events) == (1, 0.0)
    assert sum(event["labels"]["corrected"] for event in events) == 1


def test_a_correction_of_a_closed_window_is_counted_and_amends_only_what_is_said_since_the_version_began() -> None:
    events = metrics(
        block(ten()),
        block(labels(["id0"], [20], [0.0])),
        block(predictions(["later"], [20 * MINUTE], [1.0], score=[0.5])),
        block(labels(["id0"], [21 * MINUTE], [1.0])),
    )
    assert outcomes(events) == (1, 1.0)
    assert total(events, "amended_too_late") == 2
    assert total(events, "corrected") == 1
    assert value(events[0]["since"]["arrival"], "accuracy") == 0.0
    assert value(events[-1]["since"]["arrival"], "accuracy") == 1.0
    assert events[-1]["since"]["arrival"]["outcomes"] == 1


def test_a_retraction_for_a_closed_window_is_taken_out_of_what_is_said_since_the_version_began_however_the_log_is_cut() -> None:
    amended = labels(["id0", "id1", "id2"], [21 * MINUTE] * 3, [float("nan"), 0.0, 1.0])
    log = [
        block(configuration(), at=0), block(ten()), block(labels(["id0", "id1", "id2"], [20] * 3, [0.0] * 3)),
        block(predictions(["later"], [20 * MINUTE], [1.0], score=[0.5])), block(amended), drained(1),
        *(drained(hour * 3600) for hour in (2, 4, 6)),
    ]  # fmt: skip
    whole = run(log)
    since = arrivals(whole)[-1]["since"]["arrival"]
    assert (since["outcomes"], value(since, "accuracy")) == (2, 0.5)
    assert run(cut(log, 1)) == whole
    assert run(log, restarts=range(1, len(log))) == whole


def test_the_same_label_twice_counts_once() -> None:
    events = metrics(block(ten()), block(labels(["id0", "id0"], [20, 21], [1.0, 1.0])))
    assert outcomes(events) == (1, 0.0)
    assert total(events, "labels_repeated") == 1


def test_a_retraction_takes_an_outcome_back() -> None:
    events = metrics(block(ten()), block(labels(["id0", "id1", "id0"], [20, 21, 22], [0.0, 1.0, float("nan")])))
    assert outcomes(events) == (1, 0.0)
    assert sum(event["labels"]["withdrawn"] for event in events) == 1


def test_a_label_after_the_wait_joins_nothing() -> None:
    config = {"labels": {"topic": "l", "wait": "10m"}}
    later = block(predictions(["later"], [30 * MINUTE], [1.0], score=[0.5]))
    events = metrics(block(ten()), block(labels(["id0"], [30 * MINUTE], [1.0])), later, config=config)
    assert outcomes(events) == (0, 0)
    assert total(events, "matured") == 10
    assert total(events, "matured_labelled") == 0


def test_no_label_in_time_means_the_stated_label() -> None:
    config = {"labels": {"topic": "l", "wait": "1h", "absent": {"label": 0, "after": "10m"}}}
    events = metrics(block(ten()), block(labels(["id0"], [20], [1.0])), config=config)
    assert outcomes(events) == (10, 4.0)


def test_no_label_is_one_in_its_own_window_though_the_next_row_comes_much_later() -> None:
    config = {"labels": {"topic": "l", "wait": "9h", "absent": {"label": 0, "after": "2h"}}}
    events = metrics(block(ten()), block(predictions(["later"], [8 * 3600], [0.0], score=[0.5])), config=config)
    (mine,) = (event for event in events if event["window"]["start"][11:16] == "02:00" and event["performance"]["outcomes"])
    assert mine["performance"]["outcomes"] == 10
    assert total(events, "amended_too_late") == 0


def test_a_label_that_comes_after_its_absence_was_taken_for_one_corrects_it() -> None:
    config = {"labels": {"topic": "l", "wait": "1h", "absent": {"label": 0, "after": "10m"}}, "metrics": {"window": "1h"}}
    events = metrics(block(ten()), block(labels(["id0"], [15 * MINUTE], [1.0])), config=config)
    assert outcomes(events) == (10, 4.0)
    assert total(events, "corrected") == 1


def test_every_row_has_its_own_deadline() -> None:
    late_row = predictions(["old"], [-9 * MINUTE], [1.0], score=[0.5])
    config = {"labels": {"topic": "l", "wait": "10m"}}
    told = block(labels(["old", "id0"], [2 * MINUTE, 2 * MINUTE], [1.0, 1.0]))
    events = metrics(block(ten()), block(late_row, at=12), told, config=config)
    assert outcomes(events) == (1, 0.0)


def test_an_event_from_the_year_2099_is_kept_and_does_not_move_the_clock() -> None:
    far = predictions(["far"], [2.3e9], [1.0], score=[0.5])
    events = metrics(block(ten()), block(far, at=11), block(labels(["id0", "far"], [20, 21], [1.0, 1.0])))
    assert total(events, "ahead") == 1
    assert outcomes(events) == (2, 0.0)
    assert all(event["window"]["start"] < "2026-01-02" for event in events)


def test_beyond_the_limit_predictions_are_sampled_by_the_hash_of_their_id_and_the_rest_stays() -> None:
    ids = [f"id{i}" for i in range(4000)]
    seconds = [i / 100 for i in range(4000)]
    everything = predictions(ids, seconds, [1.0] * 4000, score=[0.5] * 4000)
    answers = labels(ids, [50 + second for second in seconds], [1.0] * 4000)
    n, _ = outcomes(metrics(block(everything), block(answers), limits={"waiting": 1000}))
    assert 300 <= n <= 1000
    events = metrics(block(everything), limits={"waiting": 1000})
    assert total(events, "predictions") == 4000
    assert 1000 <= total(events, "not_waited_for") <= 3000
    assert total(metrics(block(everything)), "not_waited_for") == 0


def test_old_events_can_be_loaded_and_labelled_long_after() -> None:
    year = 365 * 86400.0
    log = [block(configuration(), at=year), block(ten(), at=year), drained(year + 60)]
    log += [block(labels(["id0"], [30], [1.0]), at=year + 120), drained(year + 121), drained(year + 3 * 3600)]
    assert outcomes(arrivals(run(log))) == (1, 0.0)


def test_lag_is_no_silence() -> None:
    behind = drained(2 * 3600)
    behind = behind._replace(progress=(behind.progress[0]._replace(drained=False), behind.progress[1]))
    log = [block(configuration(), at=0), block(ten()), drained(20), behind]
    assert run(log)["metrics"] == []
    assert run([*log, drained(2 * 3600 + 1)])["metrics"] != []


def test_a_label_joins_although_later_ones_of_its_block_are_past_the_wait() -> None:
    ids = [f"p{i}" for i in range(100)]
    before = [block(configuration(config={"labels": {"topic": "l", "wait": "1h"}, "metrics": {"window": "1d"}}), at=0)]
    before.append(block(predictions(ids, [float(i) for i in range(100)], [1.0] * 100, score=[0.5] * 100)))
    told = block(labels(["p50", "nobody"], [3000, 8000], [1.0, 1.0]))
    end = [drained(8001), drained(30 * 3600), drained(60 * 3600)]
    together = run([*before, told, *end])
    assert together == run([*before, *cut([told], 1), *end])
    assert outcomes(arrivals(together)) == (1, 0.0)
