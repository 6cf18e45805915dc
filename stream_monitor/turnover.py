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
            name = stream.join.versions.name(number)
            again = [one for one in live.values() if one.idle and (one.subject.model, one.subject.version) == name]
            events += [(0, partial(retire, stream, one)) for one in again]
            _begin(stream, number, int(joined.clock[np.argmax(joined.version == number)]))
            events.append((0, partial(_supersede, stream, live[number])))
        last = -1 if len(numbers) == 1 else np.flatnonzero(joined.version == number)[-1]
        live[number].seen = int(joined.clock[last])
        mine = answered if len(numbers) == 1 else answered & (joined.version == number)
        rows = np.flatnonzero(mine)
        live[number].labelled.predicted(rows, position + rows)
    return events


def over(stream: Running, moment: Moment) -> list[Output]:
    """Ends the versions that are over: first what comes with predictions, then, when no label can come any more, the rest."""
    outputs: list[Output] = []
    config, versions = stream.record.config, stream.watched.versions
    latest = max((one.seen for one in versions.values()), default=0)
    for version in [one for one in versions.values() if not one.idle]:
        if version.seen + config.versions.retire_after <= latest:
            outputs += _rest(stream, version, moment)
    idle = sorted((one for one in versions.values() if one.idle), key=lambda one: one.seen)
    spare = max(0, len(idle) - stream.record.limits.versions)
    for place, version in enumerate(idle):
        if place < spare or version.seen + _labelled_within(stream) <= moment.clock:
            outputs += retire(stream, version, moment)
    return outputs


def retire(stream: Running, version: Version, moment: Moment) -> list[Output]:
    """Forgets an idle version."""
    outputs = _ended(stream, version, moment)
    stream.watched.retire(version)
    stream.ledger.retire(version.number)
    stream.estimates.retire(version.number)
    stream.rules.forget(version.number)
    return outputs


def refer(stream: Running, number: int) -> None:
    """Compares a version with the outcomes of a reference that was given, and estimates from them, if there are any."""
    if stream.watched.given is None:
        return
    outcomes, losses = stream.watched.given.outcomes(stream.judge, number)
    if len(losses) >= _ENOUGH:
        stream.ledger.refer(number, outcomes, losses, stream.judge.task == "regression")
        stream.estimates.refer(number, outcomes)


def _rest(stream: Running, version: Version, moment: Moment) -> list[Output]:
    """Makes a version idle; what its labels say from now on is news."""
    outputs = version.retrain.close("superseded", version.subject, stream.record, moment)
    outputs += _ended(stream, version, moment)
    stream.watched.rest(version)
    stream.join.versions.retire(version.number)
    stream.last_metrics.pop(str(version.number), None)
    stream.last_cohorts.pop(str(version.number), None)
    return outputs


def _ended(stream: Running, version: Version, moment: Moment) -> list[Output]:
    return stream.alerts.end("retired", moment, model=version.subject.model, version=version.subject.version)


def _labelled_within(stream: Running) -> int:
    """How long after a version's last prediction its cohorts are final."""
    config = stream.record.config
    longest = max((config.metrics.window, *config.metrics.longer))
    return longest + max(stream.join.wait, config.metrics.grace) if config.labels else 0


def _begin(stream: Running, number: int, clock: int) -> None:
    subject = Subject(stream.name, *stream.join.versions.name(number))
    older = stream.watched.begin(number, subject, stream.record.config, clock, stream.judge)
    stream.watched.name_models()
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
