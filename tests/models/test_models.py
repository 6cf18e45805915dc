"""What learns beside a version says the same however outcomes are cut, and finds what there is to be found."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stream_monitor import snapshot
from stream_monitor.config.models import Models as Settings
from stream_monitor.models.catalogue import Task
from stream_monitor.models.models import CLASSES, Models
from stream_monitor.models.sentence import sentence

from .streams import fed, in_parts, loans, stream, turning

EVERYTHING = Settings(
    challengers={"logistic": {}, "hoeffding_adaptive": {"grace_period": 50}, "majority": {}, "linear": {}}, error_model=True
)


def made(settings: Settings = EVERYTHING, task: Task = "classification") -> Models:
    return Models(settings, task)


def said(category: str, number: float) -> str:
    return {0.0: "no", 1.0: "yes"}.get(number, f"{number:g}")


def test_a_challenger_that_follows_a_change_is_better_since_then() -> None:
    settings = Settings(challengers={"hoeffding_adaptive": {"grace_period": 100}, "logistic": {"learning_rate": 0.05}})
    found = fed(made(settings), turning(6_000, 3_000))
    better = {each.model: each for each in found if each.step == "better"}
    assert sorted({each.step for each in found}) == ["better", "still_better"]
    assert [each.step for each in found].count("better") == 2
    assert set(better) == {"hoeffding_adaptive", "logistic"}
    assert all(3_000 < each.row < 5_500 for each in better.values())
    text = sentence(better["logistic"], "fraud/7", False, said)
    assert text.startswith("challenger logistic has been better than fraud/7 by ")
    assert " points [" in text
    assert "] in the mean since 1970-01-01T0" in text


def test_no_challenger_is_better_than_a_good_model_of_the_loans() -> None:
    models = made()
    fed(models, loans(2_500))
    by_name = {each.get("challenger"): each for each in models.summary()}
    assert set(by_name) == {"logistic", "hoeffding_adaptive", "majority", None}
    assert not any(by_name[name]["better"] for name in ("logistic", "hoeffding_adaptive", "majority"))
    assert by_name["logistic"]["high"] < 0
    assert by_name["logistic"]["loss"] < 0.3 < 0.4 < by_name["majority"]["loss"]


def test_a_regression_is_challenged_in_the_unit_of_its_errors() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(3_000, 2)) * (1, 100)
    actual = 50 + 10 * features[:, 0] + 0.1 * features[:, 1] + rng.normal(size=3_000)
    models = made(Settings(challengers={"linear": {}, "logistic": {}, "mean": {}}), "regression")
    found = fed(models, stream(("a", "b"), features, np.full(3_000, 50.0), actual))
    assert [(each.model, each.step) for each in found] == [("linear", "better"), *[("linear", "still_better")] * 2]
    assert "of mean absolute error" in sentence(found[0], "price/1", True, said)
    assert models.summary()[0]["difference"] == pytest.approx(10.2, abs=1)


def test_errors_that_were_cut_are_said_in_full_and_as_they_were_judged() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(4_000, 1))
    actual = 50 + 10 * features[:, 0] + rng.normal(size=4_000)
    predicted = 50 + 10 * features[:, 0] + np.where(np.arange(4_000) < 1_500, 0.0, 30.0)
    models = made(Settings(challengers={"linear": {}, "mean": {}}), "regression")
    last = [each for each in fed(models, stream(("a",), features, predicted, actual)) if each.model == "linear"][-1]
    linear, mean = models.summary()
    assert linear["loss"] < mean["loss"] < linear["production"]
    assert linear["low"] < 29.2 < linear["high"]
    assert linear["cut"]["high"] <= linear["cut"]["at"] < 8
    assert last.cut is not None
    assert "better than price/1 by 29." in (text := sentence(last, "price/1", True, said))
    assert f"; as it is judged, with errors above {linear['cut']['at']:.3g} counted as that, by " in text
    text = sentence(last._replace(standing=last.standing._replace(difference=-2.0)), "price/1", True, said)
    assert f"better than price/1 by {last.cut.difference:.3g} [" in text
    assert "counted as that; in full it is not, by -2 of mean absolute error [" in text


def test_errors_that_the_features_tell_are_said_in_words() -> None:
    rng = np.random.default_rng(5)
    features = np.column_stack((rng.uniform(0, 50, 5_000), rng.integers(0, 2, 5_000).astype(np.float64)))
    predicted = rng.integers(0, 2, 5_000).astype(np.float64)
    wrong = rng.random(5_000) < np.where(features[:, 0] > 34, 0.4, 0.05) + 0.15 * features[:, 1]
    some = stream(("dti", "new"), features, predicted, np.where(wrong, 1 - predicted, predicted), ("new",))
    first, *_ = fed(made(Settings(error_model=True)), some)
    text = sentence(first, "fraud/7", False, said)
    assert text.startswith("where fraud/7 errs can be told from its features: dti > 3")
    assert re.search(r"dti > 3[\d.]+ \(errs in 4\d\.\d% of these, in 1\d\.\d% of the others\)", text)
    band = first.splits[0]._replace(above=5.0, up_to=34.0)
    text = sentence(first._replace(splits=(band, band._replace(rate_above=0.0))), "fraud/7", False, said)
    assert ": dti > 5 and <= 34 (" in text
    assert "; dti <= 5 or > 34 (" in text


@pytest.mark.parametrize("first", [0, 1_500])
def test_errors_where_a_feature_is_missing_are_said_to_be_there(first: int) -> None:
    rng, n = np.random.default_rng(6), 5_000
    features, predicted = rng.normal(size=(n, 2)), rng.integers(0, 2, n).astype(np.float64)
    lacks = (rng.random(n) < 0.2) & (np.arange(n) >= first)
    features[lacks, 1] = np.nan
    wrong = rng.random(n) < np.where(lacks, 0.5, 0.1)
    some = stream(("age", "income"), features, predicted, np.where(wrong, 1 - predicted, predicted))
    models = made(Settings(error_model=True))
    found, *_ = fed(models, some)
    (split,) = found.splits
    assert (split.feature, split.missing, split.grow) == ("income", True, True)
    text = sentence(found, "fraud/7", False, said)
    assert text.startswith("where fraud/7 errs can be told from its features: income is missing (")
    text = sentence(found._replace(splits=(split._replace(rate_above=0.0),)), "fraud/7", False, said)
    assert ": income is not missing (" in text


def test_which_errors_of_a_regression_are_meant_is_said() -> None:
    rng = np.random.default_rng(7)
    features = rng.uniform(0, 50, (4_000, 1))
    actual = 50 + rng.normal(size=4_000) * np.where(features[:, 0] > 34, 4.0, 1.0)
    models = made(Settings(error_model=True), "regression")
    first, *_ = fed(models, stream(("size",), features, np.full(4_000, 50.0), actual))
    threshold = float(np.sort(np.abs(actual[:500] - 50))[375])
    assert models.summary()[0]["threshold"] == threshold
    errs = f"where price/1 errs (absolute errors above {threshold:.3g}) can"
    assert sentence(first, "price/1", True, said).startswith(f"{errs} be told from its features: size > 3")
    assert sentence(first._replace(step="no_longer_errs"), "price/1", True, said).startswith(f"{errs} no longer be told")


@pytest.mark.parametrize("cuts", [[1, 2, 700, 701, 1_300], list(range(100, 1_500, 100))])
def test_neither_cut_nor_restart_changes_anything(cuts: list[int]) -> None:
    some = loans(1_500)
    whole = made()
    models, found = in_parts(made(), some, cuts, made)
    assert found == fed(whole, some)
    assert snapshot.pack(models.state()) == snapshot.pack(whole.state())
    assert models.summary() == whole.summary()


def test_a_state_is_small_and_survives_a_snapshot() -> None:
    models, again = made(), made()
    fed(models, loans(1_500))
    packed = snapshot.pack(models.state())
    again.restore(snapshot.unpack(packed))
    assert len(packed) < 300_000
    assert snapshot.pack(again.state()) == packed


def test_what_is_shed_is_not_learnt_from() -> None:
    models, some = made(), loans(2_000)
    models.shed(2)
    fed(models, some)
    kept = int(models.shedding.learnt(some.ids).sum())
    assert 400 < kept < 600
    assert {each["outcomes"] for each in models.summary()} == {kept}
    again = made()
    again.restore(models.state())
    assert again.shedding.halvings == 2


def test_outcomes_of_too_many_classes_or_without_a_loss_are_left_out() -> None:
    n = CLASSES + 5
    actual = np.arange(n, dtype=np.float64)
    actual[0] = np.nan
    some = stream(("a",), np.ones((n, 1)), np.zeros(n), actual)
    models = made(Settings(challengers={"majority": {}}))
    fed(models, some._replace(loss=np.where(np.arange(n) == 1, np.nan, 1.0)))
    assert models.left_out == 6
    assert models.summary()[0]["outcomes"] == CLASSES - 1


def broken_model(state: dict[str, Any]) -> None:
    state["challengers"]["majority"]["model"] = [1]
    state["errors"]["logistic"] = state["errors"]["scale"]


def broken_sums(state: dict[str, Any]) -> None:
    state["challengers"]["majority"]["comparison"]["begun"] = []
    state["errors"]["comparison"] = {"n": "?"}


def broken_columns(state: dict[str, Any]) -> None:
    state["columns"] = {"features": [["a"]]}


@pytest.mark.parametrize("broken", [broken_model, broken_sums, broken_columns])
def test_what_cannot_be_read_begins_anew_and_says_so_with_the_next_outcome(broken: Callable[[dict[str, Any]], None]) -> None:
    settings = Settings(challengers={"majority": {}, "previous": {}}, error_model=True)
    models, again, last = made(settings), made(settings), made(settings)
    fed(models, loans(1_000))
    state = snapshot.unpack(snapshot.pack(models.state()))
    broken(state)
    again.restore(state)
    last.restore(snapshot.unpack(snapshot.pack(again.state())))
    found = fed(last, loans(1_600).part(1_000, 1_600))
    anew = [each for each in found if each.step == "begun_anew"]
    expected = {"majority", "error_model"} | ({"previous"} if broken is broken_columns else set())
    assert {each.model for each in anew} == expected
    assert max(each.row for each in anew) <= 64
    assert all(each.reason for each in anew)
    said_of = {one.get("challenger", "error_model"): one for one in last.summary()}
    assert {name for name, one in said_of.items() if one["begun_anew"]} == expected
    assert "has begun anew: " in sentence(anew[0], "loans/1", False, said)


def test_how_many_outcomes_are_learnt_from_is_said_beside_each_model() -> None:
    models = made()
    models.shed(3)
    assert [one["learnt_from_one_in"] for one in models.summary()] == [8] * 4


def test_nothing_configured_learns_nothing() -> None:
    models = made(Settings())
    assert fed(models, loans(100)) == []
    assert models.summary() == []
    assert not Settings().any
    assert Settings(error_model=True).any
