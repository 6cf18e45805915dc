"""Labels are compared at one age of their predictions: that some come later, and why, is no change of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.alerting.wording import at_age
from stream_monitor.blocks import Block, Section
from stream_monitor.config.stream import Absent, Labels
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.metrics.label_age import LabelAge

from .worlds import SECOND, block, configuration, cut, drained, labels, predictions, run

HOUR = 3600.0
CONFIG: dict[str, Any] = {
    "labels": {"topic": "l", "wait": "12h"}, "reference": {"rows": 500}, "metrics": {"window": "1h", "also": ["4h"]},
    "detectors": {"features": {}, "score": {}, "prediction": {}, "loss": {"scan": {}}}, "quality": {"enabled": False},
    "performance": {"risk": {"rise": 0.05, "level": 0.05}},
}  # fmt: skip
QUIET: dict[str, Any] = {"features": {}, "score": {}, "prediction": {}, "loss": {}}


def world(
    error: Any, late: float, hours: float = 40.0, rate: int = 200, version: Any = "1", seed: int = 0, config: Any = None,
    slow: Any = None, unsaid: float | None = None, spread: bool = False,
) -> list[Block]:  # fmt: skip
    """Predictions with an error rate by hour; labels come after some ten minutes, those of errors `late` hours later.

    With `spread` that is on average, some come soon and others very late.

    All take `slow` hours more, by the hour of the prediction; the label `unsaid` never comes, and others are never errors.
    """
    rng = np.random.default_rng(seed)
    n = int(hours * rate)
    time = np.sort(rng.uniform(0, hours * HOUR, n))
    truth = rng.integers(0, 2, n).astype(float)
    wrong = (rng.random(n) < np.vectorize(error)(time / HOUR)) & (unsaid is None or truth == unsaid)
    versions = np.vectorize(version)(time / HOUR) if callable(version) else np.full(n, version)
    known = time + 600 + rng.exponential(120, n)
    known += np.where(wrong, late * HOUR * (rng.exponential(1.0, n) if spread else 1.0), 0.0)
    known += HOUR * np.vectorize(slow)(time / HOUR) if slow else 0.0
    said, blocks = np.where(wrong, 1 - truth, truth), [block(configuration(config=CONFIG | (config or {})), at=0)]
    for start in np.arange(0.0, hours * HOUR, 600.0):
        mine, due = (np.flatnonzero((at >= start) & (at < start + 600)) for at in (time, known))
        due = due[np.argsort(known[due])]
        due = due[truth[due] != unsaid]
        sections = [
            predictions([f"i{i}" for i in mine], time[mine].tolist(), said[mine].tolist(), None, versions[mine].tolist())
        ]
        if len(due):
            sections.append(labels([f"i{i}" for i in due], known[due].tolist(), truth[due].tolist()))
        blocks += [block(*sections, at=start + 600), drained(start + 600)]
    return blocks


def opened(blocks: list[Block]) -> list[tuple[str, str]]:
    """Names and times of the alerts that were opened."""
    data = [event["data"] for event in run(blocks, per_read=50)["alerts"]]
    return [(one["labels"]["alertname"], one["startsAt"]) for one in data if one["transition"] == "opened"]


@pytest.mark.parametrize("late", [1.0, 6.0])
def test_that_errors_are_known_later_is_no_change(late: float) -> None:
    assert opened(world(lambda hour: 0.12, late)) == []


@pytest.mark.parametrize("basis", ["arrival", "cohort"])
def test_the_reference_of_metrics_has_the_errors_that_are_known_later(basis: str) -> None:
    against = {"metrics": ["accuracy"], "windows": 2, "least": {"accuracy": 0.02}, "basis": basis}
    rules = {"performance": {"against_reference": against}, "detectors": QUIET, "alerts": {"off": ["LabelBias", "LabelsLate"]}}
    found = opened(world(lambda hour: 0.25 if hour < 30 else 0.5, 3.0, hours=46, config=rules, spread=True))
    assert [name for name, _ in found] == ["PerformanceDrop"]
    assert found[0][1] > "2026-01-02T06"


def test_the_last_labels_of_a_version_are_no_change() -> None:
    assert opened(world(lambda hour: 0.12, 2.0, version=lambda hour: "1" if hour < 20 else "2")) == []


def test_a_night_in_which_only_late_labels_come_is_no_change() -> None:
    blocks = world(lambda hour: 0.12, 3.0, hours=48)
    assert opened([one._replace(sections=tuple(filter(_by_day, one.sections))) for one in blocks]) == []


def _by_day(section: Section) -> bool:
    rows = section.rows
    return rows is None or section.kind == "labels" or (int(rows.time[0]) // 3_600_000_000) % 24 < 20


def test_more_errors_are_found_though_they_are_known_later() -> None:
    found = dict(opened(world(lambda hour: 0.12 if hour < 20 else 0.4, 2.0)))
    assert found.keys() >= {"ConceptDrift", "RiskRose"}
    assert all("2026-01-01T22" < at < "2026-01-02T02" for name, at in found.items() if name in ("ConceptDrift", "RiskRose"))


def test_more_errors_are_no_new_reference_because_labels_come_later_too() -> None:
    blocks = world(
        lambda hour: 0.12 if hour < 30 else 0.4, 0.2, hours=64, rate=100, slow=lambda hour: 0.0 if hour < 30 else 6.0
    )
    whole = run(blocks, per_read=50)
    said = [event["data"] for event in whole["alerts"] if event["data"]["labels"]["alertname"] == "ConceptDrift"]
    assert [one["status"] for one in said] == ["firing"] * len(said) != []
    assert "2026-01-02T06" < said[0]["change"]["time"] < "2026-01-03"
    assert run(cut(blocks, 7), restarts=[300, 700], per_read=9) == whole


def test_what_is_inherited_is_kept_when_labels_take_longer_than_was_seen() -> None:
    config = {"versions": {"reference": "previous"}, "labels": {"topic": "l", "wait": "30h"}}
    blocks = world(
        lambda hour: 0.12 if hour < 10 else 0.4, 0.2, rate=100, version=lambda hour: "1" if hour < 10 else "2",
        slow=lambda hour: 0.0 if hour < 10 else 2.0, config=config,
    )  # fmt: skip
    names = {name for name, _ in opened(blocks)}
    assert names >= {"ConceptDrift", "RiskRose"}


def test_what_labels_said_at_that_age_counts_wherever_the_log_is_cut() -> None:
    blocks = world(lambda hour: 0.12 if hour < 8 else 0.4, 0.5, hours=12.0)
    amended = blocks[-1]._replace(sections=())
    for start in range(0, 2000, 40):  # what they say, soon taken back or corrected
        ids, value = [f"i{i}" for i in range(start, start + 20)], [float(start % 3 == 0)] * 10 + [np.nan] * 10
        at = 40 * HOUR / 200 / 40 * start + 780
        place = next(i for i, one in enumerate(blocks) if one.arrived >= amended.arrived or _second(one) >= at)
        blocks.insert(place, block(labels(ids, [at] * 20, value), at=_second(blocks[place])))
    whole = run(blocks)
    assert run(cut(blocks, 7), per_read=9) == whole
    assert run(blocks, restarts=range(2, 60, 5)) == whole


@pytest.mark.parametrize("wait", ["3h", "4h"])
def test_where_no_label_is_one_it_is_compared_as_others_are(wait: str) -> None:
    config = {"labels": {"topic": "l", "wait": wait, "absent": {"label": 0, "after": "3h"}}}
    blocks = world(lambda hour: 0.24 if hour < 12 else 0.8, 0.0, hours=20.0, config=config, unsaid=0.0)
    whole = run(blocks, per_read=50)
    references = [event["data"]["performance"].get("reference") for event in whole["metrics"]]
    assert references[-1]["accuracy"] == pytest.approx(0.88, abs=0.03)
    said = [event["data"] for event in whole["alerts"] if event["data"]["labels"]["alertname"] == "ConceptDrift"]
    assert {one["labels"]["severity"] for one in said} == {"critical"}
    assert "2026-01-01T15" < said[0]["startsAt"] < "2026-01-01T17"
    assert run(cut(blocks, 7), restarts=[40, 90], per_read=9) == whole


def test_another_age_by_configuration_begins_again_from_what_still_waits() -> None:
    blocks = world(lambda hour: 0.12 if hour < 8 else 0.5, 0.5, hours=16.0)
    stated = CONFIG | {"labels": {"topic": "l", "wait": "12h", "age": "2h"}}
    place = next(i for i, one in enumerate(blocks) if _second(one) > 12 * HOUR)
    blocks.insert(place, block(configuration(config=stated, revision=1), at=_second(blocks[place])))
    whole = run(blocks)
    ends = [event["data"].get("endReason") for event in whole["alerts"] if event["data"]["labels"]["kind"] == "concept_drift"]
    assert ends.count("rebaselined") == 1
    last = [event["data"] for event in whole["alerts"] if event["data"]["labels"]["kind"] == "concept_drift"][-1]
    assert last["status"] == "firing"
    assert run(cut(blocks, 11), restarts=[5, 40], per_read=9) == whole


def test_no_label_that_begins_to_be_one_is_compared_from_then_on() -> None:
    before, absent = {"topic": "l", "wait": "9h"}, {"absent": {"label": 0, "after": "3h"}}
    blocks = world(lambda hour: 0.24, 0.0, hours=20.0, config={"labels": before}, unsaid=0.0)
    place = next(i for i, one in enumerate(blocks) if _second(one) > 9 * HOUR)
    changed = configuration(config=CONFIG | {"labels": before | absent}, revision=1)
    blocks.insert(place, block(changed, at=_second(blocks[place])))
    whole = run(blocks, per_read=50)
    references = [event["data"]["performance"].get("reference") for event in whole["metrics"]]
    assert references[-1]["accuracy"] == pytest.approx(0.88, abs=0.03)
    assert run(cut(blocks, 7), restarts=[40, 90], per_read=9) == whole


def _second(one: Block) -> float:
    return (one.arrived - 1_767_225_600 * SECOND) / SECOND


def came(*delays: float, start: Any = 0.0) -> Outcomes:
    """Outcomes whose labels took so many seconds, of predictions made at a second, or each at one."""
    n = len(delays)
    time = (np.zeros(n) + start * SECOND).astype(np.int64)
    return Outcomes.joined([NO_OUTCOMES._replace(
        **{name: np.zeros((n, *column.shape[1:]), column.dtype) for name, column in NO_OUTCOMES._asdict().items()}
    )._replace(time=time, at=time + (np.array(delays) * SECOND).astype(np.int64), sign=np.ones(n, np.int8))])  # fmt: skip


def take(age: LabelAge, *delays: float, wrong: int = 0) -> None:
    """Takes labels of predictions made since the last look, of which the last ones say that they were wrong."""
    age.predictions += len(delays)
    age.take(came(*delays, start=age.looked / SECOND), np.arange(len(delays)) >= len(delays) - wrong)


def test_the_age_is_what_most_labels_take_and_a_little_more() -> None:
    age, wait = LabelAge(), 100 * 3600 * SECOND
    assert age.next == FAR
    age.begin(0)
    assert age.within(wait) == wait
    assert not age.look(age.next, wait)
    take(age, *[300.0] * 60)
    assert age.look(age.next, wait)
    assert 300 < age.within(wait) / SECOND < 360
    again = LabelAge()
    again.restore(age.state())
    assert again.state() == age.state()
    assert again.within(200 * SECOND) == 200 * SECOND


def test_it_is_known_whether_a_part_of_labels_comes_later() -> None:
    age, wait = LabelAge(), 100 * 3600 * SECOND
    age.begin(0)
    take(age, *[300.0] * 60)
    age.look(age.next, wait)
    assert age.partial(wait) is None
    take(age, *[9000.0] * 10, *[300.0] * 90)
    age.look(age.next, wait)
    assert age.partial(wait) == age.within(wait) < 400 * SECOND
    again = LabelAge()
    again.restore(age.state())
    assert again.partial(wait) == age.partial(wait)
    age.state_it(Labels(topic="l", wait=wait, age=50 * SECOND))
    assert (age.partial(wait), age.partial(50 * SECOND)) == (50 * SECOND, None)
    age.state_it(Labels(topic="l", wait=wait, absent=Absent(label=0, after=30 * SECOND)))
    assert age.partial(wait) is None


def test_where_a_part_of_labels_comes_later_the_alert_says_so() -> None:
    config = {"labels": {"topic": "l", "wait": "12h", "age": "15m"}}
    told = run(world(lambda hour: 0.12 if hour < 20 else 0.6, 0.1, hours=24, config=config, spread=True), per_read=50)
    drift = next(one["data"] for one in told["alerts"] if one["data"]["labels"]["alertname"] == "ConceptDrift")
    assert drift["change"]["label_age_s"] == 900.0
    assert (
        "of predictions 15m after they were made: labels that came later are not in it" in drift["annotations"]["description"]
    )
    assert "2h30m" in at_age(9017 * SECOND)


def test_errors_count_for_the_age_however_few_they_are() -> None:
    age, wait = LabelAge(), 100 * 3600 * SECOND
    age.begin(0)
    for _ in range(8):
        take(age, *[30.0] * 100)
        age.look(age.next, wait)
    assert age.within(wait) < 40 * SECOND
    take(age, *[30.0] * 900, *[3000.0] * 25, wrong=25)
    assert age.look(age.next, wait)
    assert 3000 < age.within(wait) / SECOND < 3400


def test_one_late_day_does_not_change_what_is_known_of_many() -> None:
    age, wait = LabelAge(), 7 * 86_400 * SECOND
    age.begin(0)
    for day in range(60):
        take(age, *[86_400.0 if day == 40 else 60.0] * 100)
        while age.next <= day * 86_400 * SECOND:
            age.look(age.next, wait)
    assert age.within(wait) < 120 * SECOND
    for _ in range(30):  # it is otherwise from now on
        take(age, *[86_400.0] * 100)
    assert age.look(age.next, wait)
    assert age.within(wait) >= 86_400 * SECOND


def test_it_does_not_grow_by_chance() -> None:
    rng, wait, grown = np.random.default_rng(0), 12 * 3600 * SECOND, 0
    for _ in range(5):
        age = LabelAge()
        age.begin(0)
        while age.next < 14 * 24 * 3600 * SECOND:
            before, n = age.looked, 20 * (age.next - age.looked) // (3600 * SECOND)
            delays = rng.lognormal(9, 1, n)
            come = np.flatnonzero(rng.uniform(0, age.next - age.looked, n) + delays * SECOND < age.next)
            age.take(came(*delays[come].tolist(), start=before / SECOND), rng.random(len(come)) < 0.2)
            grown += age.look(age.next, wait) and before > 48 * 3600 * SECOND
    assert grown == 0


@pytest.mark.parametrize("made", [lambda day: day < 6.0, lambda day: not 6.0 < day < 7.0, lambda day: day % 1.0 < 0.7])
@pytest.mark.parametrize("hours", [0.2, 1.0, 8.0])
def test_it_does_not_grow_because_predictions_end_or_pause(made: Any, hours: float) -> None:
    rng, wait, grown = np.random.default_rng(0), 3 * 24 * 3600 * SECOND, 0
    for _ in range(3):
        time = rng.uniform(0, 14, 14_000)
        time = time[np.vectorize(made)(time)] * 24 * HOUR
        wrong = rng.random(len(time)) < 0.15
        delays = np.minimum(HOUR * hours * rng.lognormal(0, 0.7, len(time)) * np.where(wrong, 3.0, 1.0), 2.9 * 24 * HOUR)
        age = LabelAge()
        age.begin(0)
        while age.next < 14 * 24 * HOUR * SECOND:
            since, until = age.looked / SECOND, age.next / SECOND
            age.predictions += int(np.count_nonzero((time > since) & (time <= until)))
            come = (time + delays > since) & (time + delays <= until)
            age.take(came(*delays[come].tolist(), start=time[come]), wrong[come])
            young = age.is_young(wait)
            grown += age.look(age.next, wait) and not young
    assert grown == 0


def test_it_grows_where_labels_are_later_even_as_predictions_end() -> None:
    age, wait = LabelAge(), 12 * 3600 * SECOND
    age.begin(0)
    while age.is_young(wait):
        take(age, *[30.0] * 100)
        age.look(age.next, wait)
    age.take(came(*[3600.0] * 100), np.zeros(100, np.bool_))
    assert not age.look(age.next, wait)
    again = LabelAge()
    again.restore(age.state())
    for one in (age, again):
        take(one, *[3600.0] * 100)
        assert one.look(one.next, wait)
        assert one.within(wait) >= 3600 * SECOND


def test_what_is_stated_is_not_found_out() -> None:
    age = LabelAge()
    age.state_it(Labels(topic="l", wait=100 * SECOND, age=50 * SECOND))
    age.begin(0)
    assert age.next == FAR
    assert age.within(100 * SECOND) == 50 * SECOND
    age.state_it(Labels(topic="l", wait=100 * SECOND, absent=Absent(label=0, after=30 * SECOND)))
    assert age.within(100 * SECOND) == 30 * SECOND + 1
