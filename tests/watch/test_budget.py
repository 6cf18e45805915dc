"""One budget of false alarms for everything: how it is split, what it holds for, what every alert says of it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from stream_monitor.alerting.wording import Context, summary
from stream_monitor.blocks import Block, Rows, encode
from stream_monitor.config.budget import Line, parse
from stream_monitor.part import Part
from stream_monitor.task import Partition
from stream_monitor.watching.finding import Finding

from .test_alerts import alerts, control, steps
from .worlds import SECOND, block, configuration, cut, labels, predictions, run, run_raw

DEFAULT: dict[str, Any] = {"detectors": {}, "reference": {"rows": 1000}}
"""Detectors as they are unless configured."""
FOR_DAYS = DEFAULT | {"metrics": {"window": "1h", "also": []}}
"""The same of a stream that goes on for days: what it costs is in its windows."""


def rows(features: dict[str, Any], n: int, per: int = 200, wrong: Any = None, every: float = 1.0) -> list[Block]:
    """Predictions, one every so many seconds, with a score and, where it is said which are wrong, labels."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, n).astype(float)
    predicted = truth if wrong is None else np.where(wrong, 1 - truth, truth)
    ids, seconds, scores = [f"i{i}" for i in range(n)], (np.arange(n) * every).tolist(), rng.random(n).tolist()
    blocks = []
    for start in range(0, n, per):
        part = slice(start, start + per)
        named = {name: list(column[part]) for name, column in features.items()}
        sections = [predictions(ids[part], seconds[part], predicted[part].tolist(), named, score=scores[part])]
        if wrong is not None:
            sections.append(labels(ids[part], [seconds[part][-1]] * len(ids[part]), truth[part].tolist()))
        blocks.append(block(*sections))
    return blocks


def status(blocks: list[Block]) -> dict[str, Any]:
    """What the stream says of itself after some blocks."""
    part = Part(Partition("blocks", 0), None)
    for offset, one in enumerate(blocks):
        part.record(offset, encode(one))
    found: dict[str, Any] = part.status()["s"]
    return found


def given(blocks: list[Block], sort: str) -> dict[str, Any]:
    """What signals of a sort are given of the budget."""
    return next(one for one in status(blocks)["budget"]["given"] if one["signal"] == sort)


def normal(n: int, columns: int = 1, seed: int = 0) -> dict[str, Any]:
    """Features that never change."""
    values = np.random.default_rng(seed).normal(size=(n, columns))
    return {f"x{i}": values[:, i] for i in range(columns)}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1 per 30d", Line(1 / 2_592_000e6, 0.0)),
        ("2.5 per 1h30m", Line(2.5 / 5_400e6, 0.0)),
        ("1 per 100000 predictions", Line(0.0, 1e-5)),
        ("1 per 1_000_000 predictions", Line(0.0, 1e-6)),
    ],
)
def test_a_budget_is_read_as_people_write_it(text: str, line: Line) -> None:
    assert parse(text) == line


@pytest.mark.parametrize("text", ["", "1", "per 30d", "0 per 30d", "1 per month", "1 per predictions", "-1 per 30d"])
def test_what_is_no_budget_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse(text)


def test_a_budget_in_predictions_that_cannot_be_read_is_not_taken_for_one_in_time() -> None:
    with pytest.raises(ValueError, match=r"^not a budget: '1 per 100k predictions'"):
        parse("1 per 100k predictions")


def test_a_budget_in_time_becomes_values_by_the_rate_that_was_seen() -> None:
    blocks = rows(normal(3000), 3000, every=2.0)
    one = given([block(configuration(config=DEFAULT | {"false_alarms": "1 per 1d"}), at=0), *blocks], "feature")
    assert one["run_length"] == pytest.approx(3 * 43_200, rel=0.15)  # a feature, the score and the classes share it


def test_a_budget_in_predictions_needs_no_rate() -> None:
    blocks = rows(normal(3000), 3000)
    one = given([block(configuration(config=DEFAULT | {"false_alarms": "1 per 50000 predictions"}), at=0), *blocks], "feature")
    assert one["run_length"] == pytest.approx(3 * 50_000, rel=0.1)


