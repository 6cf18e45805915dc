"""Models come from a list, with parameters that are checked; nothing else can be named."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from stream_monitor.config.models import Models
from stream_monitor.models import catalogue
from stream_monitor.models.learners import learner


def test_river_is_not_imported_before_a_model_is_made() -> None:
    program = (
        "import sys, stream_monitor.config.models, stream_monitor.models.models, stream_monitor.models.sentence\n"
        "assert 'river' not in sys.modules and 'scipy' not in sys.modules\n"
        "stream_monitor.models.models.Models(stream_monitor.config.models.Models(), 'classification')\n"
        "assert 'river' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_parameters_that_are_not_given_have_their_default() -> None:
    assert catalogue.checked("logistic", {"l2": 1}) == {"learning_rate": 0.01, "l2": 1.0}
    assert catalogue.checked("naive_bayes", {}) == {}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("hoefding_tree", {}, r"there is no model 'hoefding_tree' \(did you mean hoeffding_tree\?\); there are logistic, "),
        ("os.system", {}, r"there is no model 'os.system'; there are "),
        (
            "hoeffding_tree",
            {"grace": 1},
            r"has no parameter 'grace' \(did you mean grace_period\?\); it takes grace_period, delta, tau, max_depth",
        ),
        ("hoeffding_tree", {"max_dept": 3}, r"hoeffding_tree has no parameter 'max_dept' \(did you mean max_depth\?\)"),
        ("logistic", {"lr": 0.1}, r"logistic has no parameter 'lr' \(did you mean learning_rate\?\)"),
        ("naive_bayes", {"alpha": 1}, r"naive_bayes has no parameter 'alpha'; it takes none"),
        ("hoeffding_tree", {"max_depth": 11}, r"hoeffding_tree.max_depth must be between 1 and 10, got 11"),
        ("hoeffding_tree", {"max_depth": 2.5}, r"hoeffding_tree.max_depth must be a whole number, got 2.5"),
        ("logistic", {"l2": "0.1"}, r"logistic.l2 must be a number, got '0.1'"),
        ("logistic", {"l2": True}, r"logistic.l2 must be a number, got True"),
        ("linear", {"learning_rate": float("nan")}, r"linear.learning_rate must be between 1e-06 and 1, got nan"),
    ],
)
def test_what_is_not_on_the_list_is_named_with_what_was_meant(name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        catalogue.checked(name, given)
    with pytest.raises(ValidationError, match=message):
        Models(challengers={name: given})


@pytest.mark.parametrize("name", catalogue.ENTRIES)
def test_every_model_learns_what_is_always_so(name: str) -> None:
    model = learner(name, {})
    assert model.predict({"a": 1.0}) in (None, 0.0)
    for i in range(300):
        model.learn({"a": float(i % 7)}, 3.0)
    assert model.predict({"a": 2.0}) == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["linear", "hoeffding_regressor", "adaptive_regressor"])
def test_one_label_that_is_far_away_unsettles_no_regressor(name: str) -> None:
    model, rng = learner(name, {}), np.random.default_rng(0)
    for i, x in enumerate(rng.normal(size=3000).tolist()):
        model.learn({"a": x}, 99_999.0 if i == 300 else 2 * x)
    assert model.predict({"a": 1.0}) == pytest.approx(2.0, abs=0.4)
    assert model.predict({"a": -1.0}) == pytest.approx(-2.0, abs=0.4)


@pytest.mark.parametrize("name", [name for name, entry in catalogue.ENTRIES.items() if entry.parameters])
def test_every_model_that_looks_at_features_learns_from_them(name: str) -> None:
    model, right, task = learner(name, {}), 0, catalogue.ENTRIES[name].task
    for i in range(3_000):
        x = {"a": float(i * 7 % 11) - 5.0, "b": float(i * 5 % 13)}
        y = float(x["a"] > 0.5) if task == "classification" else 100.0 + 10.0 * x["a"]
        guess = model.predict(x)
        if i >= 2_500 and guess is not None:
            right += abs(guess - y) < (0.5 if task == "classification" else 10.0)
        model.learn(x, y)
    assert right > 450
