"""What models say is opened, kept up to date and ended, and one that fails leaves nothing open that it said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from stream_monitor.alerting import notices
from stream_monitor.alerting.alerts import Alerts, Moment, Subject
from stream_monitor.models.comparison import NOTHING, Standing
from stream_monitor.models.models import ERRORS, Found, Step

from .worlds import arrivals, block, configuration, cut, drained, labels, predictions, record, run

BETTER = Standing(True, 0.1, 0.05, 0.15, 0, 1_000)


def told(alerts: Alerts, step: Step, standing: Standing, model: str = "majority") -> list[tuple[str, str]]:
    """The alerts that an outcome makes, and how."""
    return [(one["labels"]["alertname"], one["transition"]) for one in tellings(alerts, step, standing, model)]


def tellings(alerts: Alerts, step: Step, standing: Standing, model: str = "majority") -> list[dict[str, Any]]:
    found = Found(0, model, step, standing, reason="it raised OverflowError")
    outputs = notices.model(alerts, found, Subject("s", "m", "1"), False, lambda _, number: str(number), Moment(0, 0, 9, 9))
    return [json.loads(one.value or b"")["data"] for one in outputs if one.channel == "alerts"]


def test_what_is_better_is_opened_kept_up_to_date_and_ended() -> None:
    alerts = Alerts(record({}))
    assert told(alerts, "better", BETTER) == [("ChallengerBetter", "opened")]
    assert told(alerts, "still_better", BETTER) == [("ChallengerBetter", "updated")]
    (over,) = tellings(alerts, "no_longer_better", NOTHING)
    assert (over["labels"]["alertname"], over["transition"]) == ("ChallengerBetter", "resolved")
    assert over["annotations"]["summary"] == "challenger majority is no longer better than s/1"


@pytest.mark.parametrize(
    ("model", "step", "name"),
    [("majority", "set_aside", "ChallengerBetter"), ("majority", "begun_anew", "ChallengerBetter"),
     (ERRORS, "begun_anew", "ErrorsExplained")],
)  # fmt: skip
def test_one_that_fails_and_has_forgotten_how_it_stood_ends_what_it_said(model: str, step: Step, name: str) -> None:
    alerts = Alerts(record({}))
    told(alerts, "errs" if model == ERRORS else "better", BETTER, model)
    assert told(alerts, step, NOTHING, model) == [("ChallengerFailed", "opened"), (name, "resolved")]


def test_one_that_begins_anew_and_knows_how_it_stood_ends_nothing() -> None:
    alerts = Alerts(record({}))
    told(alerts, "better", BETTER)
    assert told(alerts, "begun_anew", BETTER) == [("ChallengerFailed", "opened")]


def test_a_model_that_is_repaired_ends_what_was_said_of_its_challenger_whatever_restarts() -> None:
    rng, n = np.random.default_rng(2), 9_000
    x = rng.normal(size=n)
    truth = (x > 0).astype(float)
    guess = np.where(rng.random(n) < np.where(np.arange(n) < 3_000, 0.2, 0.0), 1 - truth, truth)
    log = [block(configuration(config={"models": {"challengers": {"naive_bayes": {}}}}), at=0)]
    for at in range(0, n, 500):
        part = slice(at, at + 500)
        ids, seconds = [f"r{i}" for i in range(at, at + 500)], [float(i) for i in range(at, at + 500)]
        log.append(block(predictions(ids, seconds, guess[part].tolist(), {"x": x[part].tolist()})))
        log.append(block(labels(ids, [seconds[-1]] * 500, truth[part].tolist())))
    log.append(drained(n + 4_000.0))
    said = run(log)
    mine = [one["data"] for one in said["alerts"] if one["data"]["labels"]["alertname"] == "ChallengerBetter"]
    steps = [one["transition"] for one in mine]
    assert (steps[0], steps[-1]) == ("opened", "resolved")
    assert set(steps[1:-1]) == {"updated"}
    (model,) = [one["models"] for one in arrivals(said) if one["models"]][-1]
    assert (model["better"], model["learnt_from_one_in"]) == (False, 1)
    assert run(log, restarts=[3, 8, 12], per_read=2) == said


@pytest.mark.parametrize("absent", [{}, {"absent": {"label": 0, "after": "3h"}}])
def test_labels_of_one_class_that_come_first_or_alone_make_no_challenger_better(absent: dict[str, Any]) -> None:
    rng, n = np.random.default_rng(6), 6_000
    x, time = rng.normal(size=n), np.sort(rng.uniform(0, 36_000, n))
    chance = 1 / (1 + np.exp(1.5 - 1.5 * x))
    known = time + rng.exponential(3_600, n)
    came = np.flatnonzero((rng.random(n) < chance) & (known < time + 10_800))
    config = {
        "labels": {"topic": "l", "wait": "4h"} | absent,
        "metrics": {"window": "1h", "also": []},
        "models": {"challengers": {"logistic": {}, "majority": {}}},
    }
    log = [block(configuration(config=config), at=0)]
    for at in np.arange(0.0, 54_000, 600):
        mine, due = (np.flatnonzero((one >= at) & (one < at + 600)) for one in (time, known))
        due = np.intersect1d(due, came)
        due = due[np.argsort(known[due])]
        guess = (chance[mine] > 0.5).astype(float).tolist()
        sections = (
            [predictions([f"r{i}" for i in mine], time[mine].tolist(), guess, {"x": x[mine].tolist()})] if len(mine) else []
        )
        sections += [labels([f"r{i}" for i in due], known[due].tolist(), [1.0] * len(due))] if len(due) else []
        log += [block(*sections, at=at + 600)] if sections else []
        log.append(drained(at + 600))
    said = run(log, per_read=20)
    assert not [one for one in said["alerts"] if one["data"]["labels"]["alertname"] == "ChallengerBetter"]
    learnt = [one["models"][0]["outcomes"] for one in arrivals(said) if one["models"]]
    assert learnt[-1] > n - 10 if absent else not learnt
    assert run(cut(log, 17), restarts=[30], per_read=40) == said
