"""Categories by number, also beyond the limit, and which of many an alert names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stream_monitor.watching.categories import Categories
from stream_monitor.watching.finding import Finding
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Reference
from stream_monitor.watching.signals import Signals

from .worlds import block, configuration, predictions, run

REFERENCE = 1000


def numbers(categories: Categories, texts: Sequence[str], per: int) -> list[float]:
    """The numbers of texts that come so many at once."""
    found: list[float] = []
    for start in range(0, len(texts), per):
        part = texts[start : start + per]
        table = tuple(sorted(set(part)))
        found += categories.of("x", np.array([table.index(text) for text in part], np.int32), table).tolist()
    return found


def test_a_text_has_one_number_whatever_comes_before_it_also_beyond_the_limit() -> None:
    texts = [f"v{i % 300}" for i in range(900)]
    categories = Categories(100, 1)
    found = numbers(categories, texts, 1)
    assert found[:100] == list(range(100))
    assert len(set(found)) >= 298
    assert found[:300] == found[300:600] == found[600:]
    again = Categories(100, 1)
    again.restore(categories.state())
    assert numbers(again, texts, 50) == found
    assert [again.name("x", one) for one in (3.0, found[250], np.nan)] == ["v3", "another", "all others"]


def alerts(values: npt.NDArray[np.int64], limit: int) -> list[dict[str, Any]]:
    """Alerts about a feature with these values, of which so many are told apart by name."""
    made = {"detectors": {}, "reference": {"rows": REFERENCE}, "metrics": {"window": "10m"}}
    blocks = [block(configuration(config=made, limits={"categories": limit}), at=0)]
    for at in range(0, len(values), 250):
        rows = range(at, at + 250)
        texts = [f"v{one}" for one in values[rows]]
        blocks.append(block(predictions([f"i{i}" for i in rows], [float(i) for i in rows], [1.0] * 250, {"x": texts})))
    return [one["data"] for one in run(blocks)["alerts"] if one["data"]["labels"].get("feature") == "x"]


@pytest.mark.parametrize("distinct", [750, 2500])
def test_many_even_categories_beyond_the_limit_do_not_drift_while_nothing_changes(distinct: int) -> None:
    assert alerts(np.random.default_rng(0).integers(0, distinct, 4000), limit=500) == []


def test_a_category_beyond_the_limit_that_rises_is_a_drift_of_another() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 300, 4000)
    rises = (np.arange(4000) >= 2500) & (rng.random(4000) < 0.15)
    (opened, *_) = alerts(np.where(rises, values[:REFERENCE][-1], values), limit=20)
    assert opened["labels"]["alertname"] == "DataDrift"
    named = [share["category"] for share in opened["change"]["shares"]]
    assert named[0] == "another"
    assert named.count("all others") == 1


def followed(values: npt.NDArray[np.float64], per: int = 100, restart: bool = False) -> list[Finding]:
    """What becomes of predicted classes, the first of which are the reference."""

    def made() -> Signals:
        times = np.arange(REFERENCE) * 1_000_000
        reference = Reference("prediction", ("x",), values[:REFERENCE, None], times, np.array([0.01]), True)
        signals = Signals(reference, {"counts": {"stride": 64}}, 1000)
        signals.allow(1e6)
        return signals

    signals, findings = made(), []
    for start in range(REFERENCE, len(values), per):
        rows = np.arange(start, min(start + per, len(values)))
        findings += signals.update(values[rows, None], Marks(rows, rows, rows * 1_000_000))
        if restart:
            state, signals = signals.state(), made()
            signals.restore(state)
    return findings


def test_of_a_hundred_classes_the_one_that_rises_is_named() -> None:
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(1, 101) ** 0.7
    values = rng.choice(100, 5000, p=shares / shares.sum()).astype(np.float64)
    values[3000:][rng.random(2000) < 0.08] = 80.0
    opened = followed(values)[0]
    category, before, after = max(opened.shares, key=lambda one: abs(one[2] - one[1]))
    assert (category, before, after) == (80.0, opened.before, opened.after)
    assert before == np.mean(values[:REFERENCE] == 80.0)
    assert after == pytest.approx(0.085, abs=0.03)
    assert sum(one[1] for one in opened.shares) == pytest.approx(1.0)
    assert sum(one[2] for one in opened.shares) == pytest.approx(1.0, abs=0.03)
    assert followed(values, per=37) == followed(values, per=500) == followed(values, restart=True)


@pytest.mark.parametrize(("many", "risen"), [(60, 999), (60, 30), (1000, 9999)])
def test_one_of_many_categories_that_rises_lasts_as_an_alert_until_it_is_back_and_is_no_other_then(
    many: int, risen: int
) -> None:
    rng, shares = np.random.default_rng(4), 1 / np.arange(1, many + 1)
    values = rng.choice(many, 20_000, p=shares / shares.sum()).astype(np.float64)
    values[3000:10_000][rng.random(7000) < 0.08] = risen
    opened, ended = (one for one in followed(values, per=500) if one.step != "updated")
    assert (opened.step, ended.step) == ("opened", "resolved")
    assert opened.row < 10_000 < ended.row < 12_000
    assert max(opened.shares, key=lambda one: abs(one[2] - one[1]))[0] == risen


def test_shares_that_are_said_together_are_of_the_same_rows() -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 2, 7000).astype(np.float64)
    values[3000:4000][rng.random(1000) < 0.3] = 50.0
    values[4000::2] = 50.0
    findings = followed(values)
    assert findings[-1].row > 4500
    for one in findings:
        assert sum(share for _, _, share in one.shares) == pytest.approx(1.0)


def test_none_of_many_rare_categories_is_named_by_chance() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(20, 1000, 5000).astype(np.float64)
    values[3000:][rng.random(2000) < 0.2] = 7.0
    opened = followed(values)[0]
    assert len(opened.shares) == 10
    assert opened.shares[-2][0] == 7.0
