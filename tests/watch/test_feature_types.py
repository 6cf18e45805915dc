"""Features that come as numbers and as texts: a value's type is its own, whichever rows come together."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from consumers.wire import columns
from consumers.wire.event import Event
from stream_monitor.blocks import Block, Section
from tests.watch.worlds import SECOND, START, block, configuration, drained, run, run_raw

DEFAULT: dict[str, Any] = {"detectors": {}, "reference": {"rows": 1000}}
Column = Sequence[float | str]


def stream(features: Mapping[str, Column], per: int = 200, config: dict[str, Any] = DEFAULT) -> list[Block]:
    """A row each second, so many in a section and two hundred in a block."""
    blocks, n = [block(configuration(config=config), at=0)], len(next(iter(features.values())))
    for start in range(0, n, 200):
        places = [range(at, min(at + per, start + 200, n)) for at in range(start, min(start + 200, n), per)]
        blocks.append(block(*(_section(features, some) for some in places)))
    return blocks


def _section(features: Mapping[str, Column], places: range) -> Section:
    events = []
    for i in places:
        numbers: dict[str, float] = {"prediction": 1.0}
        texts = {"model": "m", "version": "1"}
        for name, column in features.items():
            if isinstance(value := column[i], str):
                texts[f"feature:{name}"] = value
            else:
                numbers[f"feature:{name}"] = float(value)
        events.append(Event(f"i{i}", START + i * SECOND, numbers, texts))
    return Section("s", "predictions", columns.of_events(events, 0), topic="p", partition=0)


def said(blocks: list[Block]) -> list[tuple[str, str, str]]:
    """Alerts about features: name, step and summary."""
    return about_features(run(blocks)["alerts"])


def about_features(alerts: list[Any]) -> list[tuple[str, str, str]]:
    found = [event["data"] for event in alerts if event["data"]["labels"].get("feature")]
    return [(one["labels"]["alertname"], one["transition"], one["annotations"]["summary"]) for one in found]


@pytest.mark.parametrize("word", ["ABCDEF", "012345", ["no", "yes"] * 3, ["N/A"] * 6])
def test_a_number_of_few_values_that_becomes_a_text_is_said_to_and_is_no_drift(word: Sequence[str]) -> None:
    grade = np.random.default_rng(0).integers(0, 6, 4000).tolist()
    found = said(stream({"grade": [word[one] if i >= 2500 else one for i, one in enumerate(grade)]}))
    assert [(name, step) for name, step, _ in found] == [("FeatureType", "opened")]
    first = json.dumps(word[grade[2500]])
    assert f"comes as text in 70.0% of 300 rows, first {first}, and in the reference it was a number" in found[0][2]


def test_what_came_before_there_was_a_reference_is_no_part_of_the_rows_that_it_is_said_of() -> None:
    mixed: list[float | str] = ["x" if i % 3 == 0 else float(i % 7) for i in range(1500)]
    (found,) = [summary for name, _, summary in said(stream({"m": mixed})) if name == "FeatureType"]
    assert "comes as text in 33.3% of 210 rows" in found


@pytest.mark.parametrize("before", [0.0, 0.01])
def test_some_texts_among_numbers_are_the_same_in_any_section(before: float) -> None:
    rng = np.random.default_rng(1)
    wrong = rng.random(4000) < np.where(np.arange(4000) < 2500, before, 0.15)
    wrong[0] = before > 0
    children = ["N/A" if wrong[i] else one for i, one in enumerate(rng.integers(0, 4, 4000).tolist())]
    country = [7 if wrong[i] else one for i, one in enumerate(rng.choice(["PT", "ES"], 4000).tolist())]
    late = [float(i) if i % 2 else "x" for i in range(4000)]
    features: dict[str, Column] = {"children": children, "country": country, "late": [np.nan] * 2000 + late[2000:]}
    whole = run_raw(stream(features))
    for per in (1, 7):
        assert run_raw(stream(features, per), restarts=[5, 12]) == whole
    found = about_features([json.loads(event) for event in whole["alerts"]])
    types = {summary for name, _, summary in found if name == "FeatureType"}
    assert [re.sub(r"1\d\.\d% of 300", "some of 300", one.partition(": it is")[0]) for one in sorted(types)] == [
        'children of s comes as text in some of 300 rows, first "N/A", and in the reference it was a number',
        "country of s comes as a number in some of 300 rows, first 7, and in the reference it was text",
    ]
    assert not [one for one in found if "Drift" in one[0]]


def test_that_nothing_comes_is_no_feature_of_the_right_type() -> None:
    amount: list[float | str] = np.random.default_rng(0).normal(size=2000).tolist()
    amount[1500:] = ["x"] * 500
    quiet = [*stream({"amount": amount}), drained(20_000)]
    assert [step for _, step, _ in said(quiet)] == ["opened"]


def test_names_of_categories_that_are_numbers_are_numbers_though_a_text_came_before() -> None:
    rng = np.random.default_rng(2)
    few: list[float | str] = [*rng.integers(1, 4, 2000).tolist(), *rng.integers(1, 3, 1000).tolist()]
    few[3] = "N/A"
    drifted = next(summary for name, _, summary in said(stream({"few": few})) if name == "DataDrift")
    assert drifted.split(": ")[1].split(" ")[0] == "3"


@pytest.mark.parametrize("types", [{}, {"x": "numeric"}])
@pytest.mark.parametrize("often", [1.0, 0.05])
def test_what_was_constant_is_measured_by_how_often_it_still_is_and_is_over_when_it_always_is(often: float, types: Any) -> None:
    rng, rows = np.random.default_rng(3), np.arange(9000)
    varies = (rows >= 2000) & (rows < 5000) & (rng.random(9000) < often)
    config = DEFAULT | {"features": {"types": types}}
    found = said(stream({"x": np.where(varies, rng.normal(7, 0.5, 9000), 7.0).tolist()}, config=config))
    drifts = [(step, summary) for name, step, summary in found if name == "DataDrift"]
    assert [step for step, _ in drifts if step != "updated"] == ["opened", "resolved"]
    assert all("comes in other shares" in summary and "7 100.0% -> " in summary for _, summary in drifts)
