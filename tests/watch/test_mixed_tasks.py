"""Regression and classification in one stream: what cannot be of its task is a dead letter, and part of nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.blocks import Block, Section

from .worlds import CONFIG, arrivals, block, cohorts, configuration, cut, drained, labels, predictions, run, value

Row = tuple[Any, Any, float | None]
"""What was predicted, what came, and the score."""


def log(rows: list[Row], config: dict[str, Any] | None = None, per: int = 50, delay: float = 60.0) -> list[Block]:
    """A prediction every ten seconds; each has its label a while later."""
    blocks = [block(configuration(config=CONFIG | (config or {})), at=0)]
    due: list[tuple[float, str, Any]] = []
    for start in range(0, len(rows), per):
        part = [(f"id{i}", 10.0 * i, *rows[i]) for i in range(start, min(start + per, len(rows)))]
        due += [(second + delay, name, label) for name, second, _, label, _ in part]
        now = part[-1][1]
        sections = runs([(name, second, said, score) for name, second, said, _, score in part])
        for second, name, label in [one for one in due if one[0] <= now]:
            sections.append(labels([name], [second], [label])._replace(topic="l", partition=1, first=7, last=9))
        due = [one for one in due if one[0] > now]
        blocks.append(block(*sections, at=now))
    sections = [labels([name], [second], [label]) for second, name, label in due]
    return [*blocks, *([block(*sections)] if sections else []), *(drained(10.0 * len(rows) + 600 * i) for i in range(1, 20))]


def runs(rows: list[tuple[str, float, Any, float | None]]) -> list[Section]:
    """Predictions in the columns that they need, one section each."""
    return [
        predictions(
            [name], [second], [said], {"x": [second % 7]}, score=None if score is None else [score]
        )._replace(topic="p", partition=2, first=5, last=5)
        for name, second, said, score in rows
    ]  # fmt: skip


def values(n: int, seed: int = 1) -> list[Row]:
    """Rows of a regression, with errors of one on average."""
    rng = np.random.default_rng(seed)
    return [(float(said), float(said + rng.normal()), None) for said in rng.normal(50, 5, n)]


def classes(n: int, seed: int = 2, scored: bool = True) -> list[Row]:
    """Rows of a classification that is right in nine of ten cases."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    said = np.where(rng.random(n) < 0.1, 1 - truth, truth)
    return [(float(s), float(t), float(rng.random()) if scored else None) for s, t in zip(said, truth, strict=True)]


def words(n: int, seed: int = 3) -> list[Row]:
    """The same in words."""
    return [("yes" if said else "no", "yes" if label else "no", None) for said, label, _ in classes(n, seed)]


