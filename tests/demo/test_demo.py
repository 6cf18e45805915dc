"""The demo as a newcomer runs it: what it finds, and what it prints."""

import json
import math
from contextlib import redirect_stdout
from io import StringIO

import pytest
from rich.console import Console

from consumers.demo import configuration, demo, play
from consumers.demo.embedded import Embedded
from consumers.demo.events import CHANGE_ROW, FIRST_ROW, events
from consumers.demo.story import Story
from consumers.demo.summary import summary
from consumers.demo.view import View

LIMIT = 80


@pytest.fixture(scope="module")
def shown() -> tuple[Story, str]:
    """What a run of the whole found, and what it printed: `demo` keeps only the latter."""
    with redirect_stdout(StringIO()) as out:
        console = Console(highlight=False)
        with Embedded(configuration()) as world, View(console, live=False) as view:
            story = play(world, events(), math.inf, view)
        console.print(summary(story, kafka=False), soft_wrap=True, markup=False)
    return story, out.getvalue()


@pytest.fixture(scope="module")
def story(shown: tuple[Story, str]) -> Story:
    return shown[0]


@pytest.fixture(scope="module")
def printed(shown: tuple[Story, str]) -> str:
    return shown[1]


def run() -> str:
    with redirect_stdout(StringIO()) as out:
        assert demo(speed=math.inf, live=False) == 0
    return out.getvalue()


def test_the_shift_of_car_value_is_found_soon_after_it_happens_and_not_before(story: Story) -> None:
    alarms = [alarm for alarm in story.alarms if alarm.signal == "car_value"]
    assert len(alarms) == 1
    assert CHANGE_ROW <= alarms[0].row < CHANGE_ROW + 500
    assert alarms[0].data["change"]["direction"] == "up"
    assert abs(FIRST_ROW + alarms[0].data["change"]["position"] - CHANGE_ROW) < 50


def test_the_loss_of_accuracy_is_found_and_a_retrain_requested(story: Story) -> None:
    alarm = story.found("loss")
    assert alarm is not None
    assert alarm.data["labels"]["kind"] == "concept_drift"
    assert [request["fingerprints"] for request in story.requests.values()] == [[alarm.data["fingerprint"]]]


def test_every_prediction_is_watched_and_nothing_is_refused(story: Story) -> None:
    counts = story.status["counts"]
    assert counts["predictions"] == story.predictions == 30_000
    assert counts["labels"] == story.labels
    assert "dead_letters" not in counts


def test_two_runs_print_the_same(printed: str) -> None:
    assert printed == run()
    assert "car_value" in printed


def test_what_is_printed_fits_eighty_columns_but_for_the_path(printed: str) -> None:
    too_long = [line for line in printed.splitlines() if len(line) > LIMIT and "monitor.yaml" not in line]
    assert too_long == []


def test_the_same_seed_gives_the_same_events_and_another_one_others() -> None:
    rows = range(FIRST_ROW, FIRST_ROW + 500)
    assert list(events(rows)) == list(events(rows))
    assert list(events(rows)) != list(events(rows, seed=1))


def test_labels_come_after_their_prediction_in_order_of_time_and_some_never() -> None:
    sent = list(events(range(FIRST_ROW, FIRST_ROW + 5_000)))
    made = {event.key: event.time for event in sent if event.kind == "predictions"}
    labels = [event for event in sent if event.kind == "labels"]
    assert [event.time for event in sent] == sorted(event.time for event in sent)
    assert all(label.time > made[label.key] for label in labels)
    assert 0.8 < len(labels) / len(made) < 0.9


def test_events_are_as_the_documentation_has_them() -> None:
    prediction = json.loads(next(events()).value)
    assert set(prediction) == {
        "prediction_id", "model", "version", "time", "features", "prediction", "score", "latency_ms"
    }  # fmt: skip
    assert {type(value) for value in prediction["features"].values()} == {float, str, bool}


def test_rows_of_a_demo_that_takes_seconds_for_days_may_be_hours_out_of_order() -> None:
    from consumers.demo.on_kafka import at

    config = at("localhost:9092", configuration())
    assert {stream.quality.tolerance for stream in config.streams.values()} == {24 * 3_600_000_000}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_finds_the_shift_through_a_real_broker_too() -> None:
    from consumers.demo.on_kafka import OnKafka

    first = 69_000
    with OnKafka(configuration()) as world, View(Console(file=StringIO()), live=False) as view:
        story = play(world, events(range(first, 76_500)), 1_000, view)
    found = next(alarm for alarm in story.alarms if alarm.signal == "car_value")
    assert found.row - FIRST_ROW + first >= CHANGE_ROW
