"""Versions of a model that come, and versions that go."""

from __future__ import annotations

from functools import partial

import numpy as np

from stream_monitor.alerting.alerts import Moment, Subject
from stream_monitor.joining.join import Joined
from stream_monitor.joining.packed import Values
from stream_monitor.joining.versions import distinct
from stream_monitor.running import Event, Running
from stream_monitor.task import Output
from stream_monitor.version import Version

_ENOUGH = 100
"""Outcomes in a reference that was given; with fewer, later ones are compared with the first that labels bring."""


def meet(stream: Running, joined: Joined, values: Values, position: int) -> list[Event]:
    """Sees which versions predict, from a position on; a new one answers the open requests of its model."""
    events: list[Event] = []
    live, numbers = stream.watched.versions, distinct(joined.version)
    answered = joined.accepted & ((values.code >= 0) | ~np.isnan(values.value))
    for number in numbers:
        if number < 0:
            continue
        if number not in live:
            _begin(stream, number, int(joined.clock[np.argmax(joined.version == number)]))
            events.append((0, partial(_supersede, stream, live[number])))
        last = -1 if len(numbers) == 1 else np.flatnonzero(joined.version == number)[-1]
        live[number].seen = int(joined.clock[last])
        mine = answered if len(numbers) == 1 else answered & (joined.version == number)
        rows = np.flatnonzero(mine)
        live[number].labelled.predicted(rows, position + rows)
    return events


def retire(stream: Running, version: Version, moment: Moment) -> list[Output]:
    """Ends a version that has been silent."""
    subject, number = version.subject, version.number
    outputs = version.retrain.close("superseded", subject, stream.record, moment)
    outputs += stream.alerts.end("retired", moment, model=subject.model, version=subject.version)
    stream.watched.retire(version)
    stream.last_metrics.pop(str(number), None)
    stream.last_cohorts.pop(str(number), None)
    stream.ledger.retire(number)
    stream.estimates.retire(number)
    stream.rules.forget(number)
    stream.join.versions.retire(number)
    return outputs


def refer(stream: Running, number: int) -> None:
    """Compares a version with the outcomes of a reference that was given, and estimates from them, if there are any."""
    if stream.watched.given is None:
        return
    outcomes, losses = stream.watched.given.outcomes(stream.judge, number)
    if len(losses) >= _ENOUGH:
        stream.ledger.refer(number, outcomes, losses, stream.judge.task == "regression")
        stream.estimates.refer(number, outcomes)


def _begin(stream: Running, number: int, clock: int) -> None:
    subject = Subject(stream.name, *stream.join.versions.name(number))
    older = stream.watched.begin(number, subject, stream.record.config, clock, stream.judge)
    stream.ledger.begins(number, clock, older)
    if older is None:
        refer(stream, number)
    stream.watched.share(stream.record)


def _supersede(stream: Running, version: Version, moment: Moment) -> list[Output]:
    """Closes the requests that a new version answers."""
    outputs: list[Output] = []
    for one in stream.watched.versions.values():
        if one.subject.model == version.subject.model and one is not version:
            outputs += one.retrain.close("superseded", one.subject, stream.record, moment)
    return outputs
