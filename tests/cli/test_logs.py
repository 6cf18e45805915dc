"""Diagnostics: their form, what is never in them, and that they never flood."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any, Literal

import pytest
import structlog
from kafka.errors import NotCoordinatorError, UnstableOffsetCommitError

from consumers.kafka import kafka_client  # noqa: F401  # it calms kafka-python
from stream_monitor import logs
from stream_monitor.config.deployment import Config, Logging

STREAMS = {"s": {"predictions": {"topic": "p"}}}


@pytest.fixture
def lines() -> Callable[[], list[dict[str, Any]]]:
    """Logs JSON into memory, as it is for a process without a terminal; gives the lines so far."""
    written = io.StringIO()
    logs.configure(Logging(), ['hun"ter2', "abc"], stream=written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_each_line_is_json_with_level_time_and_fields(lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().info("started", task="watch")
    structlog.get_logger().debug("not said")
    (line,) = lines()
    assert (line["event"], line["level"], line["task"]) == ("started", "info", "watch")
    assert line["timestamp"].endswith("Z")


def test_secrets_are_blackened_wherever_they_turn_up(lines: Callable[[], list[dict[str, Any]]]) -> None:
    log = structlog.get_logger()
    log.info("by name", sasl_password="anything", api_key=1)
    log.info('the password is hun"ter2', short="abc")
    try:
        raise ValueError('hun"ter2')
    except ValueError:
        log.exception("failed")
    logging.getLogger("kafka.net").error("sent %s", 'hun"ter2')
    assert "ter2" not in json.dumps(lines())
    assert "anything" not in json.dumps(lines())
    assert lines()[1]["short"] == "abc"


def test_a_traceback_has_no_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    written = io.StringIO()
    logs.configure(Logging(format="text"), stream=written)
    try:
        feature = "the customer's name"
        raise ValueError(len(feature))
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError: 19" in written.getvalue()
    assert "the customer's name" not in written.getvalue()


def test_the_secrets_of_a_configuration_are_known() -> None:
    kafka = {"sasl_password": "one", "ssl_password": "two", "client": {"sasl_plain_password": "three", "linger_ms": 5}}
    assert logs.secrets(Config.model_validate({"kafka": kafka, "streams": STREAMS})) == ["one", "two", "three"]


def test_libraries_say_the_same_thing_five_times_and_then_once_a_minute(lines: Callable[[], list[dict[str, Any]]]) -> None:
    for attempt in range(100):
        logging.getLogger("kafka.conn").warning("connection %s failed", attempt)
    logging.getLogger("kafka.conn").info("not said")
    assert [line["event"] for line in lines()] == [f"connection {attempt} failed" for attempt in range(5)]


def test_to_wait_for_an_open_transaction_is_no_error(lines: Callable[[], list[dict[str, Any]]]) -> None:
    log = logging.getLogger("kafka.coordinator.consumer")
    for error in (UnstableOffsetCommitError(), NotCoordinatorError()):
        log.error("Unknown error fetching offsets for %s: %s", "p", error)
    assert [line["level"] for line in lines()] == ["warning", "error"]


def test_of_many_alike_the_first_pass_and_then_one_a_minute_that_counts_the_rest() -> None:
    now = 0.0
    limit = logs.Limited(first=2, every=60, clock=lambda: now)
    assert [limit.passes("a") for _ in range(5)] == [0, 0, None, None, None]
    assert limit.passes("b") == 0
    now = 60.0
    assert [limit.passes("a") for _ in range(2)] == [3, None]


def test_our_own_warnings_do_not_flood_and_do_not_hide_others(lines: Callable[[], list[dict[str, Any]]]) -> None:
    for row in range(100):
        structlog.get_logger().warning("too many streams", row=row)
    structlog.get_logger().error("stream set aside", stream="s")
    for _ in range(10):
        structlog.get_logger().info("as often as it likes")
    said = [line["event"] for line in lines()]
    assert said == ["too many streams"] * 5 + ["stream set aside"] + ["as often as it likes"] * 10


def test_every_control_event_that_is_refused_is_said(lines: Callable[[], list[dict[str, Any]]]) -> None:
    for offset in range(20):
        structlog.get_logger().warning("control_refused", kind="control", offset=offset)
    assert [line["offset"] for line in lines()] == list(range(20))


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_libraries_raise_inside_is_for_who_asks_for_everything(level: Literal["info", "debug"]) -> None:
    written = io.StringIO()
    logs.configure(Logging(level=level), stream=written)
    try:
        raise ConnectionResetError("on purpose")
    except ConnectionResetError:
        logging.getLogger("kafka.net.transport").exception("Error sending request data")
    assert ("Traceback" in written.getvalue()) == (level == "debug")


def test_a_slow_turn_of_kafka_python_is_not_worth_a_line(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logger = logging.getLogger("kafka.net.selector")
    logger.warning("Task %r ran for %.3fs (>%.3fs threshold). It is blocking the event loop -- likely ...", "t", 0.2, 0.1)
    logger.warning("something else")
    assert [line["event"] for line in lines()] == ["something else"]
