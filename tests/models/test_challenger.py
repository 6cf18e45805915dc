"""A challenger is asked before it is told, compared on the same rows, and bounded in what it may cost."""

from __future__ import annotations

import random
from typing import Any

import pytest

from stream_monitor.models import challenger
from stream_monitor.models.challenger import WARMUP, Challenger
from stream_monitor.models.learners import Row


class Stub:
    """A model that expects something, remembers the order of calls, and raises when it is told 13."""

    def __init__(self, guess: float | None) -> None:
        self.guess, self.calls = guess, [""]
        self.raised: type[BaseException] = OverflowError

    def predict(self, x: Row) -> float | None:
        """What it was made to expect."""
        self.calls.append("predict")
        return self.guess

    def learn(self, x: Row, y: float) -> None:
        """Raises at 13."""
        self.calls.append("learn")
        if y == 13:
            raise self.raised("too far")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """The model that challengers have instead of one of river."""
    made = Stub(1.0)
    monkeypatch.setattr(challenger, "learner", lambda name, parameters: made)
    return made


def test_it_is_asked_before_it_is_told_and_compared_after_its_warm_up(stub: Stub) -> None:
    one = Challenger("majority", {}, 0.05)
    for i in range(WARMUP + 10):
        one.learn({}, float(i % 2), 1.0, i)
    assert stub.calls[1:5] == ["predict", "learn", "predict", "learn"]
    assert one.summary() | {"n": 0} == {
        "challenger": "majority", "outcomes": WARMUP + 10, "compared": 10, "loss": 0.5, "production": 1.0,
        "better": False, "difference": None, "low": None, "high": None, "since": 0, "n": 0,
        "cut": None, "begun_anew": 0, "set_aside": False, "reason": "",
    }  # fmt: skip


def test_no_answer_is_an_error(stub: Stub) -> None:
    stub.guess = None
    one = Challenger("majority", {}, 0.05)
    for i in range(WARMUP + 64):
        one.learn({}, 1.0, 0.0, i)
    assert one.loss == 64


def test_one_that_is_better_is_said_to_be_since_the_comparison_began(stub: Stub) -> None:
    one, rng = Challenger("majority", {}, 0.05), random.Random(1)
    said = [(i, step) for i in range(3_000) if (step := one.learn({}, 1.0, float(rng.random() < 0.1), i))]
    assert [step for _, step in said] == ["better", "still_better"]
    assert said[0][0] < 800
    assert one.standing.since == WARMUP
    assert one.standing.low < 0.1 < one.standing.high


def test_errors_of_regression_are_judged_in_their_unit_up_to_a_bound(stub: Stub) -> None:
    stub.guess = 30.0
    one, rng = Challenger("mean", {}, 0.05), random.Random(2)
    for i in range(3_000):
        one.learn({}, 20.0 if i != 1_000 else 1e90, rng.uniform(0, 40), i)
    assert one.bound == pytest.approx(3 * 38, rel=0.05)
    assert one.loss == pytest.approx(1e90)
    assert one.standing.better
    assert one.cut is not None
    assert (one.cut.at, one.cut.rows) == (one.bound, 1)
    assert one.cut.difference == pytest.approx(10, abs=0.5)
    assert one.cut.low < 10 < one.cut.high
    assert one.standing.low < one.standing.difference < 0 < one.standing.high


def test_errors_of_regression_beyond_the_bound_are_said_in_full_whatever_came_before_and_restarts() -> None:
    one, whole, rng = Challenger("mean", {}, 0.05), Challenger("mean", {}, 0.05), random.Random(3)
    for i in range(6_000):
        if i % 777 == 0:
            state, one = one.state(), Challenger("mean", {}, 0.05)
            one.restore(state)
        broken = 1e90 if i == 1_000 else 30.0 if i >= 3_000 else 0.5
        came, loss = rng.uniform(19, 21), broken + rng.uniform(-0.5, 0.5)
        assert one.learn({}, came, loss, i) == whole.learn({}, came, loss, i)
    assert one.state() == whole.state()
    assert 3_000 <= one.standing.since < 4_000
    assert one.standing.low < 29.5 < one.standing.high < one.standing.low + 1
    assert one.cut is not None
    assert one.cut.high < one.cut.at < 3.1
    assert one.cut.rows == one.standing.n


def test_no_answer_of_a_regression_is_an_error_as_large_as_the_bound(stub: Stub) -> None:
    stub.guess = None
    one = Challenger("mean", {}, 0.05)
    for i in range(WARMUP + 64):
        one.learn({}, 1.0, 2.0, i)
    assert one.loss == 64 * one.bound == 64 * 6


def test_one_that_raises_begins_anew_and_is_set_aside_in_the_end(stub: Stub) -> None:
    one = Challenger("majority", {}, 0.05)
    assert [one.learn({}, y, 1.0, 0) for y in (1.0, 13.0, 13.0, 13.0, 1.0)] == [
        None,
        "begun_anew",
        "begun_anew",
        "set_aside",
        None,
    ]
    assert one.summary()["set_aside"]
    assert one.reason == "it raised OverflowError"


def test_a_panic_of_rust_is_a_failure_of_the_model_and_an_interruption_is_not(stub: Stub) -> None:
    stub.raised = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    assert Challenger("majority", {}, 0.05).learn({}, 13.0, 1.0, 0) == "begun_anew"
    for raised in (KeyboardInterrupt, SystemExit, MemoryError):
        stub.raised = raised
        with pytest.raises(raised):
            Challenger("majority", {}, 0.05).learn({}, 13.0, 1.0, 0)


def test_one_that_grows_too_large_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenger, "VALUES", 500)
    monkeypatch.setattr(challenger, "WEIGHED_EVERY", 4_096)
    one, rng = Challenger("hoeffding_tree", {"grace_period": 20, "tau": 0.5}, 0.05), random.Random(3)
    said = []
    for i in range(4_096):
        x = {f"f{j}": rng.random() for j in range(4)}
        said.append(one.learn(x, float((x["f0"] > 0.5) + 2 * (x["f1"] > 0.5)), 0.0, i))
    assert set(said[:-1]) == {None}
    assert said[-1] == "begun_anew"
    assert one.reason == "it had more than 500 values"


def test_a_state_of_another_river_begins_anew_but_keeps_how_it_stood() -> None:
    one = Challenger("majority", {}, 0.05)
    for i in range(1_000):
        one.learn({"a": 1.0}, 1.0, float(i % 5 == 0), i)
    state: dict[str, Any] = one.state()
    state["model"]["river"] = "0.1"
    again = Challenger("majority", {}, 0.05)
    assert again.restore(state) == "begun_anew"
    assert again.standing == one.standing
    assert again.reason.startswith("learnt with river 0.1")
