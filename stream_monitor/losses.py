"""Outcomes as losses: what they are measured as, and what models and detectors of each version make of them."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from stream_monitor import findings
from stream_monitor.alerting import notices
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.gathered import Gathered
from stream_monitor.joining.join import Joined
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.models.catalogue import Task
from stream_monitor.models.columns import OWN
from stream_monitor.models.models import Models
from stream_monitor.running import Event, Running
from stream_monitor.version import Version
from stream_monitor.watched import OF_LOSS, Noticed
from stream_monitor.watching.recent import Marks

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def judge(stream: Running, joined: Joined, last: int, position: int | None) -> tuple[Ints, list[Event]]:
    """Turns outcomes into losses, once it is clear what a loss is; until then they are held.

    Gives the rows at which outcomes came to count, and what they brought.
    """
    outcomes = joined.outcomes
    mature(stream, joined.matured)
    events: list[Event] = []
    if not stream.judge.clear:
        outcomes, events = _clear_up(stream, outcomes, last, position)
    if not len(outcomes.row):
        return outcomes.row, events + _compare(stream, joined.compared, 0, FAR if stream.of_one_class else -1)
    clear_at = int(outcomes.row[0])
    losses = stream.judge.losses(outcomes)
    good = ~np.isnan(losses)
    if not good.all():
        stream.count({"incomparable": int((~good).sum())})
        outcomes, losses = outcomes.take(good), losses[good]
    told = _told_from(stream, outcomes)
    events += _compare(stream, joined.compared, clear_at, told)
    if not len(outcomes.row):
        return outcomes.row, events
    stream.age.take(outcomes, losses > 0 if stream.judge.task == "classification" else np.zeros(len(losses), np.bool_))
    stream.ledger.outcomes(outcomes, losses, int(joined.clock[-1]), stream.judge.task == "regression")
    new = outcomes.sign == 1
    stream.outcomes += int(new.sum())
    for version, mine in stream.watched.of(outcomes):
        version.labelled.judged(outcomes.row[mine], outcomes.position[mine], np.sign(outcomes.sign[mine]).astype(np.int64))
        version.outcomes += int(new[mine].sum())
        if not stream.age.stated:
            events += _learn(stream, version, outcomes.part(mine), losses[mine], told)
    return outcomes.row[new], events


def mature(stream: Running, outcomes: Outcomes) -> None:
    """Counts predictions whose wait is over, with their last label, if they have one."""
    stream.ledger.matured(outcomes, stream.judge.losses)
    stream.estimates.matured(outcomes, stream.judge.losses)


def _told_from(stream: Running, outcomes: Outcomes) -> int:
    """The row from which on it is said what is found of losses: at which labels had been of two classes, or any."""
    held, new = stream.of_one_class, np.flatnonzero(outcomes.sign == 1)
    second = stream.checks.labels(outcomes.label_value[new], outcomes.label_code[new])
    if not held:
        return -1
    return FAR if second is None else int(outcomes.row[new[second]])


def _compare(stream: Running, outcomes: Outcomes, clear_at: int, told: int) -> list[Event]:
    """Lets detectors see outcomes of one age, once it is clear what a loss is: those that were held till then at that row.

    What they find is `told` from a row on.
    """
    if not stream.judge.clear:
        stream.uncompared.add(outcomes)
        return []
    if stream.uncompared.n:
        outcomes = stream.uncompared.released(clear_at, outcomes)
    found = _found(stream, outcomes, told)
    return found if told in (-1, FAR) else _withheld(stream, told) + found


def _withheld(stream: Running, row: int) -> list[Event]:
    """What was not told so far, and lasts."""
    return [
        (row, partial(findings.tell, stream, Noticed(finding, version)))
        for version in stream.watched.versions.values()
        for sort in OF_LOSS
        for finding in version.groups[sort].release(row)
    ]


def _found(stream: Running, outcomes: Outcomes, told: int) -> list[Event]:
    if not len(outcomes.row):
        return []
    losses = stream.judge.losses(outcomes)
    events: list[Event] = []
    good = ~np.isnan(losses)
    outcomes, losses = outcomes.part(good), losses[good]
    for version, mine in stream.watched.of(outcomes):
        if stream.age.stated:
            events += _learn(stream, version, outcomes.part(mine), losses[mine], told)
        mine = mine[version.watched_lots.drawn(outcomes.ids[mine], outcomes.label_weight[mine])]
        events += _watch(stream, version, outcomes.part(mine), losses[mine], told)
    return events


def _watch(stream: Running, version: Version, outcomes: Outcomes, losses: Floats, told: int) -> list[Event]:
    if not len(losses):
        return []
    marks = _marks(outcomes)
    version.life.add(losses, marks.time, stream.ledger.segments.places(outcomes.segments))
    return [
        (finding.row, partial(findings.tell, stream, Noticed(finding, version)))
        for sort in (OF_LOSS if stream.record.config.performance.risk else OF_LOSS[:1])
        for finding in version.groups[sort].told(version.groups[sort].update((sort,), losses[:, None], marks), told)
    ]


def _marks(outcomes: Outcomes) -> Marks:
    return Marks(outcomes.row, outcomes.position, np.minimum(outcomes.time, outcomes.at))


def _clear_up(stream: Running, outcomes: Outcomes, last: int, position: int | None) -> tuple[Outcomes, list[Event]]:
    at = np.full(len(outcomes.row), stream.join.position) if position is None else position + outcomes.row
    cleared = stream.judge.clear_up(outcomes, at, last)
    stream.count({"incomparable": cleared.dropped})
    events: list[Event] = []
    if cleared.given_up_at is not None:
        stream.uncompared = Gathered()
        stream.ledger.give_up()
        events.append((cleared.given_up_at, partial(notices.no_common_word, stream.alerts, stream.name)))
    if cleared.common_at is not None:
        events.append((cleared.common_at, partial(notices.common_word, stream.alerts)))
    return cleared.outcomes, events


def _learn(stream: Running, version: Version, outcomes: Outcomes, losses: Floats, told: int) -> list[Event]:
    """Lets models see new outcomes from the row on from which what is found is `told`: of one age where that is stated."""
    if not stream.record.config.models.any:
        return []
    seen = (outcomes.row >= told) & (outcomes.sign == 1)
    seen[seen] = version.learnt_lots.drawn(outcomes.ids[seen], outcomes.label_weight[seen])
    if not seen.any():
        return []
    outcomes, losses = outcomes.part(seen), losses[seen]
    marks = _marks(outcomes)
    task: Task = "regression" if stream.judge.task == "regression" else "classification"
    if version.models is None:
        version.models = Models(stream.record.config.models, task)
        version.models.shed(stream.watched.halvings)

    def named(feature: str, number: float) -> str:
        return stream.words.name(number) if feature == OWN else stream.feature_rows.categories.name(feature, number)

    return [
        (int(marks.row[one.row]), partial(notices.model, stream.alerts, one, version.subject, task == "regression", named))
        for one in version.learn(outcomes, losses, marks.time, stream.kept)
    ]
