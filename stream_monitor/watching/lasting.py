"""A change that lasts: what its detector said of it, and where it began."""

from __future__ import annotations

from dataclasses import dataclass

from detectors import Moved
from stream_monitor.watching.finding import Direction


@dataclass(slots=True)
class Lasting:
    """A change that lasts."""

    detector: str
    direction: Direction
    statistic: float
    threshold: float
    n_reference: int
    n_current: int
    began: int
    earliest: int
    latest: int
    """Row of where it began, and rows between which; -1 where they are not known."""
    last: int
    """The last row at which a detector saw it."""
    said: int
    """The row at which it was last said."""
    effect: float
    moved: Moved
    rarity: float
    extrapolated: bool
    refined: bool = False
    again: int = 0
    """The row at which a loss was last said though no detector had seen it again."""
    surely: float = 0.0
    """Of a loss, how large it was beyond doubt when that was most; rows after its end take nothing from it."""
    others: tuple[float, ...] = ()
    """Of categories, those among all others of the reference that have surely moved, and are measured by themselves."""
    shares: tuple[float, ...] = ()
    known: int = 0
    taken: int = 0
    """Of categories, each one's share since it began, of how many values that is known, and the row up to which."""
    apart: tuple[float, ...] = ()
    """Of a number most of whose values are one, by how much the share and the mean of others have changed, NaN where they
    have not, in standard deviations of each; empty where it is measured as a whole."""
    back: int | None = None
    """The row since which the signal has been where it was before."""

    @property
    def measurable(self) -> bool:
        """Whether the rows say by themselves that it is over; of others only the detector can."""
        return (
            self.moved == "shares"
            or bool(self.apart)
            or (self.moved in ("mean", "rate", "spread") and self.direction != "both")
        )

    def refine(self, other: Lasting) -> None:
        """Takes where it began from a later sign of it; one that began surely later the same way is a change within it."""
        if other.direction != self.direction and not (self.apart and other.apart):
            self.began, self.earliest, self.latest = other.began, other.earliest, other.latest
        elif other.began <= max(self.began, self.latest):
            latest = other.latest if self.latest < 0 else min(self.latest, other.latest)
            self.began, self.earliest, self.latest = other.began, other.earliest, latest
