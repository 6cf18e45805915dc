"""One model version of a stream: what it says and how it errs, each with a reference of its own, and its retrain request."""

from __future__ import annotations

from typing import Any

from stream_monitor.alerting.alerts import Subject
from stream_monitor.alerting.retrain import Retrain
from stream_monitor.config.stream import StreamConfig
from stream_monitor.models.models import Models
from stream_monitor.watching.group import Group
from stream_monitor.watching.reference import Sort
from stream_monitor.watching.terms import terms


class Version:
    """What is known of a model version while it is live."""

    def __init__(self, number: int, subject: Subject, config: StreamConfig, seen: int) -> None:
        self.number, self.subject = number, subject
        sorts: tuple[Sort, ...] = ("prediction", "score", "loss", "risk")
        self.groups: dict[Sort, Group] = {sort: Group(sort, terms(config, sort)) for sort in sorts}
        self.retrain = Retrain()
        self.models: Models | None = None
        """What learns beside it, once it is known what a loss is."""
        self.outcomes = 0
        self.seen = seen
        """The stream's clock at its last prediction."""

    def inherit(self, older: Version) -> None:
        """Takes the references of another version, where it has them."""
        for sort, mine in self.groups.items():
            theirs = older.groups[sort]
            if theirs.learnt:
                mine.adopt(theirs.references())
                mine.span = theirs.span

    def named(self) -> dict[str, Group]:
        """Its groups of signals, by a name for snapshots."""
        return {f"{sort}/{self.number}": group for sort, group in self.groups.items()}

    def state(self) -> dict[str, Any]:
        """Everything but the groups, as plain values."""
        return {
            "number": self.number, "subject": list(self.subject), "outcomes": self.outcomes, "seen": self.seen,
            "retrain": self.retrain.state(),
            "models": [self.models.task, self.models.state()] if self.models else None,
        }  # fmt: skip

    @classmethod
    def restored(cls, state: dict[str, Any], config: StreamConfig) -> Version:
        """A version from a `state()`, its groups still empty."""
        version = cls(state["number"], Subject(*state["subject"]), config, state["seen"])
        version.outcomes = state["outcomes"]
        version.retrain.restore(state["retrain"])
        if state["models"]:
            task, models = state["models"]
            version.models = Models(config.models, task)
            version.models.restore(models)
        return version