def test_more_signals_have_to_share_what_there_is() -> None:
    few, many = ([block(configuration(config=DEFAULT), at=0), *rows(normal(3000, d), 3000)] for d in (1, 10))
    assert given(many, "feature")["run_length"] == pytest.approx(4 * given(few, "feature")["run_length"], rel=0.15)


def test_weights_shift_the_budget_between_kinds() -> None:
    config = DEFAULT | {"alerts": {"weights": {"data_drift": 3.0}}}
    blocks = [block(configuration(config=config), at=0), *rows(normal(3000), 3000)]
    assert given(blocks, "score")["run_length"] == pytest.approx(3 * given(blocks, "feature")["run_length"], rel=0.15)


def test_severities_have_lines_of_their_own() -> None:
    config = DEFAULT | {
        "false_alarms": {"critical": "1 per 100d", "warning": "1 per 10d"}, "labels": {"topic": "l", "wait": "2h", "age": "5m"},
    }  # fmt: skip
    wrong = np.random.default_rng(1).random(3000) < 0.1
    blocks = [block(configuration(config=config), at=0), *rows(normal(3000), 3000, wrong=wrong)]
    assert given(blocks, "loss")["run_length"] == pytest.approx(10 / 3 * given(blocks, "feature")["run_length"], rel=0.15)


def test_a_kind_without_alerts_uses_nothing_of_the_budget() -> None:
    config = DEFAULT | {"alerts": {"severity": {"data_drift": "none"}}, "quality": {"enabled": False}}
    shifted = {"x": np.random.default_rng(0).normal(size=4000) + 3 * (np.arange(4000) > 2000)}
    blocks = [block(configuration(config=config), at=0), *rows(shifted, 4000)]
    assert run(blocks)["alerts"] == []
    plain = [block(configuration(config=DEFAULT), at=0), *rows(shifted, 4000)]
    assert given(blocks, "score")["run_length"] == pytest.approx(given(plain, "score")["run_length"] * 2 / 3, rel=0.15)


def test_what_was_expected_and_what_people_called_false_are_counted() -> None:
    shifted = {"x": np.random.default_rng(0).normal(size=4000) + 3 * (np.arange(4000) > 2000)}
    blocks = [block(configuration(config=DEFAULT | {"false_alarms": "1 per 1000 predictions"}), at=0), *rows(shifted, 4000)]
    fingerprint = alerts(run(blocks), feature="x")[0]["fingerprint"]
    budget = status([*blocks, control(action="verdict", fingerprint=fingerprint, verdict="false_alarm")])["budget"]
    assert budget["expected"] == pytest.approx(3.0, rel=0.1)
    assert budget["opened"] >= 1
    assert budget["false_alarms"] == 1


def test_an_alert_says_since_when_how_rare_it_is_and_what_else_moved() -> None:
    late, rng = np.arange(6000) >= 4000, np.random.default_rng(0)
    features = {"a": rng.normal(10, 2, 6000) + 4 * late, "b": rng.normal(size=6000) - 2 * late, "c": rng.normal(size=6000)}
    said = run([block(configuration(config=DEFAULT), at=0), *rows(features, 6000)])
    assert {alert["labels"]["feature"] for alert in alerts(said)} == {"a", "b"}
    opened, updated = alerts(said, feature="a")[:2]
    assert opened["change"]["interval"][0] <= 4000 <= opened["change"]["interval"][1]
    assert abs(updated["change"]["position"] - 4000) < 40
    assert abs(alerts(said, feature="a")[-1]["change"]["position"] - 4000) < 40
    assert updated["change"]["effect"]["value"] == pytest.approx(2.0, abs=0.25)
    assert (updated["change"]["before"], updated["change"]["after"]) == pytest.approx((10, 14), abs=0.5)
    assert opened["evidence"]["chance_interval_s"] > 30 * 86_400
    assert "b" in updated["change"]["together"]
    assert "chance alone raises as much" in opened["annotations"]["description"]


