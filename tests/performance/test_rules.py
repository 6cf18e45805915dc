"""Rules that cannot judge a version, as its windows have too few rows or not what they are about, are known."""

from __future__ import annotations

from typing import Any

import pytest

from stream_monitor.blocks import encode
from stream_monitor.metrics.reading import Reading
from stream_monitor.part import Part
from stream_monitor.performance.rules import Rules, Said
from stream_monitor.task import Partition
from tests.watch.worlds import block, configuration, labels, predictions, record

LIMITS: dict[str, Any] = {
    "task": "binary", "performance": {"limits": [{"metric": "accuracy", "below": 0.9}], "against_reference": {"metrics": []}},
}  # fmt: skip


def window(rules: Rules, n: int, start: int) -> None:
    """A window of a version with so many outcomes, closed."""
    readings = {"accuracy": Reading(0.5, n, 0.4, 0.6)}
    assert list(rules.window(2, Said("arrival", 300_000_000, start, 1.0, lambda segment: readings, {}))) == []


def test_a_rule_whose_windows_all_have_too_few_rows_is_known() -> None:
    config = record(LIMITS).config
    rules = Rules(config)
    for start in range(9):
        window(rules, 7, start)
    assert rules.unheard(2) == {}
    again = Rules(config)
    again.restore(rules.state())
    window(again, 7, 9)
    assert again.unheard(2) == {"accuracy below 0.9, by arrival": 10}
    assert again.unheard(1) == {}
    again.forget(2)
    assert again.unheard(2) == {}


@pytest.mark.parametrize(
    ("limit", "rule"),
    [
        ({"metric": "roc_auc"}, "roc_auc below 0.9, by arrival"),
        ({"metric": "precision", "minimum": 0}, "precision below 0.9, by arrival"),
        ({"metric": "accuracy", "segment": "region=EU"}, "accuracy below 0.9 where region=EU, by arrival"),
    ],
)
def test_a_rule_about_what_never_comes_is_known(limit: dict[str, Any], rule: str) -> None:
    config = {"segments": {"keys": ["region"]}, "performance": {"limits": [limit | {"below": 0.9}]}}
    rules, known = Rules(record(config).config), {"accuracy": Reading(0.95, 50), "precision": Reading(None, 50)}
    for start in range(10):
        said = Said("arrival", 300_000_000, start, 1.0, lambda segment: {} if segment else known, {})
        assert list(rules.window(2, said)) == []
    assert rules.unheard(2) == {rule: 10}


@pytest.mark.parametrize(("metrics", "unheard"), [(["roc_auc"], {}), (["recall"], {"recall against its reference": 10})])
def test_only_what_was_asked_to_be_compared_with_its_reference_is_missed(metrics: list[str], unheard: dict[str, int]) -> None:
    config = record({"performance": {"against_reference": {"metrics": metrics}}}).config
    rules, known = Rules(config), {"mae": Reading(0.95, 50)}
    for start in range(10):
        assert list(rules.window(2, Said("arrival", config.metrics.window, start, 1.0, lambda segment: known, known))) == []
    assert rules.unheard(2) == unheard


def test_one_window_with_enough_rows_begins_anew() -> None:
    rules = Rules(record({"performance": {"limits": [{"metric": "accuracy", "below": 0.3}]}}).config)
    for start in range(12):
        window(rules, 30 if start == 6 else 7, start)
    assert rules.unheard(2) == {}


def test_the_status_says_which_versions_no_rule_can_judge_and_what_is_learnt() -> None:
    part = Part(Partition("stream-monitor.blocks", 0), None)
    blocks = [block(configuration(config=LIMITS), at=0)]
    for window in range(13):
        ids, seconds = [f"{window}-{i}" for i in range(20)], [300.0 * window + i for i in range(20)]
        blocks += [block(predictions(ids, seconds, [0.0, 1.0] * 10)), block(labels(ids, seconds, [0.0] * 19 + [1.0]))]
    for offset, one in enumerate(blocks):
        part.record(offset, encode(one))
    assert part.status()["s"]["warming_up"] == {"score/0": {"rows": 0, "wanted": 200}}
    assert part.status()["s"]["references"].keys() >= {"prediction/0", "loss/0"}
    assert part.status()["s"]["references"]["loss/0"] == 2_719.0
    assert part.status()["s"]["not_judged"] == [{"version": "1", "rule": "accuracy below 0.9, by arrival", "windows": 12}]
