"""A change becomes one alert, harm becomes one retrain request, and both end when and how they should."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import detectors
from stream_monitor.alerting.alerts import Alerts, Moment, Subject
from stream_monitor.alerting.retrain import Retrain
from stream_monitor.alerting.wording import Context
from stream_monitor.blocks import Block, Section, encode
from stream_monitor.events import EndReason, finite
from stream_monitor.joining.labelled import Labelled
from stream_monitor.part import ConfigurationError, Part
from stream_monitor.task import Partition
from stream_monitor.watching.finding import Finding

from .worlds import SECOND, START, arrivals, block, configuration, cut, drained, labels, predictions, record, run, value

RAISING = '''
class Raising:
    """Raises at its thousandth row."""

    sees, knob, learns, robust = "numbers", None, True, True

    def __init__(self, signals, *, at=1000):
        self.at, self.rows = at, 0
        self.statistic = self.threshold = __import__("numpy").full(signals, float("nan"))

    def fit(self, reference, times=None): ...

    def update(self, values, times=None):
        self.rows += len(values)
        if self.rows >= self.at:
            raise ZeroDivisionError("on purpose")
        return []

    def state(self): return {"rows": self.rows}

    def restore(self, state): self.rows = state["rows"]
'''


def story(
    errors: list[float],
    shift: list[float] | None = None,
    version: list[str] | None = None,
    per: int = 1000,
    seed: int = 0,
    name: str = "s",
) -> Iterator[Block]:
    """Phases of `per` predictions, one a second, each with an error rate and a shift of x; labels come 50 rows later."""
    rng = np.random.default_rng(seed)
    n = per * len(errors)
    truth = rng.integers(0, 2, n).astype(float)
    wrong = rng.random(n) < np.repeat(errors, per)
    x = rng.normal(size=n) + np.repeat(shift or [0.0] * len(errors), per)
    names = np.repeat(version or ["1"] * len(errors), per).tolist()
    ids = [f"{name}{i}" for i in range(n)]
    for start in range(0, n + 50, 50):
        part, told = slice(start, start + 50), slice(max(0, start - 50), start)
        sections: list[Section] = []
        if start < n:
            predicted = np.where(wrong, 1 - truth, truth)[part].tolist()
            score, seconds = rng.random(50).tolist(), [float(i) for i in range(start, start + 50)]
            sections.append(predictions(ids[part], seconds, predicted, {"x": x[part].tolist()}, names[part], score, name=name))
        if start:
            known = [float(start + 49)] * len(ids[told])
            sections.append(labels(ids[told], known, truth[told].tolist(), name=name))
        yield block(*sections)


def alerts(said: dict[str, list[Any]], **labels: str) -> list[dict[str, Any]]:
    """The data of the alerts with these labels."""
    data = [event["data"] for event in said["alerts"]]
    return [alert for alert in data if labels.items() <= alert["labels"].items()]


def steps(said: dict[str, list[Any]], **labels: str) -> list[str]:
    """The transitions of the alerts with these labels."""
    return [alert["transition"] for alert in alerts(said, **labels)]


def test_a_stream_in_which_nothing_changes_raises_nothing() -> None:
    said = run([block(configuration(), at=0), *story([0.1] * 8)])
    assert said["alerts"] == said["retrain"] == []


def test_a_feature_that_shifts_raises_one_warning_and_resolves_when_it_is_back() -> None:
    said = run([block(configuration(), at=0), *story([0.1] * 4, [0, 1.5, 0, 0])])
    assert steps(said) == ["opened", "updated", "resolved"]
    opened, updated, resolved = alerts(said)
    assert opened["labels"] == {
        "alertname": "DataDrift", "stream": "s", "signal": "feature", "feature": "x",
        "kind": "data_drift", "severity": "warning",
    }  # fmt: skip
    assert abs(opened["change"]["position"] - 1000) < 30
    assert opened["annotations"]["description"].startswith("compared with the 200 values of the reference; found by ks")
    assert abs(updated["change"]["effect"]["value"] - 1.5) < 0.3
    assert {alert["fingerprint"] for alert in (opened, updated, resolved)} == {opened["fingerprint"]}
    assert resolved["status"] == "resolved"
    assert resolved["endsAt"] > opened["startsAt"]
    assert said["retrain"] == []


def test_a_model_that_starts_to_err_raises_one_critical_alert_and_one_retrain_request() -> None:
    said = run([block(configuration(), at=0), *story([0.1, 0.1, 0.5])])
    assert steps(said) == ["opened", "updated"]
    opened = alerts(said)[0]
    assert opened["labels"]["alertname"] == "ConceptDrift"
    assert opened["labels"]["severity"] == "critical"
    assert opened["labels"]["version"] == "1"
    assert "feature" not in opened["labels"]
    assert abs(opened["change"]["position"] - 2000) < 60
    assert opened["change"]["direction"] == "up"
    described, n = opened["annotations"]["description"], opened["evidence"]["n_reference"]
    assert described.startswith("compared with the 200 values of the reference; found by scan, which compares with ")
    assert f" {n:,} before; " in described
    request = said["retrain"][0]
    assert request["data"]["status"] == "proposed"
    assert request["data"]["severity"] == "critical"
    assert request["data"]["alert_ids"] == [said["alerts"][0]["id"]]
    since = request["data"]["data_since_change"]
    assert since["from"] == opened["change"]["time"]
    assert 0 < since["labelled"] <= since["rows"]
    assert since["coverage"] == pytest.approx(since["labelled"] / since["rows"])
    assert request["expirytime"] is None


def test_a_request_counts_the_rows_of_its_version_alone_and_the_labels_of_these() -> None:
    def side_by_side(swap: int) -> list[Block]:
        pairs = zip(story([0.1, 0.1, 0.5], version=["1"] * 3), story([0.1] * 3, version=["2"] * 3, name="t", seed=1))
        both = [[*one.sections, *(each._replace(stream="s") for each in two.sections)] for one, two in pairs]
        return [block(*sections[swap:], *sections[:swap]) for sections in both]

    for swap in (0, 1):
        config = {"retrain": {"minimum_labels": 600}, "metrics": {"window": "1m"}}
        blocks = [block(configuration(config=config), at=0), *side_by_side(swap)]
        whole = run(blocks)["retrain"]
        proposed, ready = (event["data"]["data_since_change"] for event in whole)
        assert proposed["rows"] < 200
        assert 600 <= ready["labelled"] < 700
        assert ready["labelled"] <= ready["rows"] <= ready["labelled"] + 100
        assert ready["coverage"] == ready["labelled"] / ready["rows"]
        assert swap or run(cut(blocks, 17), restarts=[110, 200])["retrain"] == whole


def test_a_change_began_within_its_interval_though_labels_come_in_another_order() -> None:
    ids, label = [f"i{i}" for i in range(6000)], np.arange(6000) % 2.0
    wrong = np.random.default_rng(0).random(6000) < np.where(np.arange(6000) < 3000, 0.1, 0.5)
    seconds, told = [float(i) for i in range(6000)], [abs(label - wrong).tolist(), label.tolist()]
    blocks = [block(predictions(ids, seconds, told[0]))]
    for start in range(0, 6000, 500):
        part = slice(start + 499, start - 1 if start else None, -1)
        blocks.append(block(labels(ids[part], [6000.0] * 500, told[1][part])))
    blocks += [drained(8_000.0), drained(13_000.0)]
    config: dict[str, Any] = {"detectors": {"features": {}, "score": {}, "loss": {"scan": {}}}}
    found = alerts(run([block(configuration(config=config), at=0), *blocks]), kind="concept_drift")
    changes = [alert["change"] for alert in found]
    assert changes
    assert all(one["interval"][0] <= one["position"] <= one["interval"][1] for one in changes)


def test_a_loss_resolves_when_it_is_measured_to_be_back() -> None:
    said = run([block(configuration(), at=0), *story([0.1, 0.1, 0.5, 0.1, 0.1])])
    assert steps(said, kind="concept_drift")[-1] == "resolved"
    assert alerts(said)[-1]["endReason"] == "recovered"


def test_an_alert_that_is_over_says_so_and_nothing_of_now() -> None:
    *_, firing, over = alerts(
        run([block(configuration(), at=0), *story([0.1, 0.1, 0.5, 0.5, 0.1, 0.1, 0.1])]), alertname="ConceptDrift"
    )
    assert over["transition"] == "resolved"
    assert over["annotations"]["summary"] == f"no longer: {firing['annotations']['summary']}"
    assert "now" not in over["annotations"]["description"]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("recovered", "no longer"), ("retired", "ended with its version"), ("resumed", "ended by `resume`"),
        ("configured", "ended by the configuration"), ("rebaselined", "ended, as its reference is learnt anew"),
        ("reevaluated", "taken back"),
    ],
)  # fmt: skip
def test_whatever_is_over_says_so_and_why(reason: EndReason, word: str) -> None:
    known, moment = Alerts(record({})), Moment(0, 0, 0, 0)
    known.open(Subject("s"), "data_quality", "MissingValues", "warning", "x of s is missing in 9%", moment)
    outputs = known.end(reason, moment, alertname="MissingValues")
    said = {output.channel: json.loads(output.value or b"")["data"] for output in outputs}
    assert said["alerts"] == said["alerts.current"]
    assert said["alerts"]["annotations"]["summary"] == f"{word}: x of s is missing in 9%"


def test_figures_that_are_said_as_they_were_are_not_said_again() -> None:
    first = Finding(0, "opened", "loss", "", "scan", "up", before=0.143, after=0.2341, unit="points", n_current=120)
    again = first._replace(step="updated", after=0.2342, n_current=320)
    about = Subject("s", "m", "1"), Moment(START, START, 0, 0), Context(False)
    known = Alerts(record(None, 0, None))
    said = [known.follow(finding, *about)[1] for finding in (first, again, again._replace(after=0.3))]
    assert [len(outputs) for outputs in said] == [2, 0, 2]


def test_what_json_has_no_number_for_is_none_and_warns_of_nothing() -> None:
    with np.errstate(all="raise"):
        assert [finite(one) for one in (np.float64("inf"), -math.inf, np.float64("nan"), None)] == [None] * 4
        assert finite(np.float64(0.5)) == 0.5


def test_it_is_said_between_which_times_a_change_began_where_they_are_an_hour_apart() -> None:
    def said(seconds: int) -> str:
        finding = Finding(0, "opened", "loss", "", "scan", "up", between=(START, START + seconds * SECOND))
        alert, _ = Alerts(record()).follow(finding, Subject("s", "m", "1"), Moment(START, START, 0, 0), Context(False))
        assert alert is not None
        return alert.annotations["description"]

    assert "; it began between 2026-01-01T00:00:00.000Z and 2026-01-01T02:00:00.000Z, with 95% confidence; " in said(7200)
    assert "it began" not in said(3600)


def test_an_improvement_is_a_notice_and_no_request() -> None:
    said = run([block(configuration(), at=0), *story([0.5, 0.5, 0.05])])
    assert {alert["labels"]["severity"] for alert in alerts(said)} == {"info"}
    assert said["retrain"] == []


def test_an_improvement_that_turns_into_harm_ends_and_another_alert_begins_with_the_harm() -> None:
    said = run([block(configuration(), at=0), *story([0.5, 0.5, 0.05, 0.05, 0.9])])
    told = alerts(said, kind="concept_drift")
    harm = next(i for i, alert in enumerate(told) if alert["labels"]["severity"] == "critical")
    ended, opened = told[harm - 1 : harm + 1]
    assert (ended["transition"], ended["labels"]["severity"], ended["endReason"]) == ("resolved", "info", "recovered")
    assert (opened["transition"], opened["revision"], opened["change"]["direction"]) == ("opened", 0, "up")
    assert opened["startsAt"] >= ended["endsAt"] > ended["startsAt"]
    assert said["retrain"][0]["data"]["alert_ids"] == [said["alerts"][harm]["id"]]


def moment(event: dict[str, Any]) -> datetime:
    """When an event happened."""
    return datetime.fromisoformat(event["time"])


def asked(blocks: list[Block], **settings: Any) -> list[tuple[str, bool]]:
    """What becomes of requests, and whether there were enough labels, with these settings of `retrain`."""
    begun = [block(configuration(config={"retrain": settings}), at=0), *blocks]
    said = run(begun)["retrain"]
    assert run(cut(begun, 17), restarts=[110, 190, 220])["retrain"] == said
    return [(event["data"]["status"], event["data"]["ready"]) for event in said]


def test_a_request_waits_for_enough_labels_says_so_once_and_expires_as_long_after_that() -> None:
    blocks, settings = list(story([0.1, 0.1] + [0.5] * 4)), {"minimum_labels": 1500, "expires": "20m"}
    said = run([block(configuration(config={"retrain": settings}), at=0), *blocks])["retrain"]
    assert [event["data"]["revision"] for event in said] == [0, 1, 2]
    assert [event["data"]["status"] for event in said] == ["proposed", "proposed", "expired"]
    waits, ready, expired = said
    assert waits["expirytime"] is None
    assert (ready["expirytime"], expired["expirytime"]) == (expired["time"], expired["time"])


def test_a_request_is_said_anew_where_its_change_began_clearly_sooner_or_later_than_was_known() -> None:
    settings, labelled, place = record({"retrain": {"minimum_labels": 500}}), Labelled(), np.arange(1000)
    labelled.predicted(place, place)
    labelled.judged(place, place, np.ones(1000, np.int64))
    labelled.settle(1000)
    known, about, retrain = Alerts(settings), Subject("s", "m", "1"), Retrain()

    def told(began: int) -> list[tuple[int, int, bool]]:
        """Revision, labels and readiness that follow when the alert says that the change began there."""
        nonlocal retrain
        moment = Moment(START + 1000 * SECOND, START, 1000, 1000)
        finding = Finding(0, "updated", "loss", "", "scan", "up", before=0.1, after=0.5, began_position=began)
        finding = finding._replace(began_time=START + began * SECOND)
        alert, _ = known.follow(finding, about, moment, Context(False))
        assert alert is not None
        outputs = retrain.propose(alert, finding, known, about, settings, moment, labelled, False)
        restored = Retrain()
        restored.restore(json.loads(json.dumps(retrain.state())))
        retrain = restored
        data = [json.loads(output.value or b"")["data"] for output in outputs if output.channel == "retrain"]
        return [(one["revision"], one["data_since_change"]["labelled"], one["ready"]) for one in data]

    assert told(600) == [(0, 400, False)]
    assert told(570) == []
    assert told(400) == [(1, 600, True)]
    assert retrain.expires == START + 1000 * SECOND + settings.config.retrain.expires
    assert told(800) == [(2, 200, True)]


def test_a_request_that_expired_is_made_again_after_the_cooldown_while_its_alert_fires() -> None:
    states = asked(list(story([0.1, 0.1] + [0.5] * 4)), minimum_labels=600, expires="20m", cooldown="10m")
    assert states == [("proposed", False), ("proposed", True), ("expired", True), ("proposed", True), ("expired", True)]


def test_the_rest_doubles_each_time_that_nobody_answers() -> None:
    config = {"retrain": {"minimum_labels": 0, "expires": "2m", "cooldown": "3m"}, "metrics": {"window": "1m"}}
    blocks = [block(configuration(config=config), at=0), *story([0.1, 0.1] + [0.5] * 4)]
    said = run(blocks)["retrain"]
    assert run(cut(blocks, 17), restarts=[80, 110, 190])["retrain"] == said
    at = {status: [moment(event) for event in said if event["data"]["status"] == status] for status in ("proposed", "expired")}
    rests = [(asked - ended).total_seconds() / 60 for ended, asked in zip(at["expired"], at["proposed"][1:], strict=False)]
    assert rests[:4] == pytest.approx([3, 6, 12, 24], abs=1)


def test_a_request_that_nobody_has_approved_is_withdrawn_when_its_alert_ends() -> None:
    blocks = list(story([0.1, 0.1, 0.5, 0.1, 0.1]))
    assert asked(blocks, minimum_labels=9000, cooldown="1m")[-1] == ("withdrawn", False)
    assert asked(blocks, minimum_labels=9000, cooldown="1m", auto=True) == [("approved", False)]


def test_a_request_that_somebody_approved_stays_whatever_is_said_of_its_alert() -> None:
    config = {"retrain": {"minimum_labels": 700, "expires": "10m", "auto": True}, "metrics": {"window": "1m"}}
    blocks = [block(configuration(config=config), at=0), *story([0.1, 0.1, 0.5, 0.5])]
    asked = run(blocks)["retrain"][0]["data"]
    approve = control(action="approve", request_id=asked["request_id"])
    verdict = control(action="verdict", fingerprint=asked["fingerprints"][0], verdict="false_alarm", by="ana")
    told = [event["data"] for event in run([*blocks[:48], approve, verdict, *blocks[48:]])["retrain"]]
    assert [(one["status"], one["ready"]) for one in told[1:]] == [("approved", False), ("approved", True), ("expired", True)]
    assert {(one["by"], one["endReason"]) for one in told[1:]} == {("somebody", None)}


@pytest.mark.parametrize(("after", "states"), [(0.2, ["proposed", "expired", "proposed"]), (0.1, ["proposed", "expired"])])
def test_none_is_made_anew_once_errors_are_as_few_as_before_though_the_alert_still_fires(
    after: float, states: list[str]
) -> None:
    config: dict[str, Any] = {"retrain": {"minimum_labels": 0, "expires": "2m", "cooldown": "30m"}, "reference": {"rows": 1000}}
    config |= {"alerts": {"resolve_after": 2000}, "detectors": {"features": {}, "score": {}, "loss": {"scan": {}}}}
    blocks = [block(configuration(config=config), at=0), *story([0.1, 0.1, 0.2, 0.2, after], seed=1)]
    said = run(blocks)
    assert "resolved" not in steps(said, alertname="ConceptDrift")
    assert [event["data"]["status"] for event in said["retrain"]][:3] == states
    assert run(cut(blocks, 17), restarts=[110, 180])["retrain"] == said["retrain"]


@pytest.mark.parametrize(
    ("action", "states"),
    [("reject", ["proposed", "rejected"]), ("complete", ["proposed", "completed", "proposed"])],
)
def test_a_request_that_was_completed_is_made_again_for_its_alert_and_one_that_was_rejected_is_not(
    action: str, states: list[str]
) -> None:
    config = {"retrain": {"minimum_labels": 0, "cooldown": "10m"}}
    blocks = [block(configuration(config=config), at=0), *story([0.1, 0.1, 0.5, 0.5, 0.5])]
    request = run(blocks)["retrain"][0]["data"]["request_id"]
    said = run([*blocks[:60], control(action=action, request_id=request), *blocks[60:]])
    assert [event["data"]["status"] for event in said["retrain"]] == states


@pytest.mark.parametrize(
    ("auto", "verdict", "states"),
    [
        (False, "false_alarm", ["proposed", "withdrawn"]),
        (False, "real", ["proposed", "expired", "proposed"]),
        (True, "false_alarm", ["approved", "withdrawn"]),
    ],
)
def test_none_is_made_for_what_somebody_calls_a_false_alarm(auto: bool, verdict: str, states: list[str]) -> None:
    config = {"retrain": {"minimum_labels": 0, "expires": "10m", "cooldown": "10m", "auto": auto}, "metrics": {"window": "1m"}}
    blocks = [block(configuration(config=config), at=0), *story([0.1, 0.1, 0.5, 0.5])]
    fingerprint = alerts(run(blocks), alertname="ConceptDrift")[0]["fingerprint"]
    say = control(action="verdict", fingerprint=fingerprint, verdict=verdict, by="ana")
    said = run([*blocks[:50], say, *blocks[50:]])
    assert [event["data"]["status"] for event in said["retrain"]][:3] == states
    why = {(one["by"], one["endReason"]) for event in said["retrain"] if (one := event["data"])["status"] == "withdrawn"}
    assert why == ({("ana", "false_alarm")} if "withdrawn" in states else set())


def test_a_new_version_closes_the_request_and_is_compared_with_itself() -> None:
    said = run([block(configuration(), at=0), *story([0.1, 0.1, 0.5, 0.4, 0.4], version=["1", "1", "1", "2", "2"])])
    assert said["retrain"][-1]["data"]["status"] == "superseded"
    assert alerts(said, version="2") == []


def test_a_version_may_be_compared_with_the_one_before() -> None:
    config = {"versions": {"reference": "previous"}}
    said = run([block(configuration(config=config), at=0), *story([0.1, 0.1, 0.5], version=["1", "1", "2"])])
    assert steps(said, version="2")[0] == "opened"


def control(**event: Any) -> Block:
    """A block with a control event for the stream."""
    return block(Section("s", "control", document=json.dumps({"stream": "s"} | event).encode()), at=event.pop("at", 0))


def test_people_can_acknowledge_judge_and_silence_an_alert() -> None:
    blocks = [block(configuration(), at=0), *story([0.1, 0.1], [0, 2.0])]
    fingerprint = run(blocks)["alerts"][0]["data"]["fingerprint"]
    said = run([
        *blocks,
        control(action="acknowledge", fingerprint=fingerprint, by="ana"),
        control(action="verdict", fingerprint=fingerprint, verdict="false_alarm"),
        control(action="verdict", fingerprint=fingerprint, verdict="real", by="bob"),
        control(action="verdict", fingerprint=fingerprint, verdict="real"),
        control(action="silence", fingerprint=fingerprint, until=1_800_000_000_000_000),
        control(action="acknowledge", fingerprint=fingerprint),
    ])  # fmt: skip
    last = said["alerts"][-1]["data"]
    assert (last["acknowledgedBy"], last["verdict"], last["silencedUntil"]) == ("ana", "real", "2027-01-15T08:00:00.000Z")
    assert [alert["data"]["verdictBy"] for alert in said["alerts"][-3:]] == [None, "bob", "bob"]
    assert last["transition"] == "updated"
    assert last["status"] == "firing"


def test_what_changes_nothing_is_not_said_again() -> None:
    blocks = [block(configuration(), at=0), *story([0.1, 0.1], [0, 2.0])]
    before = run(blocks)["alerts"]
    fingerprint = before[0]["data"]["fingerprint"]
    acknowledge = control(action="acknowledge", fingerprint=fingerprint, by="ana")
    verdict = control(action="verdict", fingerprint=fingerprint, verdict="false_alarm")
    said = run([*blocks, acknowledge, acknowledge, verdict, verdict], restarts=[3])["alerts"][len(before) :]
    assert [one["data"]["revision"] for one in said] == [2, 3]


def test_a_silence_that_is_over_ends_one_and_is_pointless_without_one() -> None:
    blocks = [block(configuration(), at=0), *story([0.1, 0.1], [0, 2.0])]
    before = run(blocks)["alerts"]
    fingerprint = before[0]["data"]["fingerprint"]
    over, long = (control(action="silence", fingerprint=fingerprint, until=START + n * SECOND) for n in (60, 90_000))
    said = run([*blocks, over, long, over, over])
    told = [one["data"]["silencedUntil"] for one in said["alerts"][len(before) :]]
    assert told == ["2026-01-02T01:00:00.000Z", "2026-01-01T00:01:00.000Z"]
    assert [one["data"]["reason"] for one in said["dead-letters"]] == ["past_silence"] * 2


def test_the_status_says_what_was_said_of_an_alert() -> None:
    blocks = [block(configuration(), at=0), *story([0.1, 0.1], [0, 2.0])]
    fingerprint = run(blocks)["alerts"][0]["data"]["fingerprint"]
    part = Part(Partition("stream-monitor.blocks", 0), None)
    spoken = [
        control(action="acknowledge", fingerprint=fingerprint, by="ana"),
        control(action="silence", fingerprint=fingerprint, until=1_800_000_000_000_000),
    ]
    for offset, one in enumerate([*blocks, *spoken]):
        part.record(offset, encode(one))
    (alert,) = (one for one in part.status()["s"]["alerts"] if one["fingerprint"] == fingerprint)
    assert (alert["acknowledgedBy"], alert["silencedUntil"]) == ("ana", "2027-01-15T08:00:00.000Z")
    assert "verdict" not in alert


def test_what_was_said_of_an_alert_that_opens_again_still_holds() -> None:
    rows = list(story([0.1] * 9, [0, 2.0, 0, 2.0, 0, 0, 0, 0, 2.0]))
    blocks = [block(configuration(), at=0), *rows]
    fingerprint = alerts(run(blocks))[0]["fingerprint"]
    silence = {"action": "silence", "fingerprint": fingerprint}
    spoken = [
        control(action="acknowledge", fingerprint=fingerprint, by="ana"),
        control(action="verdict", fingerprint=fingerprint, verdict="real"),
        control(**silence, until=START + 5000 * SECOND),
    ]
    said = run([*blocks[:40], *spoken, *blocks[40:]])
    again = [alert for alert in alerts(said) if alert["transition"] == "opened"]
    told = [(one["acknowledgedBy"], one["verdict"], one["silencedUntil"]) for one in again]
    assert told == [(None, None, None), ("ana", None, "2026-01-01T01:23:20.000Z"), (None, None, None)]
    assert run([*blocks[:40], *spoken, *blocks[40:]], restarts=[10, 20, 25, 40], per_read=2) == said


def test_a_request_can_be_approved_and_completed_and_then_rests() -> None:
    blocks = [block(configuration(config={"retrain": {"cooldown": "1h"}}), at=0), *story([0.1, 0.1, 0.5])]
    request = run(blocks)["retrain"][0]["data"]["request_id"]
    said = run(
        [*blocks, control(action="approve", request_id=request, by="bo"), control(action="complete", request_id=request)]
    )
    assert [event["data"]["status"] for event in said["retrain"]] == ["proposed", "approved", "completed"]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"action": "acknowledge", "fingerprint": "0123"}, "unknown_alert"),
        ({"action": "verdict", "fingerprint": "0123", "verdict": "real"}, "unknown_alert"),
        ({"action": "silence", "fingerprint": "0123", "until": 1_800_000_000_000_000}, "unknown_alert"),
        ({"action": "approve", "request_id": "0123"}, "unknown_request"),
        ({"action": "complete", "request_id": "0123"}, "unknown_request"),
        ({"action": "rebaseline", "version": "8"}, "unknown_version"),
        ({"action": "rebaseline", "feature": "xx"}, "unknown_feature"),
        ({"action": "rebaseline", "feature": "x", "version": "1"}, "unknown_feature"),
    ],
)
def test_what_is_said_about_something_that_is_not_there_does_nothing_and_is_a_dead_letter(
    event: dict[str, Any], why: str
) -> None:
    before, after = list(story([0.1])), list(story([0.1], [2.0], name="t", seed=1))
    moved = [b._replace(sections=tuple(s._replace(stream="s") for s in b.sections)) for b in after]
    asked = control(**event)
    (section,) = asked.sections
    asked = asked._replace(sections=(section._replace(topic="c", partition=0, first=4, last=4),))
    blocks = [block(configuration(), at=0), *before, asked, *moved]
    said = run(blocks)
    (letter,) = said.pop("dead-letters")
    place = ("reason", "topic", "partition", "offset", "last_offset")
    assert [letter["data"][name] for name in place] == [why, "c", 0, 4, None]
    again = run(blocks, restarts=[7, 9, 12])
    assert again.pop("dead-letters") == [letter]
    without = run([blocks[0], *before, *moved])
    without.pop("dead-letters")
    assert again == said == without
    assert steps(said, kind="data_drift")


def test_a_request_that_is_over_cannot_be_completed_again() -> None:
    blocks = [block(configuration(), at=0), *story([0.1, 0.1, 0.5])]
    request = run(blocks)["retrain"][0]["data"]["request_id"]
    done = control(action="complete", request_id=request)
    said = run([*blocks, done, done])
    assert [event["data"]["status"] for event in said["retrain"]].count("completed") == 1
    assert [letter["data"]["reason"] for letter in said["dead-letters"]] == ["unknown_request"]


@pytest.mark.parametrize("rows", [100, 200])
def test_a_feature_that_came_after_the_reference_or_before_it_is_complete_can_be_learnt(rows: int) -> None:
    ids, seconds = [f"id{i}" for i in range(rows)], [float(i) for i in range(rows)]
    later, x = [f"new{i}" for i in range(10)], np.random.default_rng(0).normal(size=rows + 10).tolist()
    old = predictions(ids, seconds, [1.0] * rows, {"x": x[:rows]})
    new = predictions(later, [rows + float(i) for i in range(10)], [1.0] * 10, {"x": x[rows:], "y": x[:10]})
    said = run([block(configuration(), at=0), block(old), block(new), control(action="rebaseline", feature="y")])
    assert said["dead-letters"] == []


def test_a_new_baseline_ends_the_alert_and_is_learnt_from_fresh_rows() -> None:
    before, after = list(story([0.1, 0.1], [0, 2.0])), list(story([0.1] * 3, [2.0] * 3, name="t", seed=1))
    moved = [b._replace(sections=tuple(s._replace(stream="s") for s in b.sections)) for b in after]
    said = run([block(configuration(), at=0), *before, control(action="rebaseline"), *moved])
    assert steps(said, feature="x")[-1] == "resolved"
    ended = [alert for alert in alerts(said) if alert["labels"]["kind"] == "data_drift"]
    assert ended[-1]["endReason"] == "rebaselined"


def test_a_changed_severity_is_in_force_at_once_and_resets_nothing() -> None:
    blocks = list(story([0.1, 0.1, 0.5]))
    quiet = configuration(config={"alerts": {"resolve_after": 200, "severity": {"concept_drift": "none"}}}, revision=1)
    said = run([block(configuration(), at=0), *blocks[:40], block(quiet, at=0), *blocks[40:]])
    assert said["alerts"] == said["retrain"] == []


def test_a_changed_reference_begins_again() -> None:
    blocks = list(story([0.1, 0.1, 0.1], [0, 2.0, 2.0]))
    longer = configuration(config={"reference": {"rows": 300}}, revision=1)
    said = run([block(configuration(), at=0), *blocks[:30], block(longer, at=0), *blocks[30:]])
    assert alerts(said)[-1]["endReason"] == "configured"
    assert steps(said)[-1] == "resolved"


@pytest.mark.parametrize("off", [{"off": ["DataDrift"]}, {"severity": {"data_drift": "none"}}])
def test_an_alert_that_is_not_wanted_any_more_ends(off: dict[str, Any]) -> None:
    blocks = [block(configuration(), at=0), *story([0.1, 0.1, 0.1], [0, 2.0, 2.0])]
    blocks.insert(-10, block(configuration(config={"alerts": {"resolve_after": 200} | off}, revision=1), at=2_800))
    said = alerts(run(blocks), alertname="DataDrift")
    assert said[-1]["endReason"] == "configured"


def test_a_replica_that_meets_a_newer_configuration_stops_and_says_so() -> None:
    from stream_monitor.blocks import encode

    part = Part(Partition("blocks", 0), revision=3)
    part.record(0, encode(block(configuration(revision=3), at=0)))
    with pytest.raises(ConfigurationError, match="revision 4 in force, and this replica has 3"):
        part.record(1, encode(block(configuration(revision=4), at=0)))


def test_labels_that_never_say_what_predictions_say_raise_an_alert_and_update_nothing() -> None:
    ids = [f"id{i}" for i in range(300)]
    seconds = [float(i) for i in range(300)]
    said = run([
        block(configuration(), at=0),
        block(predictions(ids, seconds, ["yes"] * 150 + ["no"] * 150)),
        block(labels(ids[:200], [300.0] * 200, ["1"] * 200)),
        drained(3600), drained(7200),
    ])  # fmt: skip
    assert [alert["labels"]["alertname"] for alert in alerts(said)] == ["LabelVocabulary"]
    assert sum(event["performance"]["outcomes"] for event in arrivals(said)) == 0


def test_a_task_that_cannot_be_told_is_said_and_can_be_stated() -> None:
    ids = [f"id{i}" for i in range(300)]
    seconds, counts = [float(i) for i in range(300)], [float(i % 7) for i in range(300)]
    unclear = [
        block(predictions(ids, seconds, counts)),
        block(labels(ids, [300.0] * 300, counts)),
        drained(3600),
        drained(7200),
    ]
    said = run([block(configuration(), at=0), *unclear])
    assert [alert["labels"]["alertname"] for alert in alerts(said)] == ["TaskUnknown"]
    stated = run([block(configuration(config={"task": "regression"}), at=0), *unclear])
    errors = [value(event["performance"], "mae") for event in arrivals(stated) if event["performance"]["outcomes"]]
    assert errors == [0.0]


def test_a_regression_is_judged_by_its_absolute_error() -> None:
    rng = np.random.default_rng(3)
    ids, seconds = [f"id{i}" for i in range(2000)], [float(i) for i in range(2000)]
    value = rng.normal(10, 1, 2000)
    error = rng.normal(0, np.where(np.arange(2000) < 1200, 0.1, 1.0))
    blocks = []
    for start in range(0, 2000, 100):
        part = slice(start, start + 100)
        blocks.append(block(predictions(ids[part], seconds[part], value[part].tolist(), name="s")))
        blocks.append(block(labels(ids[part], [start + 99.0] * 100, (value + error)[part].tolist())))
    said = run([block(configuration(), at=0), *blocks])
    first = alerts(said, kind="concept_drift")[0]
    assert first["change"]["statistic"] == "mean"
    assert abs(first["change"]["position"] - 1200) < 20


@pytest.fixture
def raising(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drops a detector that raises into the family."""
    (tmp_path / "raising.py").write_text(RAISING)
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(tmp_path)])