def test_a_feature_that_only_varies_more_is_said_to_be_spread_wider() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(5, np.where(np.arange(6000) < 3000, 1.0, 2.0))
    said = run([block(configuration(config=DEFAULT), at=0), *rows({"x": x}, 6000)])
    updated = alerts(said, feature="x")[1]
    assert updated["change"]["statistic"] == "spread"
    assert updated["change"]["effect"] == {"value": pytest.approx(2.0, abs=0.2), "unit": "ratio"}
    assert "is spread wider" in updated["annotations"]["summary"]


@pytest.mark.parametrize(("factor", "words"), [(0.001, "drifted downwards"), (10, "drifted upwards")])
def test_a_feature_in_other_units_has_moved_and_is_not_spread_wider(factor: float, words: str) -> None:
    x = np.random.default_rng(0).poisson(40, 6000) * np.where(np.arange(6000) < 3000, 1.0, factor)
    said = run([block(configuration(config=DEFAULT), at=0), *rows({"x": x}, 6000)])
    told = alerts(said, feature="x", kind="data_drift")
    assert {alert["change"]["statistic"] for alert in told} == {"mean"}
    assert all(words in alert["annotations"]["summary"] for alert in told)


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (1.011, "sd 2 -> 2.022 (1.1% wider)"),
        (0.9, "sd 2 -> 1.8 (10% narrower)"),
        (6.1, "sd 2 -> 12.2 (6.1 times wider)"),
        (0.001, "sd 2 -> 0.002 (1,000 times narrower)"),
        (0.0, "sd 2 -> 0"),
    ],
)
def test_a_spread_is_never_said_to_be_once_as_wide(effect: float, words: str) -> None:
    finding = Finding(0, "updated", "feature", "x", "scan", before=2.0, after=2.0 * effect, effect=effect, moved="spread")
    assert summary(finding, "s", Context(False)).endswith(f": {words}")


@pytest.mark.parametrize("more", [-1e-6, 0.0, 1e-6])
def test_shares_that_changed_alike_are_said_in_the_same_order_each_time(more: float) -> None:
    context = Context(False, shares=(("ok", 0.987, 0.953 + more), ("fraud", 0.013, 0.047)))
    assert [name for name, *_ in context.by_change()] == ["fraud", "ok"]


def test_categories_that_come_in_other_shares_are_named() -> None:
    rng, n = np.random.default_rng(0), 6000
    before, after = rng.choice(["PT", "ES", "FR"], n, p=[0.6, 0.3, 0.1]), rng.choice(["PT", "ES", "FR"], n, p=[0.3, 0.3, 0.4])
    country = np.where(np.arange(n) < 4000, before, after).tolist()
    said = run([block(configuration(config=DEFAULT), at=0), *rows({"country": np.array(country, object)}, n)])
    last = alerts(said, feature="country")[-1]
    assert last["change"]["statistic"] == "shares"
    assert {share["category"] for share in last["change"]["shares"][:2]} == {"PT", "FR"}
    assert abs(last["change"]["position"] - 4000) < 100
    assert "comes in other shares since" in last["annotations"]["summary"]
    assert "PT 58.1% -> 3" in last["annotations"]["summary"]


def test_a_reference_that_changed_within_itself_is_said_to() -> None:
    x = np.random.default_rng(0).normal(size=2000) + 2 * (np.arange(2000) > 600)
    said = run([block(configuration(config=DEFAULT), at=0), *rows({"x": x}, 2000)])
    assert [alert["labels"]["alertname"] for alert in alerts(said)] == ["ReferenceUnsettled"]
    summary = alerts(said)[0]["annotations"]["summary"]
    assert "x of s changed within its own reference" in summary
    assert re.search(r": its mean was -?0\.0\d+ and is (1\.9|2\.0)\d* since; ", summary)


def test_a_rhythm_of_the_day_unsettles_a_reference_only_if_it_is_too_short_to_tell() -> None:
    def said(every: float) -> list[str]:
        x = np.random.default_rng(0).normal(size=1100) + 2 * np.sin(2 * np.pi * np.arange(1100) * every / 86_400)
        found = alerts(run([block(configuration(config=FOR_DAYS), at=0), *rows({"x": x}, 1100, every=every)]))
        return [alert["annotations"]["summary"] for alert in found if alert["labels"]["alertname"] == "ReferenceUnsettled"]

    assert not said(240.0)
    assert said(30.0)[0].endswith("(it is of 8h19m: what only changes with the time of day looks like this too)")


