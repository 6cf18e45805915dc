"""A model's state is plain values; what is made of them again predicts the same to the last bit."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from river import ensemble, tree
from river._river_rust.drift import AdaptiveWindowing

from stream_monitor import snapshot
from stream_monitor.models import catalogue, encoding
from stream_monitor.models.encoding import TooLarge, decoded, encoded
from stream_monitor.models.failure import Unreadable
from stream_monitor.models.learners import Row, learner

QUICK = {"grace_period": 50, "delta": 1e-3}


def outcomes(n: int, task: str, seed: int = 1) -> Iterator[tuple[Row, float]]:
    """Rows of 8 columns, one at times missing, whose meaning turns in the middle; of three classes, or numbers."""
    rng = random.Random(seed)
    for i in range(n):
        x = {f"f{j}": rng.gauss(0, 1 + j) for j in range(8)}
        score = x["f0"] + abs(x["f3"]) / 2 + (4 if i > n // 2 and x["f5"] > 0 else 0)
        if rng.random() < 0.1:
            del x["f0"]
        yield x, float((score > 0) + (score > 2)) if task == "classification" else 3 * score + rng.gauss(0, 1)


@pytest.mark.parametrize("name", catalogue.ENTRIES)
def test_a_restored_model_predicts_and_learns_to_the_last_bit(name: str) -> None:
    entry = catalogue.ENTRIES[name]
    model = learner(name, QUICK if "grace_period" in entry.parameters else {})
    for i, (x, y) in enumerate(outcomes(2_400, entry.task)):
        if i in (3, 1_000, 1_700):
            fresh = learner(name, QUICK if "grace_period" in entry.parameters else {})
            again = decoded(snapshot.unpack(snapshot.pack({"model": encoded(model)}))["model"], fresh)
        if i >= 1_700:
            assert repr(again.predict(x)) == repr(model.predict(x))
            again.learn(x, y)
        model.learn(x, y)
    assert encoded(again) == encoded(model)
    if "grace_period" in entry.parameters:
        assert model.model.n_nodes > 5  # type: ignore[attr-defined]  # a tree that has grown


def test_what_is_shared_is_shared_again() -> None:
    model = learner("hoeffding_adaptive", QUICK)
    for x, y in outcomes(1_500, "classification"):
        model.learn(x, y)
    again = decoded(encoded(model)).model
    assert len({id(leaf.rng) for leaf in again._root.iter_leaves()} | {id(again._rng)}) == 1


def digest() -> str:
    """Of the states of some models that have learnt."""
    whole = hashlib.sha256()
    for name in ("logistic", "hoeffding_adaptive", "naive_bayes"):
        model = learner(name, QUICK if name == "hoeffding_adaptive" else {})
        for x, y in outcomes(800, "classification"):
            model.learn(x, y)
        whole.update(snapshot.pack(encoded(model)))
    return whole.hexdigest()


def test_states_are_the_same_whatever_the_seed_of_hashes() -> None:
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    program = "from tests.models.test_encoding import digest; print(digest())"
    ran = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == digest()


@pytest.mark.parametrize("stranger", [ensemble.BaggingClassifier(tree.HoeffdingTreeClassifier()), object(), print])
def test_what_is_not_on_the_list_is_not_written(stranger: object) -> None:
    with pytest.raises(TypeError, match="is not on the list"):
        encoded({"inside": stranger})


def test_what_is_not_on_the_list_is_not_read() -> None:
    state = encoded([1, 2])
    state["shapes"] = [["subprocess.Popen"]]
    with pytest.raises(Unreadable, match=r"subprocess.Popen"):
        decoded(state)
    assert "subprocess.Popen" not in encoding._CLASSES


def test_a_state_of_another_river_is_not_read() -> None:
    with pytest.raises(Unreadable, match=r"learnt with river 0\.1, and this is "):
        decoded(encoded([1]) | {"river": "0.1"})


def deep(levels: int) -> list[Any]:
    """A tuple within a tuple, and so on."""
    inner: list[Any] = [-1]
    for _ in range(levels):
        inner = [-1, inner]
    return inner


ADWIN = encoding._NAMES[AdaptiveWindowing]


@pytest.mark.parametrize(
    ("shapes", "objects"),
    [
        ([["builtins.list"]], [[0, deep(100_000)]]),
        ([["builtins.list"]], [[0, {"a": 1}]]),
        ([["builtins.list"]], [[0, [7]]]),
        ([["builtins.list"]], 5),
        ([["random.Random"]], [[0, 3, [-1, *[2**80] * 625], None]]),
        ([[ADWIN]], [[0, 0.002, 32, 5, 5, 10, b"\xff" * 40]]),
        ([[ADWIN]], [[0, 0.002, 2**40, 5, 5, 10, b""]]),
        ([], []),
    ],
)
def test_what_is_no_model_is_not_read(shapes: list[list[str]], objects: Any) -> None:
    with pytest.raises(Unreadable):
        decoded(encoded([1]) | {"shapes": shapes, "objects": objects})


@pytest.mark.parametrize("state", [None, 5, "a", [1], {}])
def test_what_is_no_state_is_not_read(state: Any) -> None:
    with pytest.raises(Unreadable):
        decoded(state)


@pytest.mark.parametrize(
    ("name", "other"), [("logistic", "linear"), ("hoeffding_tree", "naive_bayes"), ("logistic", "majority")]
)
def test_a_model_of_another_kind_is_not_read(name: str, other: str) -> None:
    with pytest.raises(Unreadable, match="is expected"):
        decoded(encoded(learner(other, {})), learner(name, {}))


def test_a_state_of_too_many_values_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "READ", 50)
    for values in ([0.0] * 60, [(0.0,) * 60]):
        with pytest.raises(Unreadable, match="more than 50 values"):
            decoded(encoded(values))


def test_a_model_of_too_many_values_is_refused() -> None:
    with pytest.raises(TooLarge):
        encoded([[0.0] * 10] * 3 + [[1.0] * 100], 50)
    assert decoded(encoded([0.0] * 10, 50)) == [0.0] * 10
