"""Versions come and go: one that no longer predicts is followed until its last labels, and a stream's silence ends none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from stream_monitor.alerting.alerts import Subject
from stream_monitor.blocks import Block, Section, encode
from stream_monitor.config.stream import StreamRecord
from stream_monitor.part import Part
from stream_monitor.task import Partition
from stream_monitor.watched import Watched
from stream_monitor.watching.judge import Judge

from .worlds import block, configuration, cut, labels, predictions, run

DAY = 86_400.0


def told(
    start: float, errors: Sequence[float], version: str, late: float, seed: int = 0, rows: int = 1000
) -> Iterator[tuple[float, Block]]:
    """1,000 predictions, or `rows`, one a second, for each error rate; labels come `late` seconds after their prediction."""
    rng = np.random.default_rng(seed)
    for phase, error in enumerate(errors):
        begin = start + rows * phase
        truth = rng.integers(0, 2, rows).astype(float)
        said = np.where(rng.random(rows) < error, 1 - truth, truth)
        for at in range(0, rows, 50):
            part, ids = slice(at, at + 50), [f"{version}/{begin + i:.0f}" for i in range(at, at + 50)]
            seconds = [begin + i for i in range(at, at + 50)]
            score = np.clip(0.8 * said[part] + 0.2 * rng.random(50), 0, 1).tolist()
            yield seconds[-1], block(predictions(ids, seconds, said[part].tolist(), None, [version] * 50, score))
            yield seconds[-1] + late, block(labels(ids, [seconds[-1] + late] * 50, truth[part].tolist()))


def world(config: dict[str, Any], *stories: Iterator[tuple[float, Block]]) -> list[Block]:
    """All that happens, by when it does."""
    happens = sorted((pair for story in stories for pair in story), key=lambda pair: pair[0])
    return [block(configuration(config={"reference": {"rows": 1000}, "labels": {"topic": "l", "wait": "5d"}} | config), at=0),
            *(one for _, one in happens)]  # fmt: skip


def versions(blocks: Sequence[Block]) -> dict[str, bool]:
    """The versions that are known at the end, and whether they are idle."""
    part = Part(Partition("blocks", 0), None)
    for offset, one in enumerate(blocks):
        part.record(offset, encode(one))
    return {version["version"]: version["idle"] for version in part.status()["s"]["versions"]}


def alerts(said: dict[str, list[Any]], **of: str) -> list[tuple[str, str, str | None]]:
    """Transition, severity and end of the alerts with these labels."""
    data = [event["data"] for event in said["alerts"] if of.items() <= event["data"]["labels"].items()]
    return [(one["transition"], one["labels"]["severity"], one.get("endReason")) for one in data]


def test_a_weekend_without_predictions_ends_no_version() -> None:
    friday, monday = told(0, [0.1] * 3, "1", late=60), told(3 * DAY, [0.5], "1", late=60)
    blocks = world({}, friday, monday)
    assert versions(blocks) == {"1": False}
    assert alerts(run(blocks), alertname="ConceptDrift")[0] == ("opened", "critical", None)


def test_a_version_that_is_replaced_ends_and_its_alerts_too() -> None:
    blocks = world(
        {},
        told(0, [0.1] * 2 + [0.5] * 2, "1", late=60),
        told(4000, [0.1] * 2, "2", late=60),
        told(2 * DAY, [0.1], "2", late=60),
    )
    said = alerts(run(blocks), alertname="ConceptDrift", version="1")
    assert [one[0] for one in said].count("opened") == 1
    assert said[-1] == ("resolved", "critical", "retired")


def test_labels_of_a_version_that_was_replaced_are_news_and_no_page() -> None:
    config = {"performance": {"limits": [{"metric": "accuracy", "below": 0.8, "basis": "cohort"}]}}
    blocks = world(
        config,
        told(0, [0.1] * 2 + [0.5] * 4, "1", late=3 * DAY),
        *(told(6000 + DAY * day, [0.1], "2", late=3 * DAY) for day in range(8)),
    )
    said = run(blocks)
    assert alerts(said, alertname="ConceptDrift", version="1")[0] == ("opened", "warning", None)
    assert alerts(said, basis="cohort", version="1")[0] == ("opened", "warning", None)
    assert alerts(said, version="2") == []
    assert said["retrain"] == []


def test_a_version_is_forgotten_when_no_label_can_come_any_more() -> None:
    days = [told(6000 + DAY * day, [0.1], "2", late=60, rows=200) for day in range(8)]
    first = told(0, [0.1] * 2, "1", late=60)
    blocks = world({}, first, *days)
    assert versions(blocks) == {"2": False}
    days = [told(6000 + DAY * day, [0.1], "2", late=60, rows=200) for day in range(5)]
    blocks = world({}, told(0, [0.1] * 2, "1", late=60), *days)
    assert versions(blocks) == {"1": True, "2": False}


def test_a_version_that_comes_back_begins_anew() -> None:
    blocks = world(
        {}, told(0, [0.1] * 2 + [0.5], "1", late=60), *(told(4000 + DAY * day, [0.1], "2", late=60) for day in range(3)),
        told(3 * DAY, [0.1], "1", late=60),
    )  # fmt: skip
    assert versions(blocks) == {"2": False, "1": False}


def test_no_more_idle_versions_are_kept_than_may_be_live() -> None:
    stories = [told(2 * DAY * number, [0.1], str(number), late=60) for number in range(6)]
    blocks = world({"labels": {"topic": "l", "wait": "90d"}}, *stories)
    blocks[0] = block(configuration(config={"labels": {"topic": "l", "wait": "90d"}}, limits={"versions": 2}), at=0)
    assert sum(versions(blocks).values()) == 2


def test_versions_end_alike_however_the_log_is_cut_and_wherever_it_begins_again() -> None:
    stories = [told(0, [0.1, 0.5], "1", 3 * DAY), *(told(2000 + DAY * day, [0.1], "2", 3 * DAY) for day in range(7))]
    blocks = world({}, *stories, told(7 * DAY, [0.1], "1", 60))
    whole = run(blocks)
    assert run(cut(blocks, 17)) == whole
    assert run(blocks, restarts=range(3, 300, 40)) == whole


def test_a_version_that_errs_more_than_the_one_before_is_told_until_it_does_not() -> None:
    blocks = world({}, told(0, [0.1] * 2, "1", late=60), told(2000, [0.4, 0.4, 0.1, 0.1], "2", late=60, seed=1))
    said = run(blocks)
    assert alerts(said, alertname="VersionWorse") == [("opened", "critical", None), ("resolved", "critical", "recovered")]
    opened = next(event["data"] for event in said["alerts"] if event["data"]["labels"]["alertname"] == "VersionWorse")
    assert opened["annotations"]["summary"] == (
        "s/2 errs more than 1 did: errors 10.5% -> 40.4%, by 1,000 outcomes of 1 and its own first 285"
    )
    assert said["retrain"] == []


@pytest.mark.parametrize(
    ("errors", "config"),
    [
        ([[0.1, 0.1], [0.1, 0.1]], {}),
        ([[0.4, 0.4], [0.1, 0.1]], {}),
        ([[0.1, 0.4], [0.4, 0.4]], {}),
        ([[0.1, 0.1], [0.4, 0.4]], {"alerts": {"off": ["VersionWorse"]}}),
    ],
)
def test_a_version_that_errs_no_more_than_the_one_before_did_last_is_not_told_of(
    errors: list[list[float]], config: dict[str, Any]
) -> None:
    blocks = world(config, told(0, errors[0], "1", late=60), told(2000, errors[1], "2", late=60, seed=1))
    assert alerts(run(blocks), alertname="VersionWorse") == []


@pytest.mark.parametrize(("lag", "drift"), [(750, True), (500, True), (250, False)])
def test_errors_that_became_more_shortly_before_a_version_began_do_not_make_it_worse(lag: int, drift: bool) -> None:
    config: dict[str, Any] = {"alerts": {"off": [] if drift else ["ConceptDrift"]}, "metrics": {"window": "5m", "also": []}}
    calm, hard = told(0, [0.2] * 2, "1", late=60, seed=1), told(2000, [0.35], "1", late=60, seed=2, rows=lag)
    blocks = world(config, calm, hard, told(2000 + lag, [0.35] * 3, "2", late=60, seed=3))
    whole = run(blocks)
    assert bool(alerts(whole, alertname="ConceptDrift", version="1")) == drift
    assert alerts(whole, alertname="VersionWorse") == []


def test_a_version_that_is_worse_even_than_what_errors_had_become_is_told() -> None:
    hard = told(0, [0.1, 0.1, 0.1, 0.1, 0.3], "1", late=60, rows=500)
    said = run(world({}, hard, told(2500, [0.6] * 2, "2", late=60, seed=1)))
    opened = next(event["data"] for event in said["alerts"] if event["data"]["labels"]["alertname"] == "VersionWorse")
    assert opened["change"]["before"] == pytest.approx(0.3, abs=0.05)


def test_texts_name_the_model_once_a_stream_has_several_and_subjects_of_events_do_not() -> None:
    record = StreamRecord.model_validate_json(configuration(config={}).document)
    watched, judge = Watched(record), Judge("binary")
    for number, model in enumerate(["m", "m", "n"]):
        watched.begin(number, Subject("s", model, str(number)), record.config, 0, judge)
        watched.name_models()
        names = [one.subject.name for one in watched.versions.values()]
        assert names == (["s/m/0", "s/m/1", "s/n/2"] if model == "n" else ["s/0", "s/1"][: number + 1])
    assert [one.subject.text for one in watched.versions.values()] == ["s/0", "s/1", "s/2"]


def test_a_version_is_compared_with_one_that_is_forgotten_however_the_log_is_cut_and_wherever_it_begins_again() -> None:
    config: dict[str, Any] = {
        "labels": {"topic": "l", "wait": "2h"}, "versions": {"retire_after": "1h"}, "reference": {"rows": 1000},
        "metrics": {"window": "5m", "also": []},
    }  # fmt: skip
    slow = (told(7000 + 20_000 * part, [0.4], "2", late=60, seed=part) for part in range(2))
    blocks = world(config, told(0, [0.1], "1", late=60), *slow)
    whole = run(blocks)
    assert alerts(whole, alertname="VersionWorse", version="2") == [("opened", "critical", None)]
    assert run(cut(blocks, 17)) == whole
    assert run(blocks, restarts=range(3, 300, 10)) == whole


def canary(error: float) -> list[Block]:
    """A version that comes beside another one, and has no more outcomes than half a reference."""
    config: dict[str, Any] = {"reference": {"rows": 2000}, "metrics": {"window": "5m", "also": []}}
    config |= {"labels": {"topic": "l", "wait": "1h"}}
    return world(config, told(0, [0.2] * 5, "1", late=60), told(3000, [error], "2", late=60, seed=1))


def test_a_version_that_is_much_worse_is_told_long_before_it_has_a_reference() -> None:
    blocks = canary(0.4)
    whole = run(blocks)
    opened = [event["data"] for event in whole["alerts"] if event["data"]["labels"]["alertname"] == "VersionWorse"]
    assert [one["annotations"]["summary"] for one in opened] == [
        "s/2 errs more than 1 did: errors 22.5% -> 40.7%, by 200 outcomes of 1 and its own first 535"
    ]
    assert run(cut(blocks, 17)) == whole
    assert run(blocks, restarts=range(3, 300, 10)) == whole


def test_a_version_that_is_hardly_worse_is_not_told_before_it_has_a_reference() -> None:
    assert alerts(run(canary(0.25)), alertname="VersionWorse") == []


def test_what_is_learnt_anew_is_not_told_again() -> None:
    blocks = world({}, told(0, [0.1] * 2, "1", late=60), told(2000, [0.4] * 4, "2", late=60, seed=1))
    anew = block(Section("s", "control", document=b'{"stream": "s", "action": "rebaseline"}'), at=4500)
    blocks.insert(170, anew)
    told_of = alerts(run(blocks), alertname="VersionWorse")
    assert told_of == [("opened", "critical", None), ("resolved", "critical", "rebaselined")]


def slightly_worse(rise: float, then: float = 0.0) -> list[Block]:
    """A version that errs more by a little than the one before, day after day; in the last days even more."""
    old = [told(DAY * day, [0.1] * 2, "1", late=60, seed=day) for day in range(3)]
    new = [told(DAY * (3 + day), [0.1 + rise + then * (day >= 2)], "2", late=60, seed=20 + day) for day in range(5)]
    config: dict[str, Any] = {"labels": {"topic": "l", "wait": "1h"}, "metrics": {"window": "1h", "also": []}}
    return world(config, *old, *new)


def test_a_version_that_is_slightly_worse_is_told_by_more_outcomes_than_its_reference_has() -> None:
    blocks = slightly_worse(0.045)
    whole = run(blocks)
    opened = [event["data"] for event in whole["alerts"] if event["data"]["labels"]["alertname"] == "VersionWorse"]
    assert [one["annotations"]["summary"] for one in opened] == [
        "s/2 errs more than 1 did: errors 9.5% -> 15.3%, by 6,000 outcomes of 1 and its own first 2,000"
    ]
    assert run(cut(blocks, 30), restarts=range(40, 400, 100)) == whole


def test_errors_that_become_more_while_a_version_predicts_do_not_make_it_worse_than_the_one_before() -> None:
    said = run(slightly_worse(0.0, then=0.2))
    assert alerts(said, alertname="ConceptDrift", version="2")[0] == ("opened", "critical", None)
    assert alerts(said, alertname="VersionWorse") == []


def weekly(start: float, days: float, version: str, seed: int) -> Iterator[tuple[float, Block]]:
    """500 predictions a day from a day on, where days 5 and 6 of a week have 35% errors and the others 15%."""
    rng = np.random.default_rng(seed)
    for at in np.arange(start, start + days, 0.25):
        seconds = (DAY * (at + np.arange(125) / 500)).tolist()
        truth = rng.integers(0, 2, 125).astype(float)
        said = np.where(rng.random(125) < (0.35 if at % 7 >= 5 else 0.15), 1 - truth, truth)
        ids = [f"{version}/{second:.0f}" for second in seconds]
        yield seconds[-1], block(predictions(ids, seconds, said.tolist(), None, [version] * 125))
        yield seconds[-1] + 60, block(labels(ids, [seconds[-1] + 60] * 125, truth.tolist()))


def test_a_version_that_begins_at_a_weekend_is_not_worse_than_one_that_errs_as_much_at_weekends() -> None:
    config = {"labels": {"topic": "l", "wait": "1d"}, "metrics": {"window": "6h", "also": []}, "reference": {"rows": 2000}}
    blocks = world(config, weekly(0, 18.75, "1", seed=0), weekly(18.75, 2.5, "2", seed=1))
    assert alerts(run(blocks), alertname="VersionWorse") == []


def by_region(
    start: float, harder: Sequence[float], version: str, worse: float = 0.0, seed: int = 0
) -> Iterator[tuple[float, Block]]:
    """1,000 predictions, one a second, for each share of a region with 40% errors; of the others 10% are wrong."""
    rng = np.random.default_rng(seed)
    for at in range(0, 1000 * len(harder), 50):
        us = rng.random(50) < harder[at // 1000]
        truth = rng.integers(0, 2, 50).astype(float)
        said = np.where(rng.random(50) < np.where(us, 0.4, 0.1) + worse, 1 - truth, truth)
        seconds = (start + at + np.arange(50)).tolist()
        ids = [f"{version}/{second:.0f}" for second in seconds]
        regions = {"segment:region": np.where(us, "us", "eu").tolist()}
        yield seconds[-1], block(predictions(ids, seconds, said.tolist(), None, [version] * 50, more=regions))
        yield seconds[-1] + 60, block(labels(ids, [seconds[-1] + 60] * 50, truth.tolist()))


@pytest.mark.parametrize(("worse", "pages"), [(0.0, False), (0.2, True)])
def test_a_version_that_gets_harder_traffic_is_worse_only_if_it_errs_more_on_what_is_alike(worse: float, pages: bool) -> None:
    blocks = world({}, by_region(0, [0.3] * 2, "1"), by_region(2000, [1.0], "2", worse, seed=1))
    whole = run(blocks)
    assert alerts(whole, alertname="VersionWorse") == [("opened", "critical", None)] * pages
    told_of = [event["data"] for event in whole["alerts"] if event["data"]["labels"]["alertname"] == "VersionWorse"]
    for one in told_of:
        assert "it gets other traffic, by region, on which that is 39.2% -> 58.6%" in one["annotations"]["description"]
    if pages:
        assert run(cut(blocks, 7)) == whole
        assert run(blocks, restarts=range(3, 120, 50)) == whole


def test_that_traffic_may_be_other_is_said_where_it_is_not_known_and_that_it_is_where_it_cannot_be_compared() -> None:
    config: dict[str, Any] = {"segments": {"keys": []}}
    beside = world(config, by_region(0, [0.3] * 3, "1"), by_region(2000, [1.0], "2", seed=1))
    (opened,) = (one["data"] for one in run(beside)["alerts"] if one["data"]["labels"]["alertname"] == "VersionWorse")
    assert "1 still predicts: whether both get the same traffic is not known" in opened["annotations"]["description"]
    apart = world({}, by_region(0, [0.0] * 2, "1"), by_region(2000, [1.0], "2", seed=1))
    opened = next(one["data"] for one in run(apart)["alerts"] if one["data"]["labels"]["alertname"] == "VersionWorse")
    assert "it gets other traffic than 1 did, by region" in opened["annotations"]["description"]
