"""Rows that cannot be of a stream's task, as where a regression and a classification write to one topic: dead letters."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor import blocks
from stream_monitor.blocks import Rows, Source
from stream_monitor.dead_letter import dead_letter
from stream_monitor.quality.checks import Kind
from stream_monitor.running import Running
from stream_monitor.task import Output
from stream_monitor.watching.judge import Judge

Mask = npt.NDArray[np.bool_]

REASON = "not_of_the_task"


class Foreign(NamedTuple):
    """A row that is not used."""

    after: int
    """How many rows that are used come before it."""
    source: Source
    id: str
    came: str
    """What it is, in words."""


def sort_out(judge: Judge, kind: Kind, rows: Rows, sources: list[Source]) -> tuple[Rows, list[Foreign]]:
    """The rows that can be of the task, and those that cannot, which are gone from the sources."""
    strange = _predictions(judge, rows) if kind == "predictions" else _labels(judge, rows)
    if strange is None or not strange.any():
        return rows, []
    text = rows.text("prediction" if kind == "predictions" else "label")[0] >= 0
    number = "a number that is not whole" if judge.task == "classification" else "a number with scores of classes"
    after = np.cumsum(~strange)
    found: list[Foreign] = []
    start = 0
    for i, source in enumerate(sources):
        mine = start + np.flatnonzero(strange[start : start + source.rows])
        for row in mine.tolist():
            came = "a text" if text[row] else number
            found.append(Foreign(int(after[row]), source, rows.ids[row].tobytes().hex(), came))
        sources[i] = source._replace(rows=source.rows - len(mine))
        start += source.rows
    return blocks.chosen(rows, ~strange), found


def refuse(stream: Running, kind: Kind, some: list[Foreign], until: int, arrived: int) -> list[Output]:
    """Makes dead letters of those that come before a row, which are gone from the list then."""
    outputs: list[Output] = []
    judge, deployment = stream.judge, stream.record.deployment
    how = "as its first predictions are (state `task` if it is not)" if judge.stated == "auto" else "as is stated"
    wanted = "a number" if judge.task == "regression" else "a text or a whole number"
    while some and some[0].after <= until:
        one = some.pop(0)
        stream.count({"dead_letters": 1, "not_of_the_task": 1})
        stream.checks.refused(kind, [(REASON, 1)])
        detail = f"{stream.name} is a {judge.task}, {how}: its {kind} are each {wanted}, and {one.came} came"
        number = stream.totals["not_of_the_task"]
        outputs.append(dead_letter(stream.name, deployment, kind, one.source, (one.id, number), REASON, detail, arrived))
    return outputs


def _predictions(judge: Judge, rows: Rows) -> Mask | None:
    if judge.task == "regression":
        scores = _scores(rows.number_names, judge.stated == "regression")
        if not scores and "prediction" not in rows.text_names:
            return None
        texts: Mask = rows.text("prediction")[0] >= 0
        return texts | _any(rows, scores) if scores else texts
    if judge.task != "classification" or ("prediction" not in rows.number_names and not judge.fractions.open):
        return None
    return judge.fractions.hear(rows.number("prediction"), partial(scored, rows))


def _labels(judge: Judge, rows: Rows) -> Mask | None:
    if judge.task == "regression":
        return rows.text("label")[0] >= 0 if "label" in rows.text_names else None
    strange = judge.task == "classification" and "label" in rows.number_names
    return judge.fractions.strange(rows.number("label")) if strange else None


def scored(rows: Rows) -> Mask:
    """Whether each row has a score, which only classifiers give."""
    scores = _scores(rows.number_names)
    return _any(rows, scores) if scores else np.zeros(len(rows), np.bool_)


def _any(rows: Rows, columns: list[int]) -> Mask:
    present: Mask = np.any(~np.isnan(rows.numbers[columns]), axis=0)
    return present


@lru_cache(1_000)
def _scores(columns: tuple[str, ...], classes_only: bool = False) -> list[int]:
    """Where scores stand; a stated regression may call something else its `score`."""
    return [i for i, name in enumerate(columns) if name.startswith("scores:") or (name == "score" and not classes_only)]