@pytest.mark.usefixtures("raising")
def test_a_detector_that_raises_is_set_aside_and_the_others_find_what_they_find() -> None:
    config = {"detectors": {"features": {"raising": {}, "ks": {"window": 100}}}}
    said = run([block(configuration(config=config), at=0), *story([0.1] * 3, [0, 0, 2.0])])
    assert [alert["labels"]["alertname"] for alert in alerts(said)][:2] == ["DetectorBroken", "DataDrift"]
    assert "ZeroDivisionError: on purpose" in alerts(said)[0]["annotations"]["summary"]


def test_a_stream_that_fails_is_set_aside_alone_until_it_is_told_to_resume() -> None:
    bad = block(Section("s", "control", document=b'{"stream": "s", "action": "no such thing"}'), at=2000)
    blocks = [
        block(configuration(), configuration("other"), at=0),
        *story([0.1]),
        bad,
        *story([0.1, 0.1], [0, 2.0], name="other"),
    ]
    said = run(blocks)
    assert [alert["labels"]["alertname"] for alert in alerts(said, stream="s")] == ["StreamQuarantined"]
    assert steps(said, stream="other") == ["opened", "updated"]
    assert [event["data"]["reason"] for event in said["dead-letters"]] == ["stream_quarantined"]
    assert run(blocks, restarts=[10, 20, 30], per_read=2) == said
    resumed = run([*blocks, control(action="resume")])
    assert alerts(resumed, stream="s")[-1]["endReason"] == "resumed"


