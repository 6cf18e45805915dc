"""Control events on their way into the record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumers.intake.commands import command
from consumers.wire.event import Refused
from tests.intake.deployment import PER_MODEL, START, Deployment, prediction, reason


def test_a_control_event_goes_to_its_stream() -> None:
    deployment = Deployment()
    topic = deployment.config.topics.name("control")
    deployment.give(
        topic, {"stream": "fraud", "action": "silence", "fingerprint": "f", "until": "2026-05-01T10:00:00Z", "by": "me"}
    )
    deployment.run()
    (section,) = deployment.sections("control")
    assert section.stream == "fraud"
    assert json.loads(section.document)["until"] == START


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"stream": "other", "action": "resume"}, "unknown_stream"),
        ({"stream": "fraud/x", "action": "resume"}, "unknown_stream"),
        ({"stream": "fraud", "action": "explode"}, "unknown_action"),
        ({"stream": "fraud", "action": []}, "unknown_action"),
        ({"stream": "fraud", "action": "approve"}, "invalid_control"),
        ({"stream": "fraud", "action": "resume", "colour": 1}, "invalid_control"),
        ({"stream": "fraud", "action": "verdict", "fingerprint": "f", "verdict": "maybe"}, "invalid_control"),
        ([], "invalid_control"),
        (b"{", "invalid_json"),
    ],
)
def test_a_control_event_that_makes_no_sense_says_why(event: Any, why: str) -> None:
    assert reason(event, "stream-monitor.control") == why


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"verdict": "maybe"}, "verdict is none of real, false_alarm, expected"),
        ({"verdict": "real", "colour": 1}, "a field is not known; there are stream, action, fingerprint, "),
        ({"verdict": "real", "by": 7}, "by is not what it may be"),
    ],
)
def test_a_control_event_that_makes_no_sense_says_what_would(more: dict[str, Any], detail: str) -> None:
    deployment = Deployment()
    event = {"stream": "fraud", "action": "verdict", "fingerprint": "f"} | more
    with pytest.raises(Refused) as refused:
        command(json.dumps(event).encode(), deployment.config)
    assert refused.value.detail.startswith(detail)


def test_control_events_that_make_no_sense_are_counted_and_logged() -> None:
    deployment = Deployment()
    deployment.give("p", prediction(), {"prediction_id": "b"})
    deployment.give(deployment.config.topics.name("control"), {"stream": "other", "action": "resume"})
    with capture_logs() as logs:
        deployment.run()
    status = deployment.intake.status()
    assert status["streams"] == {"fraud": {"predictions": 1, "labels": 0, "dead": 1}}
    assert status["dead_letters"] == {"fraud": 1, "stream-monitor.control": 1}
    assert [(line["event"], line["reason"], line["offset"]) for line in logs] == [("control_refused", "unknown_stream", 0)]


def test_a_control_event_that_makes_no_sense_counts_for_the_stream_that_it_names() -> None:
    deployment = Deployment()
    deployment.give(deployment.config.topics.name("control"), {"stream": "fraud", "action": "explode"}, [])
    deployment.run()
    assert deployment.intake.status()["dead_letters"] == {"fraud": 1, "stream-monitor.control": 1}


def test_models_are_counted_together_however_many_there_are() -> None:
    deployment = Deployment(PER_MODEL)
    deployment.give("l", *({"prediction_id": "a", "label": 1, "model": f"m{i}"} for i in range(50)), {"prediction_id": "a"})
    deployment.run()
    assert deployment.intake.status()["streams"] == {"all": {"predictions": 0, "labels": 50, "dead": 1}}
