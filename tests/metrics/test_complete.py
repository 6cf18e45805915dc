"""What is learnt from is complete, and outcomes without a loss keep nobody waiting."""

from __future__ import annotations

import numpy as np

from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.metrics.complete import Complete, Floats


def of(labels: list[float]) -> Outcomes:
    """Outcomes of predictions of 0."""
    n = len(labels)
    empty = {name: np.zeros((n, *column.shape[1:]), column.dtype) for name, column in NO_OUTCOMES._asdict().items()}
    return Outcomes(**empty)._replace(label_value=np.array(labels), sign=np.ones(n, np.int8), row=np.arange(n))


def losses(outcomes: Outcomes) -> Floats:
    """None of a label that is not known."""
    return np.abs(outcomes.label_value)


def test_outcomes_without_a_loss_do_not_stand_in_the_way_of_those_that_have_one() -> None:
    complete = Complete()
    for labels in ([1.0, np.nan], [np.nan, 0.0], [1.0]):
        complete.mature(np.zeros(len(labels), np.int64), of(labels), 3, losses)
    found = complete.taken([], 0, 3, 3, losses)
    assert found is not None
    assert found.label_value.tolist() == [1.0, 0.0, 1.0]