def test_missing_values_and_infinities_are_missing_for_detectors_and_are_counted() -> None:
    rng = np.random.default_rng(0)
    ids, seconds = [f"id{i}" for i in range(1000)], [float(i) for i in range(1000)]
    x = rng.normal(size=1000)
    x[9::10], x[5::10] = np.nan, np.inf
    said = run([block(configuration(), at=0), block(predictions(ids, seconds, [1.0] * 1000, {"x": x.tolist()})), drained(3600)])
    assert said["alerts"] == []
    assert sum(event["counts"].get("infinite", 0) for event in arrivals(said)) == 100
    assert sum(event["counts"].get("missing", 0) for event in arrivals(said)) == 100


@pytest.mark.parametrize("rows", [100, 5_000], ids=["watched", "being learnt"])
def test_a_value_that_no_row_of_a_section_has_is_missing_as_well(rows: int) -> None:
    ids, seconds = [f"id{i}" for i in range(600)], [float(i) for i in range(600)]
    x, late = [math.nan if i % 10 == 9 else float(i % 7) for i in range(600)], [float(i) for i in range(40, 600)]
    whole = [
        block(predictions(ids[:40], seconds[:40], [1.0] * 40, {"x": x[:40]})),
        block(predictions(ids[40:], seconds[40:], [1.0] * 560, {"x": x[40:], "late": late})),
    ]
    single = [
        block(predictions([ids[i]], [seconds[i]], [1.0], {k: [v] for k, v in features.items() if not math.isnan(v)}))
        for i in range(600)
        for features in [{"x": x[i]} | ({"late": late[i - 40]} if i >= 40 else {})]
    ]
    for blocks in (whole, cut(whole, 7), single):
        said = run([block(configuration(config={"reference": {"rows": rows}}), at=0), *blocks, drained(3600)])
        assert sum(event["counts"].get("missing", 0) for event in arrivals(said)) == 60


def test_a_constant_feature_that_begins_to_vary_has_drifted() -> None:
    ids, seconds = [f"id{i}" for i in range(1000)], [float(i) for i in range(1000)]
    x = [7.0] * 500 + np.random.default_rng(0).normal(7, 1, 500).tolist()
    said = run([block(configuration(), at=0), block(predictions(ids, seconds, [1.0] * 1000, {"x": x}))])
    assert steps(said, feature="x")[0] == "opened"


def test_every_event_has_an_id_of_its_own() -> None:
    said = run([block(configuration(), at=0), *story([0.1, 0.1, 0.5, 0.1, 0.5], [0, 2.0, 0, 2.0, 0])])
    ids = [event["id"] for events in said.values() for event in events]
    assert len(ids) == len(set(ids)) > 10
