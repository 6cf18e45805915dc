"""What became of a version since it began."""

from __future__ import annotations

from typing import Any

from stream_monitor.metrics.ebb import Ebb
from stream_monitor.metrics.history import History
from stream_monitor.metrics.tally import Tally
from stream_monitor.metrics.windows import Closed


class Since:
    """Outcomes of a version, all of them and the first ones."""

    def __init__(self, start: int, rows: int, reference: Tally | None = None) -> None:
        self.start = start
        """The stream's clock then."""
        self.arrival = Tally()
        """Outcomes by when their label came, of windows that have closed, with what has come for these since."""
        self.cohort = Tally()
        """Outcomes that are final."""
        self.history = History()
        self.ebb = Ebb()
        self._rows = rows
        self._reference, self.given = reference or Tally(), reference is not None
        """What later outcomes are compared with, and whether it is of others than the first ones."""

    @property
    def reference(self) -> Tally | None:
        """The outcomes that later ones are compared with; None while there are too few."""
        return self._reference if not self.missing else None

    @property
    def missing(self) -> int:
        """How many outcomes there are too few."""
        return 0 if self.given else max(0, self._rows - self._reference.outcomes)

    def window(self, closed: Closed) -> None:
        """Takes a window that closed."""
        self.arrival.merge(closed.window.tally)
        self.history.add(closed.start, closed.window.tally)
        self.ebb.window(closed.key.number, closed.window.predictions, closed.window.delay)

    @property
    def growing(self) -> Tally:
        """The reference, for outcomes to be added while there are too few."""
        return self._reference

    def refer(self, reference: Tally) -> None:
        """Takes other outcomes to compare with."""
        self._reference, self.given = reference, True

    def relearn(self) -> None:
        """Takes the next outcomes for later ones to be compared with, unless others were given for that."""
        if not self.given:
            self._reference = Tally()
            self.history.forgive()

    def tallies(self) -> tuple[Tally, ...]:
        """All that is counted."""
        return self.arrival, self.cohort, self._reference

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {
            "start": self.start, "rows": self._rows, "arrival": self.arrival.state(), "cohort": self.cohort.state(),
            "history": self.history.state(), "reference": self._reference.state(),
            "given": self.given, "ebb": self.ebb.state(),
        }  # fmt: skip

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Since:
        """From a `state()`."""
        since = cls(state["start"], state["rows"], Tally.restored(state["reference"]))
        since.arrival, since.cohort = Tally.restored(state["arrival"]), Tally.restored(state["cohort"])
        since.history.restore(state["history"])
        since.given = state["given"]
        since.ebb.restore(state["ebb"])
        return since