def reasons(told: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Reasons of dead letters, with the place."""
    found = [event["data"] for event in told["dead-letters"]]
    return [(one["reason"], one["topic"], one["partition"]) for one in found]


def outcomes(told: dict[str, Any]) -> int:
    return sum(int(one["performance"]["outcomes"]) for one in arrivals(told))


def test_a_number_among_classes_is_a_dead_letter_that_says_what_was_wanted_and_what_came() -> None:
    rows = classes(200)
    rows[150:160] = values(10)
    told = run(log(rows))
    assert sorted(reasons(told)) == [("not_of_the_task", "l", 1)] * 10 + [("not_of_the_task", "p", 2)] * 10
    one = next(event for event in told["dead-letters"] if event["data"]["topic"] == "p")
    assert one["subject"] == "s"
    assert one["data"]["offset"] == 5
    assert "s is a classification" in one["data"]["detail"]
    assert "a number that is not whole came" in one["data"]["detail"]
    label = next(event["data"] for event in told["dead-letters"] if event["data"]["topic"] == "l")
    assert (label["offset"], label["last_offset"], label["events"]) == (7, 9, 1)
    assert len({event["id"] for event in told["dead-letters"]}) == 20
    counts = [one["counts"] for one in arrivals(told)]
    assert sum(one.get("predictions", 0) for one in counts) == 190
    assert sum(one.get("labelled", 0) for one in counts) == outcomes(told) == 190
    assert sum(one.get("dead_letters", 0) for one in counts) == 20


@pytest.mark.parametrize("said", ["stated", "found"])
def test_texts_and_rows_with_scores_of_classes_are_no_regression(said: str) -> None:
    config = {"task": "regression"} if said == "stated" else {}
    rows = [*values(100), *words(10)]
    told = run(log(rows, config))
    assert len(reasons(told)) == 20
    assert outcomes(told) == 100
    scored = run(log([*values(100), *classes(10)], config))
    assert len(reasons(scored)) == (10 if said == "found" else 0)
    chances = predictions(["a"], [0.0], [1.0], more={"scores:a": [0.5]})
    told = run([block(configuration(config=CONFIG | {"task": "regression"}), at=0), block(chances), drained(900.0)])
    assert len(reasons(told)) == 1


def test_halves_and_halves_from_the_beginning_are_said_and_never_mixed() -> None:
    mixed = [one for pair in zip(values(800), words(800), strict=True) for one in pair]
    for rows in (mixed, mixed[1:]):
        told = run(log(rows))
        assert len(reasons(told)) in (1598, 1600)
        (alert,) = told["alerts"]
        assert alert["data"]["labels"]["alertname"] == "DeadLetters"
        assert " predictions (not_of_the_task)" in alert["data"]["annotations"]["summary"]
        assert 799 <= outcomes(told) <= 800
        for one in arrivals(told):
            mae, accuracy = (value(one["performance"], name) for name in ("mae", "accuracy"))
            assert mae is None or 0.2 < mae < 2.0
            assert accuracy is None or accuracy > 0.7


@pytest.mark.parametrize("scored", [True, False])
def test_classes_may_be_halves(scored: bool) -> None:
    rng = np.random.default_rng(1)
    stars: list[Row] = [(float(s), float(s), 0.5 if scored else None) for s in rng.integers(1, 11, 500) / 2]
    told = run(log(stars, {"task": "multiclass"}))
    assert len(reasons(told)) <= (2 if scored else 40)
    rest = run(log([*stars, *stars], {"task": "multiclass"}))
    assert reasons(rest) == reasons(told)


def test_a_positive_class_may_be_a_half() -> None:
    rows: list[Row] = [(0.5 * (i % 2), 0.5 * (i % 3 == 0), None) for i in range(100)]
    assert reasons(run(log(rows, {"task": "binary", "positive": 0.5}))) == []


def test_labels_that_came_before_the_task_was_clear_are_taken_back() -> None:
    ids = [f"id{i}" for i in range(60)]
    said = [float(i % 5) for i in range(59)] + [0.5]
    came: list[Any] = [f"text{i}" if i % 2 else float(i) for i in range(60)]
    sections = [labels([name], [100.0], [label]) for name, label in zip(ids, came, strict=True)]
    first = [block(predictions(ids[:30], [50.0] * 30, said[:30])), block(*sections)]
    second = block(predictions(ids[30:], [200.0] * 30, said[30:]))
    blocks = [block(configuration(), at=0), *first, second, drained(400.0), drained(9000.0)]
    told = run(blocks)
    assert outcomes(told) == 30
    final = [one for one in cohorts(told) if one["predictions"] == 60 or one["cohort"]["labelled"]]
    assert {one["cohort"]["labelled"] for one in final} == {30}
    assert run(cut(blocks, 7), restarts=[2, 4], per_read=2) == told


@pytest.mark.parametrize("every", [1, 7])
def test_dead_letters_do_not_depend_on_the_cut(every: int) -> None:
    rng = np.random.default_rng(4)
    kinds = [values(600, 1), classes(600, 2, scored=False), words(600, 3)]
    rows = [*classes(40, scored=False), *(kinds[rng.integers(0, 3)][i] for i in range(560))]
    ids, seconds = [f"id{i}" for i in range(600)], [4.0 * i + float(rng.normal(0, 60)) for i in range(600)]
    blocks = [block(configuration(), at=0)]
    for start in range(0, 600, 60):
        part = slice(start, start + 60)
        texts = [one if isinstance(one, str) else None for one, *_ in rows[part]]
        section = predictions(ids[part], seconds[part], [np.nan if isinstance(one, str) else one for one, *_ in rows[part]])
        assert section.rows is not None
        table = ("yes", "no")
        codes = np.array([[-1 if one is None else table.index(one) for one in texts]], np.int32)
        mixed = section.rows._asdict() | {
            "text_names": (*section.rows.text_names, "prediction"), "texts": np.concatenate((section.rows.texts, codes)),
            "tables": (*section.rows.tables, table),
        }  # fmt: skip
        blocks.append(block(section._replace(rows=type(section.rows)(**mixed))))
        sections = [labels([ids[i]], [seconds[i] + 30], [rows[i][1]]) for i in range(start, start + 60) if i % 3]
        blocks += [block(*sections), drained(4.0 * start + 240)]
    blocks += [drained(4000.0), drained(12000.0)]
    whole = run(blocks)
    assert len(whole["dead-letters"]) > 200
    assert run(cut(blocks, every), restarts=[3, 9, 20], per_read=4) == whole


def test_another_task_learns_anew_what_is_predicted_and_how_it_errs() -> None:
    blocks = log([*values(400), *words(600)], {"task": "regression"})
    other = block(configuration(config={"task": "multiclass"}, revision=1), at=4000.0)
    told = run([*blocks[:9], other, *blocks[9:]])
    assert [event["data"]["labels"]["alertname"] for event in told["alerts"]] == []
    last = [one["performance"] for one in arrivals(told) if one["performance"]["outcomes"]][-1]
    assert last["task"] == "multiclass"
    assert len(reasons(told)) < 10  # labels of numbers that were late
    assert run(cut([*blocks[:9], other, *blocks[9:]], 1), restarts=[4, 60], per_read=5) == told
