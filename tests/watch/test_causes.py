"""An alert names the segments that explain it as far as they do, and says so again when that is clearly otherwise."""

from __future__ import annotations

import json
from typing import Any

from stream_monitor.alerting.alerts import Alerts, Moment, Subject, Telling
from stream_monitor.events import SegmentCause
from stream_monitor.task import Output

from .worlds import record

MOMENT = Moment(0, 0, 1000, 900)


def cause(share: float, after: float, outcomes: int, segment: str = "region=eu", before: float = 0.1) -> SegmentCause:
    return SegmentCause(segment=segment, share=share, before=before, after=after, outcomes=outcomes)


def tell(alerts: Alerts, step: Any = "opened", summary: str = "accuracy is worse") -> list[Output]:
    """A metric that is worse, told."""
    return alerts.tell(step, Telling(Subject("s"), "performance", "PerformanceDrop", "warning", summary), MOMENT)


def explained(alerts: Alerts, *causes: SegmentCause) -> dict[str, Any] | None:
    """The event about the one alert that fires after these causes were found; None if nothing is said."""
    (fingerprint,) = alerts.firing
    outputs = alerts.explain(fingerprint, list(causes), MOMENT)
    data: dict[str, Any] | None = json.loads(outputs[0].value or b"")["data"] if outputs else None
    return data


def opened() -> Alerts:
    alerts = Alerts(record({}))
    tell(alerts)
    return alerts


def test_causes_are_told_again_when_they_hold_clearly_more() -> None:
    alerts = opened()
    assert explained(alerts, cause(0.49, 0.45, 300)) is not None
    assert explained(alerts, cause(0.57, 0.50, 900)) is None
    assert explained(alerts, cause(0.89, 0.45, 450)) is None
    more = explained(alerts, cause(0.89, 0.45, 600))
    assert more is not None
    assert (more["transition"], more["causes"][0]["share"]) == ("updated", 0.89)
    assert more["annotations"]["description"].count("of it in") == 1
    assert explained(alerts, cause(0.89, 0.60, 800)) is not None


def test_causes_that_hold_less_come_and_go_without_a_word() -> None:
    alerts = opened()
    most, less = cause(0.9, 0.5, 300), cause(0.3, 0.4, 300, "device=ios")
    assert explained(alerts, most) is not None
    assert explained(alerts, most, less) is None
    other = explained(alerts, less, most)
    assert other is not None
    assert [one["segment"] for one in other["causes"]] == ["device=ios", "region=eu"]
    assert explained(alerts, most, less) is None
    assert explained(alerts) is None


def test_causes_that_are_known_when_an_alert_opens_are_told_with_it() -> None:
    alerts = Alerts(record({}))
    telling = Telling(Subject("s"), "performance", "PerformanceDrop", "warning", "worse", None, (cause(0.8, 0.5, 300),))
    data = json.loads(alerts.tell("opened", telling, MOMENT)[0].value or b"")["data"]
    assert data["annotations"]["description"] == "most of it in region=eu (80%: errors 10.0% -> 50.0%)"
    assert [one["segment"] for one in data["causes"]] == ["region=eu"]
    assert explained(alerts, cause(0.81, 0.5, 320)) is None


def test_half_of_it_is_not_most_of_it() -> None:
    def said(*causes: SegmentCause) -> str:
        event = explained(opened(), *causes)
        assert event is not None
        text: str = event["annotations"]["description"]
        return text

    assert said(cause(0.49, 0.45, 300)).startswith("a part of it in region=eu (49%")
    assert said(cause(0.51, 0.45, 300)).startswith("most of it in region=eu (51%")
    assert said(cause(0.3, 0.4, 300), cause(0.3, 0.4, 300, "region=us")).startswith("most of it in region=eu")
    assert said(cause(0.3, 0.4, 300), cause(0.3, 0.4, 300, "device=ios")).startswith("a part of it in region=eu")


def test_the_loss_of_a_cause_has_a_name() -> None:
    rate = explained(opened(), cause(0.94, 0.3903, 300, before=0.098))
    error = explained(opened(), cause(0.83, 6.137, 300, before=2.002).model_copy(update={"loss": "mae"}))
    assert rate is not None
    assert rate["annotations"]["description"] == "most of it in region=eu (94%: errors 9.8% -> 39.0%)"
    assert error is not None
    assert error["annotations"]["description"] == "most of it in region=eu (83%: mean absolute error 2.002 -> 6.137)"


def test_what_a_metric_does_next_leaves_its_causes_described() -> None:
    alerts = opened()
    event = explained(alerts, cause(0.8, 0.5, 300))
    (again, _) = tell(alerts, "updated", "accuracy is worse yet")
    told = json.loads(again.value or b"")["data"]
    assert event is not None
    assert told["annotations"] == {"summary": "accuracy is worse yet", "description": event["annotations"]["description"]}
    assert told["causes"] == event["causes"]