@pytest.mark.parametrize(("every", "of"), [(30.0, "day"), (400.0, "week"), (900.0, None)])
def test_a_change_says_which_rhythm_looks_like_it_while_none_can_be_known(every: float, of: str | None) -> None:
    x = np.random.default_rng(0).normal(size=2500) + 2 * (np.arange(2500) > 2000)
    found = alerts(
        run(
            [
                block(configuration(config=DEFAULT | {"metrics": {"window": "1d", "also": []}}), at=0),
                *rows({"x": x}, 2500, every=every),
            ]
        )
    )
    (description,) = [one["annotations"]["description"] for one in found if one["transition"] == "opened"]
    assert re.findall(r"a rhythm of the (\w+) looks like this too", description) == ([of] if of else [])


def test_what_was_a_rhythm_is_taken_back_after_two_days_and_a_half_and_what_was_none_is_not() -> None:
    n, every = 3_900, 60.0
    day = np.arange(n) * every / 86_400
    x = np.random.default_rng(0).normal(size=(n, 2)) + np.stack((2 * np.cos(2 * np.pi * day), 2.0 * (day > 0.3)), axis=1)
    blocks = [block(configuration(config=FOR_DAYS), at=0), *rows({"rhythm": x[:, 0], "step": x[:, 1]}, n, every=every)]
    whole = run_raw(blocks)
    said = [json.loads(value)["data"] for value in whole["alerts"]]
    about = [one for one in said if one["labels"]["alertname"] == "ReferenceUnsettled"]
    assert [(one["labels"]["feature"], one["transition"], one["endReason"]) for one in about] == [
        ("rhythm", "opened", None), ("step", "opened", None), ("rhythm", "resolved", "reevaluated"),
    ]  # fmt: skip
    assert about[-1]["endsAt"][:16] == "2026-01-03T12:00"
    assert run_raw(cut(blocks, 77), restarts=[9, 20], per_read=2) == whole


def test_a_slow_ramp_is_found_before_it_has_moved_by_half_a_standard_deviation() -> None:
    n = 30_000
    x = np.random.default_rng(0).normal(size=n) + np.maximum(0, np.arange(n) - 2000) / (n - 2000)
    said = run([block(configuration(config=DEFAULT), at=0), *rows({"x": x}, n)])
    assert alerts(said, feature="x")[0]["position"]["predictions"] < 2000 + 14_000


def test_a_return_from_an_improvement_is_no_harm() -> None:
    n, at = 12_000, np.arange(12_000)
    wrong = np.random.default_rng(0).random(n) < np.where((at > 4000) & (at < 8000), 0.02, 0.2)
    said = run([block(configuration(config=DEFAULT), at=0), *rows({}, n, wrong=wrong)])
    assert {alert["labels"]["severity"] for alert in alerts(said, kind="concept_drift")} == {"info"}
    assert steps(said, kind="concept_drift")[-1] == "resolved"
    assert said["retrain"] == []


def test_nothing_is_said_of_a_day_on_which_nothing_changes() -> None:
    """Skewed, heavy-tailed, tied and autocorrelated features; a model that errs as ever."""
    rng, n = np.random.default_rng(3), 20_000
    noise = rng.normal(size=n)
    slow = np.zeros(n)
    for i in range(1, n):
        slow[i] = 0.8 * slow[i - 1] + noise[i]
    features = {"a": np.exp(rng.normal(size=n)), "b": rng.standard_t(3, n), "c": slow, "d": rng.poisson(2, n).astype(float)}
    said = run([block(configuration(config=DEFAULT), at=0), *rows(features, n, per=500, wrong=rng.random(n) < 0.07)])
    assert said["alerts"] == []


