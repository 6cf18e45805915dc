"""What is forecast of labels that are still to come follows the windows that became final last."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.config.stream import Metrics
from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.metrics.cohorts import Cohorts

HOUR = 3_600_000_000
WAIT = 24 * HOUR


def final(cohorts: Cohorts, hour: int, delay: float, labelled: int) -> None:
    """A window of an hour and 100 predictions, so many of which have a label after so many hours, becomes final."""
    start = hour * HOUR
    sign, time = np.r_[np.ones(labelled, np.int8), np.zeros(100 - labelled, np.int8)], np.full(100, start, np.int64)
    at, version = time + int(delay * HOUR), np.zeros(100, np.int32)
    outcomes = Outcomes._make(np.zeros((100, *column.shape[1:]), column.dtype) for column in NO_OUTCOMES)
    for _ in cohorts.matured(outcomes._replace(time=time, sign=sign, at=at, known=at, version=version)):
        pass
    cohorts.opened(HOUR, hour, start + HOUR)
    for _ in cohorts.look(start + HOUR + WAIT, WAIT, lambda start, end: []):
        pass


def test_how_labels_came_long_ago_is_forgotten() -> None:
    cohorts = Cohorts(Metrics(window=HOUR))
    for hour in range(300):
        final(cohorts, hour, 11.0, 100)
    for hour in range(300, 330):
        final(cohorts, hour, 2.0, 30)
        state, cohorts = cohorts.state(), Cohorts(Metrics(window=HOUR))
        cohorts.restore(state)
    coverage, seconds = cohorts.forecast() or (0.0, 0.0)
    assert coverage == 0.3
    assert seconds == pytest.approx(7200, rel=0.01)
