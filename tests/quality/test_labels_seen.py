"""A stream whose labels are all of one class says so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stream_monitor.config.quality import Quality
from stream_monitor.quality.labels_seen import LabelsSeen
from tests.quality.columns import said


def word(value: float, code: int) -> str:
    return f"class {code}" if code >= 0 else f"{value:g}"


def numbers(*values: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    return np.array(values), np.full(len(values), -1, np.int32)


def test_labels_of_one_class_are_said_once_and_taken_back_with_the_first_other() -> None:
    seen = LabelsSeen("shop", Quality(outcomes=100))
    seen.see(*numbers(*[0.0] * 99))
    assert seen.close(word) == []
    seen.see(*numbers(0.0))
    (issue,) = seen.close(word)
    assert (issue.name, issue.step, issue.severity, issue.n) == ("OneClass", "opened", "info", 100)
    assert issue.summary.startswith(
        "all 100 labels of shop so far are 0: there is nothing to tell apart; no alarm about its loss"
    )
    assert seen.close(word) == []
    seen.see(*numbers(0.0, 1.0))
    assert said(seen.close(word)) == [("OneClass", "resolved", "")]
    seen.see(*numbers(*[1.0] * 1_000))
    assert seen.close(word) == []


def test_numbers_that_are_no_classes_may_all_be_the_same() -> None:
    seen = LabelsSeen("shop", Quality(outcomes=1))
    seen.see(*numbers(0.0))
    assert seen.close(word, classes=False)[0].summary == "all 1 labels of shop so far are 0: there is nothing to tell apart"


@pytest.mark.parametrize("absent", [False, True])
def test_what_an_absent_label_may_mean_is_asked_where_it_is_not_configured(absent: bool) -> None:
    seen = LabelsSeen("shop", Quality(outcomes=1))
    seen.see(*numbers(1.0))
    (issue,) = seen.close(word, absent=absent)
    assert ("labels.absent" in issue.summary) is not absent


def test_it_is_known_with_which_label_there_was_a_second_class() -> None:
    seen = LabelsSeen("shop", Quality())
    assert (seen.see(*numbers(1.0, np.nan)), seen.differ) == (None, False)
    assert (seen.see(*numbers(np.nan, 1.0, 0.0, 1.0)), seen.differ) == (2, True)
    assert seen.see(*numbers(1.0, 0.0)) is None


def test_classes_with_names_are_told_apart_whatever_their_value() -> None:
    seen = LabelsSeen("shop", Quality(outcomes=3))
    seen.see(np.full(3, np.nan), np.full(3, 4, np.int32))
    assert seen.close(word)[0].summary.startswith("all 3 labels of shop so far are class 4")
    seen.see(np.full(1, np.nan), np.full(1, 5, np.int32))
    assert said(seen.close(word)) == [("OneClass", "resolved", "")]


def test_withdrawn_labels_are_no_class() -> None:
    seen = LabelsSeen("shop", Quality(outcomes=2))
    seen.see(*numbers(np.nan, 1.0, np.nan, 1.0))
    assert seen.close(word)[0].n == 2


def test_any_cut_and_any_restart_give_the_same() -> None:
    labels = [0.0] * 50 + [1.0] + [0.0] * 20
    whole = LabelsSeen("shop", Quality())
    whole.see(*numbers(*labels))
    cut = LabelsSeen("shop", Quality())
    for label in labels:
        cut.see(*numbers(label))
        saved, cut = cut.state(), LabelsSeen("shop", Quality())
        cut.restore(saved)
    assert cut.state() == whole.state()