@pytest.mark.parametrize("name", ["mmd", "domain_classifier"])
def test_features_may_be_watched_as_one_and_the_one_that_has_moved_most_is_named(name: str) -> None:
    late, rng = np.arange(6000) >= 3000, np.random.default_rng(0)
    features = {"a": rng.normal(size=6000), "b": rng.normal(size=6000) + 1.5 * late, "c": rng.normal(size=6000)}
    config = DEFAULT | {"detectors": {"features": {name: {}}}}
    said = run([block(configuration(config=config), at=0), *rows(features, 6000)])
    found = alerts(said, kind="data_drift")
    first = found[0]
    assert {alert["labels"]["feature"] for alert in found} == {"*"}
    assert (first["change"]["statistic"], first["change"]["together"]) == ("distribution", ["b"])
    assert first["change"]["effect"]["value"] > 0.5
    assert "the features of s have drifted since " in first["annotations"]["summary"]
    assert ", b most: mean " in first["annotations"]["summary"]
    assert 3000 < first["position"]["predictions"] < 4000


@pytest.mark.parametrize("seed", range(2))
def test_features_that_go_together_in_another_way_are_one_alert_that_lasts_and_blames_none(seed: int) -> None:
    n, rng = 14_000, np.random.default_rng(seed)
    features = {name: rng.normal(size=n) for name in "abcde"}
    features["b"] = np.where(np.arange(n) < 4000, 0.8, -0.8) * features["a"] + 0.6 * features["b"]
    config = DEFAULT | {"detectors": {"features": {"mmd": {}}}}
    said = run([block(configuration(config=config), at=0), *rows(features, n)])
    assert steps(said) == ["opened"]
    for alert in alerts(said):
        assert alert["labels"]["feature"] == "*"
        assert (alert["change"]["together"], alert["change"]["effect"]["value"]) == ([], None)
        assert "no mean or spread has surely moved" in alert["annotations"]["summary"]


def test_categories_that_are_watched_as_one_are_an_alert_of_their_own() -> None:
    late, rng = np.arange(6000) >= 3000, np.random.default_rng(0)
    features = {name: rng.integers(0, 3, 6000).astype(float) for name in "ab"} | {name: rng.normal(size=6000) for name in "cd"}
    features["b"] = np.where(late & (rng.random(6000) < 0.6), 2.0, features["b"])
    config = DEFAULT | {"detectors": {"features": {"mmd": {}}, "categories": {"mmd": {}}}}
    said = run([block(configuration(config=config), at=0), *rows(features, 6000)])
    assert {alert["labels"]["feature"] for alert in alerts(said)} == {"* (categories)"}
    assert alerts(said)[0]["change"]["together"] == ["b"]
    assert "the categorical features of s have drifted since " in alerts(said)[0]["annotations"]["summary"]


def test_a_change_that_lasts_is_the_new_normal_where_that_is_the_rule() -> None:
    n = 12_000
    x = np.random.default_rng(0).normal(size=n) + 2.0 * (np.arange(n) >= 3000) + 2.0 * (np.arange(n) >= 10_000)
    config = DEFAULT | {"reference": {"rows": 1000, "renew_after": "1h"}}
    said = run([block(configuration(config=config), at=0), *rows({"x": x}, n)])
    assert [step for step in steps(said, feature="x") if step != "updated"] == ["opened", "resolved", "opened"]
    ended, again = [alert for alert in alerts(said, feature="x") if alert["transition"] != "updated"][1:]
    assert ended["endReason"] == "rebaselined"
    assert again["change"]["before"] == pytest.approx(2.0, abs=0.1)


def test_an_improvement_never_becomes_the_normal_by_itself() -> None:
    n, at = 12_000, np.arange(12_000)
    wrong = np.random.default_rng(0).random(n) < np.where((at > 3000) & (at < 9000), 0.02, 0.2)
    config = DEFAULT | {"reference": {"rows": 1000, "renew_after": "30m"}}
    said = run([block(configuration(config=config), at=0), *rows({}, n, wrong=wrong)])
    assert {alert["labels"]["severity"] for alert in alerts(said, kind="concept_drift")} == {"info"}


def test_a_number_that_becomes_a_text_is_said_to_and_ends_when_it_is_a_number_again() -> None:
    numbers = np.random.default_rng(0).normal(size=3000)
    first, last = rows({"x": numbers}, 3000), rows({"x": numbers}, 3000)
    texts = rows({"x": np.array([f"{value:.1f}" for value in numbers], object)}, 3000)
    later = [*(_later(one, 3000) for one in texts), *(_later(one, 6000) for one in last)]
    said = run([block(configuration(config=DEFAULT), at=0), *first, *later])
    assert steps(said, alertname="FeatureType") == ["opened", "resolved"]
    assert "comes as text" in alerts(said, alertname="FeatureType")[0]["annotations"]["summary"]


