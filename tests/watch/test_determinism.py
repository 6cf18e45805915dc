"""The same rows give the same events, wherever the log is cut and whenever the program starts again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stream_monitor.blocks import Block

from .worlds import block, configuration, cut, drained, labels, predictions, run, run_raw, undated

FEWER_WINDOWS: dict[str, Any] = {"metrics": {"window": "10m", "also": ["1h"], "grace": "10s"}}
"""What a run costs is in its windows."""


def eventful(
    seed: int,
    rows: int = 1000,
    config: dict[str, Any] | None = None,
    per: int = 60,
    name: str = "s",
    unsaid: float = np.nan,
) -> list[Block]:
    """A stream in which everything happens: drift, errors, versions, duplicates, labels early, late, twice and taken back.

    `unsaid` is the weight of the half of the predictions that does not count for 2.
    """
    rng = np.random.default_rng(seed)
    ids = [f"id{i}" for i in range(rows)]
    seconds = np.sort(rng.uniform(0, 4 * 3600, rows)) + rng.normal(0, 40, rows).clip(-60, 60) + 100
    seconds[rng.integers(0, rows, 3)] += 1e9  # from another century
    x = rng.normal(size=rows) + 2.0 * (np.arange(rows) > rows // 2)
    few = rng.integers(0, 4, rows) * (rng.random(rows) < np.where(np.arange(rows) < 0.7 * rows, 0.9, 0.3))
    truth = rng.integers(0, 2, rows).astype(float)
    wrong = rng.random(rows) < np.where(np.arange(rows) < 0.6 * rows, 0.05, 0.6)
    predicted = np.where(wrong, 1 - truth, truth)
    version = np.where(np.arange(rows) < 0.8 * rows, "1", "2")
    known = seconds + rng.exponential(1200, rows) - 300
    blocks = [block(configuration(name, config=FEWER_WINDOWS | (config or {})), at=0)]
    waiting: list[tuple[float, str, float]] = []
    for start in range(0, rows, per):
        part = slice(start, start + per)
        now = float(np.median(seconds[part]))
        again = rng.choice(rows, 5) if start else np.array([0])
        names = [*ids[part], *[ids[i] for i in again if i < start]]
        pick = np.concatenate((np.arange(rows)[part], [i for i in again if i < start])).astype(int)
        waiting += [(known[i], ids[i], truth[i]) for i in pick[:per] if rng.random() < 0.8]
        waiting += [(known[i] + 500, ids[i], rng.choice([1 - truth[i], np.nan])) for i in pick[:per] if rng.random() < 0.1]
        due = sorted(entry for entry in waiting if entry[0] <= now)
        waiting = [entry for entry in waiting if entry[0] > now]
        y = np.where(rng.random(len(pick)) < 0.1, np.nan, rng.normal(size=len(pick)))
        sections = [
            predictions(
                names, list(seconds[pick]), list(predicted[pick]),
                {"x": list(x[pick]), "few": list(few[pick].astype(float)), "y": list(y)},
                version=version[pick].tolist(), name=name, score=list(rng.random(len(pick))),
                latency=list(rng.exponential(9, len(pick))),
                more={
                    "segment:region": [f"r{i % 5}" for i in pick],
                    "segment:user": (pick % 13 * (pick % 3)).astype(float).tolist(),
                    "weight": np.where(pick % 2, 2.0, unsaid).tolist(),
                    "scores:1": (pick % 7 / 7).tolist(),
                    "scores:0": (1 - pick % 7 / 7).tolist(),
                },
            )
        ]  # fmt: skip
        if due:
            chosen = {"inclusion_probability": [0.5 if int(i[2:]) % 3 else np.nan for _, i, _ in due]}
            names, times, values = [i for _, i, _ in due], [s for s, _, _ in due], [v for _, _, v in due]
            sections.append(labels(names, times, values, name=name, more=chosen))
        blocks += [block(*sections, at=now + 100), drained(now + 101)]
    return [*blocks, drained(5 * 3600), drained(30 * 3600)]


@pytest.mark.parametrize(
    "config",
    [
        {"alerts": {"resolve_after": 200, "off": ["LabelBias"]}},
        {"labels": {"topic": "l", "wait": "90m", "absent": {"label": 0, "after": "30m"}}},
    ],
)
def test_results_do_not_depend_on_the_cut(config: dict[str, Any]) -> None:
    blocks = eventful(1, config=config)
    whole = run_raw(blocks)
    assert {json.loads(event)["data"]["labels"]["kind"] for event in whole["alerts"]} >= {"data_drift", "concept_drift"}
    assert whole["retrain"]
    for every in (1, 13):
        assert run_raw(cut(blocks, every), per_read=7) == whole


def test_a_prediction_without_a_weight_counts_for_one_beside_others_that_have_one() -> None:
    whole = run_raw(eventful(1, rows=600))
    assert whole == run_raw(eventful(1, rows=600, unsaid=1.0))
    assert whole == run_raw(cut(eventful(1, rows=600), 6), [20, 30], 7)


def test_results_do_not_depend_on_the_cut_or_on_restarts_where_labels_say_no_time() -> None:
    blocks = [
        one._replace(sections=tuple(undated(part, 3) if part.kind == "labels" else part for part in one.sections))
        for one in eventful(1)
    ]
    assert run_raw(cut(blocks, 7), restarts=[9, 40], per_read=7) == run_raw(blocks)


def two_streams(seed: int, per: int, absent: bool) -> list[Block]:
    """A busy stream and a quiet one that waits longer, in one partition."""
    busy: dict[str, Any] = {"labels": {"topic": "l", "wait": "1h"}}
    quiet: dict[str, Any] = {
        "labels": {"topic": "l", "wait": "3h"}, "false_alarms": "1 per 1h", "reference": {"rows": 60},
        "detectors": {"features": {"scan": {}, "cusum": {}, "mmd": {"window": 50}}, "loss": {"scan": {}, "page_hinkley": {}}},
    }  # fmt: skip
    if absent:
        busy["labels"]["absent"] = {"label": 0, "after": "20m"}
    ending = {"versions": {"retire_after": "20m"}}
    one, other = eventful(seed, 600, busy | ending, per), eventful(seed + 1, 120, quiet | ending, per // 4, "t")
    return sorted(one + other, key=lambda block: block.arrived)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    per=st.integers(20, 300),
    every=st.integers(3, 80),
    per_read=st.integers(1, 9),
    restarts=st.lists(st.integers(1, 60), max_size=6),
    absent=st.booleans(),
)
@example(seed=946, per=137, every=60, per_read=5, restarts=[9], absent=True)  # a long silence, taken back in one step
def test_results_do_not_depend_on_restarts(
    seed: int, per: int, every: int, per_read: int, restarts: list[int], absent: bool
) -> None:
    blocks = two_streams(seed, per, absent)
    assert run_raw(cut(blocks, every), restarts, per_read) == run_raw(blocks)


def test_results_do_not_depend_on_the_limit_being_reached_in_one_block_or_in_many() -> None:
    blocks = eventful(5, rows=1500)
    config = FEWER_WINDOWS | {"labels": {"topic": "l", "wait": "4h"}}
    blocks[0] = block(configuration(config=config, limits={"waiting": 1000}), at=0)
    whole = run(blocks)
    assert run(cut(blocks, 17), restarts=[30, 90], per_read=4) == whole


def more_and_more_classes(seed: int, task: str) -> list[Block]:
    """Two classes, a third and then one more each 5 minutes, with scores of those there are; some labels are corrected."""
    rng = np.random.default_rng(seed)
    blocks = [block(configuration(config={"task": task, "positive": "c1"}), at=0)]
    known: list[tuple[float, str, str]] = []
    for start in range(0, 4500, 60):
        n = 2 + max(0, (start - 1200) // 300)
        seconds = (start + np.sort(rng.uniform(0, 60, 18))).tolist()
        label, other = rng.integers(0, n, (2, 18))
        predicted = np.where(rng.random(18) < 0.7, label, other)
        ids = [f"id{start}-{i}" for i in range(18)]
        share = rng.dirichlet(np.ones(n), 18)
        more = {f"scores:c{i}": share[:, i].round(2).tolist() for i in range(n)} | {
            "segment:region": [f"r{i % 4}" for i in predicted]
        }
        known += [(s + rng.exponential(200), i, f"c{y}") for s, i, y in zip(seconds, ids, label, strict=True)]
        known += [(s + 300, i, f"c{y}") for s, i, y in zip(seconds[:6], ids, other, strict=False)]
        due, known = sorted(one for one in known if one[0] <= start), [one for one in known if one[0] > start]
        sections = [predictions(ids, seconds, [f"c{i}" for i in predicted], more=more)]
        if due:
            sections.append(labels([i for _, i, _ in due], [s for s, _, _ in due], [y for *_, y in due]))
        blocks.append(block(*sections, at=start + 60.0))
    return [*blocks, drained(4600), drained(30 * 3600)]


@pytest.mark.parametrize("task", ["auto", "binary", "multiclass"])
def test_results_do_not_depend_on_when_classes_are_new(task: str) -> None:
    blocks = more_and_more_classes(7, task)
    whole = run_raw(blocks)
    assert run_raw(cut(blocks, 4), per_read=11, restarts=[9, 20, 50]) == whole
    assert run_raw(blocks, saves=True) == whole


def test_another_process_with_another_hash_seed_says_the_same() -> None:
    code = "import json, sys; from tests.watch.test_determinism import eventful; from tests.watch.worlds import run;"
    code += "sys.stdout.write(json.dumps(run(eventful(3, rows=700))))"
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert "opened" in said[0]