def _later(one: Block, seconds: int) -> Block:
    """The same rows at another time, with other ids."""
    sections = []
    for section in one.sections:
        assert section.rows is not None
        rows = Rows(section.rows.time + seconds * SECOND, section.rows.ids + np.uint64(seconds), *section.rows[2:])
        sections.append(section._replace(rows=rows))
    return one._replace(arrived=one.arrived + seconds * SECOND, sections=tuple(sections))


def test_shares_that_stay_otherwise_stay_an_alert_and_end_when_they_are_back() -> None:
    rng, n, at = np.random.default_rng(0), 24_000, np.arange(24_000)
    x = (rng.random(n) < np.where((at > 2000) & (at < 16_000), 0.6, 0.5)).astype(float)
    said = run([block(configuration(config=DEFAULT), at=0), *rows({"x": x}, n)])
    assert [step for step in steps(said, feature="x") if step != "updated"] == ["opened", "resolved"]
    assert alerts(said, feature="x")[-1]["position"]["predictions"] > 16_000


def test_a_time_from_another_century_does_not_change_what_is_allowed() -> None:
    blocks = rows(normal(4000), 4000)
    fine = given([block(configuration(config=DEFAULT), at=0), *blocks], "feature")["run_length"]
    for row, shift in ((500, -1e9), (500, 1e9), (1000, -1e9), (1000, 1e9)):
        odd = list(blocks)
        section = odd[row // 200].sections[0]
        assert section.rows is not None
        section.rows.time[row % 200] += round(shift) * SECOND
        found = given([block(configuration(config=DEFAULT), at=0), *odd], "feature")["run_length"]
        section.rows.time[row % 200] -= round(shift) * SECOND
        assert found == pytest.approx(fine, rel=0.15)


def test_other_detectors_while_an_alert_fires_begin_anew() -> None:
    shifted = {"x": np.random.default_rng(0).normal(size=6000) + 2.0 * (np.arange(6000) > 2000)}
    blocks = rows(shifted, 6000)
    other = configuration(config=DEFAULT | {"detectors": {"features": {"ks": {}}}}, revision=1)
    said = run([block(configuration(config=DEFAULT), at=0), *blocks[:15], block(other, at=3000), *blocks[15:]])
    drifts = [alert for alert in alerts(said) if alert["labels"]["kind"] == "data_drift"]
    detectors = [alert["evidence"]["detector"] for alert in drifts if alert["transition"] == "opened"]
    assert detectors == ["scan", "ks"]


def test_a_budget_taken_away_later_is_gone_at_once() -> None:
    blocks = rows(normal(4000), 4000)
    nothing = configuration(config=DEFAULT | {"alerts": {"weights": {"data_drift": 0.0}}}, revision=1)
    said = status([block(configuration(config=DEFAULT), at=0), *blocks[:10], block(nothing, at=2000), *blocks[10:]])
    assert next(one for one in said["budget"]["given"] if one["signal"] == "feature")["run_length"] is None


def test_a_text_that_comes_as_a_number_is_missing_and_no_other_category() -> None:
    rng, n = np.random.default_rng(0), 2000
    texts = rows({"country": np.array(rng.choice(["PT", "ES", "FR"], n).tolist(), object)}, n)
    numbers = [_later(one, n) for one in rows({"country": np.ones(n)}, n)]
    said = run([block(configuration(config=DEFAULT), at=0), *texts, *numbers])
    assert {alert["labels"]["alertname"] for alert in alerts(said)} == {"FeatureType"}


def test_statistics_of_signals_that_may_never_alarm_are_json() -> None:
    config = DEFAULT | {"alerts": {"weights": {"data_drift": 0.0}}}
    few = {"few": np.random.default_rng(0).integers(0, 4, 3000).astype(float)} | normal(3000)
    json.dumps(status([block(configuration(config=config), at=0), *rows(few, 3000)]), allow_nan=False)
