"""What a change amounts to, and whether there is one, by the last rows and what they are compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detectors import Change, Moved
from detectors.changepoint import NEARLY_AS_LIKELY, split
from detectors.counting.deviance import likelihood_ratio, of_one_window
from stream_monitor.watching import last_values
from stream_monitor.watching.finding import Direction, Unit
from stream_monitor.watching.lasting import Lasting
from stream_monitor.watching.recent import Recent
from stream_monitor.watching.reference import EXTREME, Floats, Reference

_SHORTEST = 30
"""Outcomes that a change of the loss must have lasted for, for its beginning to be estimated."""
_SURE = 1.64
"""Standard errors by which a signal must be nearer than half way to be back: the equivalence test at 5%."""

SURER, _FRACTIONS = 3.0, (4, 2)
"""The same for fractions of the rows."""

SUREST = 4.0
"""The same for one signal of all to have changed by itself."""

_KNOWN, _ENOUGH = 2.0, 100
_LASTING = 1_000
"""Standard errors that are left out of how large a change surely is, and rows from which on that is known at all."""

LARGER = 1.25
"""How many times as large as said a change must be to have grown."""

BOTH: tuple[Moved, ...] = ("mean", "spread")
_MEAN_OF, _SD_OF = 0.8, 0.6
"""The mean and the standard deviation of the size of a standard normal value."""
_WIDE = 2.0
"""How many times the spread of the reference that of values is, at least, whose mean is not to be believed."""
_TINY = 1e-12
"""In place of a share that is none, to divide by."""
_CUT = EXTREME**2 / 4
"""The mean of squares from which on so many were cut off that the whole ones say how large they are."""


class Amounts:
    """Measures changes of the signals of a reference."""

    def __init__(self, reference: Reference, recent: Recent, last: Recent | None = None) -> None:
        """Takes what was measured of the last rows, and of categories as many last values."""
        self._reference, self._recent, self._last = reference, recent, last

    def effect(self, signal: int, moved: Moved, since: int, others: tuple[float, ...] = ()) -> tuple[float, float, float, Unit]:
        """Before, after, how much, and in what, from about a row on.

        Of shares: those of the category that changed most, and half of all changes together, the total variation; some
        `others` are told apart for it.  Of all signals as one: that of the one that has surely changed most, NaN if there is
        none.
        """
        reference = self._reference
        if signal == len(reference.names):
            for most in self.surely_moved(since)[:1]:
                return self.effect(most, self._most(most, since), since)
            return math.nan, math.nan, math.nan, "sd"
        if reference.counted:
            shares = self.shares(signal, since, others)
            _, was, now = max(shares, key=lambda one: abs(one[2] - one[1]))
            return was, now, sum(abs(after - before) for _, before, after in shares) / 2, "points"
        before, sd = float(reference.mean[signal]), float(reference.sd[signal])
        if moved == "spread":
            ratio = self._ratio(signal, since)
            return sd, sd * ratio, ratio, "ratio"
        after = self._recent.mean_since(since, signal)[0]
        return (
            before,
            after,
            (after - before) if reference.rate else (after - before) / sd,
            "points" if reference.rate else "sd",
        )

    def surely_moved(self, since: int) -> list[int]:
        """The signals that have changed by themselves from about a row on, beyond doubt and by enough; the most first."""
        sizes = []
        for signal, least in enumerate(self._reference.effects.tolist()):
            moved, (_, n) = self._most(signal, since), self._recent.mean_since(since, self._reference.column(signal))
            size = _size(moved, self.effect(signal, moved, since)[2])
            if n and size > max(self._by_chance(signal, moved, n, SUREST), least):
                sizes.append((-size, signal))
        return [signal for _, signal in sorted(sizes)]

    def moved(self, signal: int, moved: Moved, since: int, first: bool = False) -> Moved:
        """What has changed most by the rows themselves: values that are spread about another mean may have moved, no more.

        The mean of values that are spread far wider may be off by chance, and then it is their spread that has changed.
        Less is asked of the `first` rows that show a change: of so few even the mean of values in another unit is hardly known.
        """
        if self._reference.of_loss or self._reference.counted or moved not in BOTH:
            return moved
        mean, ratio = (self.effect(signal, each, since)[2] for each in BOTH)
        own, n = self._whole(signal, since)
        sure = _KNOWN if first else SURER
        known = abs(mean) > sure * math.sqrt(own) * self._reference.own_error(signal, max(n, 1))
        if moved == "mean":
            return "spread" if ratio > _WIDE and not known else "mean"
        return "mean" if known and abs(mean) > _size("spread", ratio) else "spread"

    def apart(self, signal: int, moved: Moved, since: int, known: Sequence[float] = ()) -> tuple[float, ...]:
        """What a change of a number consists of, where that is measured; `known` is what it was said to."""
        return ()

    def is_after(self, signal: int, since: int) -> bool:
        """Whether what a detector finds of a number may be no more than that its last change ended at a row."""
        return False

    def direction(self, signal: int, change: Lasting) -> Direction:
        """Which way it has changed by the rows themselves."""
        if self._reference.of_loss or change.direction == "both" or change.moved not in BOTH or math.isnan(change.effect):
            return change.direction
        return "up" if change.effect > (1.0 if change.moved == "spread" else 0.0) else "down"

    def is_noise(self, signal: int, change: Lasting, since: int) -> bool:
        """Whether from a row on a signal is not to be told from its reference, nor near a change of what it is measured by.

        Of a loss, whether it is no further than its reference on the side of the change.
        """
        if not change.measurable:
            return False
        if self._reference.of_loss:
            return self._further(signal, change, since) <= 0
        _, n = self._recent.mean_since(since, self._reference.column(signal))
        if not n:
            return False
        if change.moved == "shares":
            return self._may_be_over(signal, change, since, n) and not self._is_elsewhere(signal, change, since, n)
        size, least = _size(change.moved, self.effect(signal, change.moved, since)[2]), float(self._reference.effects[signal])
        near = size <= max(_size(change.moved, change.effect) / 2, least)
        return near and size <= self._by_chance(signal, change.moved, n, _SURE)

    def has_grown(self, signal: int, change: Lasting) -> bool:
        """Whether a change is surely larger than was said of it, by a quarter, and by what matters."""
        effect = self.effect(signal, change.moved, change.began, change.others)[2]
        was, now = _size(change.moved, change.effect), _size(change.moved, effect)
        _, n = self._recent.mean_since(change.began, self._reference.column(signal))
        error = SURER * self._reference.own_error(signal, max(n, 1))
        error *= 0.5 if change.moved == "shares" else math.sqrt(max(self._whole(signal, change.began)[0], 1.0))
        return now >= LARGER * was and now - was > max(error, float(self._reference.effects[signal]))

    def shares(self, signal: int, since: int, others: tuple[float, ...] = ()) -> list[tuple[float, float, float]]:
        """Categories, some `others` too, NaN for the rest, with their shares of the reference and from about a row on."""
        categories = (*self._reference.categories[signal].tolist(), *others, math.nan)
        before, now = self._before(signal, others).tolist(), self._shares_since(signal, since, others)[0].tolist()
        return list(zip(categories, before, now, strict=True))

    def others(self, signal: int, since: int, known: tuple[float, ...] = ()) -> tuple[float, ...]:
        """The categories among all others that have surely moved from about a row on, after those that are known to have."""
        new = [one for one in last_values.moved(self._reference, signal, self._values_since(signal, since)) if one not in known]
        return (*known, *new)[: last_values.MOST]

    def began(self, change: Change, first: bool) -> tuple[int, int, int]:
        """Where a change began, and between which rows; of a loss, if its detector cannot tell, the most likely split.

        If the `first` that is seen of it seems to have begun before the rows that are kept, all of these may be changed, and a
        split of them in two would be one by chance: they are held against the reference.
        """
        if change.latest >= 0 or not self._reference.of_loss:
            return change.start, change.earliest, change.latest
        oldest, values = self._recent.oldest(), self._recent.values(change.signal)
        if oldest:
            before = float(self._reference.mean[change.signal]) if first and change.start < oldest else None
            return oldest + split(values, before, _SHORTEST), -1, -1
        known = self._reference.values[:, change.signal]
        return max(0, split(np.concatenate((known, values)), minimum=_SHORTEST) - len(known)), -1, -1

    def began_after(self, signal: int, row: int) -> tuple[int, int, int]:
        """Where shares began to change, and between which rows, if not before a row: the likeliest split of those since."""
        oldest = max(self._recent.oldest(), row)
        chunk = self._recent.chunk
        starts = np.arange(oldest, max(self._recent.rows - chunk, oldest + 1), chunk)
        found = [self._shares_since(signal, start) for start in starts.tolist()]
        after = np.array([np.nan_to_num(shares) * n for shares, n in found]).T
        known = self._reference.shares[signal] * float(self._reference.n[signal])
        before = known[:, np.newaxis] + after[:, :1] - after
        likelihood = likelihood_ratio(after, np.maximum(before, 0.0)) * self._reference.own_error(signal, 1) ** -2
        best = int(likelihood.argmax())
        likely = np.flatnonzero(likelihood >= likelihood[best] - NEARLY_AS_LIKELY)
        earliest = int(starts[likely[0] - 1]) if likely[0] else row
        latest = int(starts[likely[-1] + 1]) if likely[-1] + 1 < len(starts) else self._recent.rows
        return int(starts[best]), earliest, latest

    def differ(self, signal: int, since: int, threshold: float) -> bool:
        """Whether shares since a row are others than the reference alone has, by two thirds of the threshold of `counts`."""
        if self.others(signal, since):
            return True
        now, n = self._shares_since(signal, since)
        if not n:
            return False
        known, inflation = int(self._reference.n[signal]), self._reference.own_error(signal, 1) ** 2
        score = of_one_window(
            now * n, self._reference.shares[signal] * known, float(self._reference.effects[signal]), inflation
        )
        return score > threshold / 1.5

    def is_usual(self, signal: int, change: Lasting) -> bool:
        """Whether a change measures as none: a loss within two standard errors of the reference, or less than what matters.

        Of a loss that has been off for many outcomes one suffices: its detector has declared it, and it has lasted.
        """
        if signal == len(self._reference.names):
            return False
        after, n = self._recent.mean_since(change.began, self._reference.column(signal))
        if not n:
            return True
        if not self._reference.of_loss:
            least = float(self._reference.effects[signal])
            return change.moved in BOTH and change.latest >= 0 and _size(change.moved, change.effect) < least / 2
        distance = after - float(self._reference.mean[signal])
        error = float(self._reference.sd[signal]) * self._reference.error(signal, n)
        sure = _KNOWN if n < _LASTING else 1.0
        return {"up": distance, "down": -distance, "both": abs(distance)}[change.direction] <= sure * error

    def has_turned(self, signal: int, change: Lasting, now: Lasting) -> bool:
        """Whether what lasts has been found on the other side of its reference; of numbers, beyond doubt since it is there.

        Shares, shapes and all signals as one have no sides.
        """
        if {change.direction, now.direction} != {"up", "down"} or signal == len(self._reference.names):
            return False
        if self._reference.of_loss:
            return not self.is_usual(signal, now)
        _, n = self._recent.mean_since(now.began, signal)
        sided = now.measurable and now.moved == change.moved != "shares"
        return sided and n > 0 and _size(now.moved, now.effect) > self._by_chance(signal, now.moved, n, SURER)

    def is_none(self, signal: int, change: Lasting) -> bool:
        """Whether a loss that was doubted to have changed is within half a standard error of its reference since then."""
        after, n = self._recent.mean_since(change.began, self._reference.column(signal))
        error = float(self._reference.sd[signal]) * self._reference.error(signal, max(n, 1)) / 2
        distance = after - float(self._reference.mean[signal])
        return not {"up": distance, "down": -distance, "both": abs(distance)}[change.direction] > error

    def surely(self, signal: int, change: Lasting) -> float:
        """How large a change of a loss is by the rows since it began, less what is in doubt; 0 where these are few."""
        mean, n = self._recent.mean_since(change.began, self._reference.column(signal))
        if n < _ENOUGH:
            return 0.0
        sd = math.sqrt(max(mean * (1 - mean), 0.0)) if self._reference.rate else self._sd_since(signal, change.began)
        spread = max(1.0, sd / float(self._reference.sd[signal]))
        doubt = _KNOWN * spread * self._reference.error(signal, n) * self._unit(signal)
        return max(0.0, self._further(signal, change, change.began) - doubt)

    def _sd_since(self, signal: int, row: int) -> float:
        """Of the values that are kept, from a row on."""
        values = self._recent.values(signal)[max(0, row - self._recent.oldest()) :]
        return float(np.nanstd(values)) if len(values) else 0.0

    def is_back(self, signal: int, change: Lasting, within: int) -> bool:
        """Whether the last rows, `within` so many, are nearer to the reference than half way to the change, beyond doubt.

        Of a loss a fraction suffices that leaves far less doubt, against what it surely was: outcomes may be rare.
        """
        if not change.measurable:
            return True
        if not self._reference.of_loss:
            return self._is_near(signal, change, change.effect, within, _SURE)
        if any(self._is_near(signal, change, change.surely, within // part, SURER) for part in _FRACTIONS):
            return True
        so_far = min(change.effect, self.effect(signal, change.moved, change.began)[2], key=abs)  # the first may be too much
        return self._is_near(signal, change, max(abs(so_far), change.surely), within, _SURE)

    def _is_near(self, signal: int, change: Lasting, was: float, within: int, sure: float) -> bool:
        since = self._recent.rows - within
        if since < change.began:
            return False
        _, n = self._recent.mean_since(since, self._reference.column(signal))
        if not n:
            return False
        if change.moved == "shares":
            gone, way, sd = self._on_the_way(signal, change, since)
            near = gone + sure * sd * self._reference.own_error(signal, n) <= way / 2
            return near and not self._is_elsewhere(signal, change, since, n)
        effect, least = self.effect(signal, change.moved, since)[2], float(self._reference.effects[signal])
        error = sure * self._reference.error(signal, n)
        if change.moved == "spread":
            return _size("spread", effect) + error <= max(_size("spread", was) / 2, least)
        unit = self._unit(signal)
        margin = max(abs(was) / 2, least * unit)
        side = self._further(signal, change, since)
        near = side + error * unit <= margin and (self._reference.of_loss or -side + error * unit <= margin)
        return near and self.moved(signal, change.moved, since) == change.moved

    def learn(self, signal: int, change: Lasting) -> None:
        """Takes the rows since it was last asked into what shares are in a change; not those that might be the reference.

        What a change is said to be is chosen as it is large, and rows that come after its end are not of it.
        """
        self._tell_apart(signal, change)
        now, n = self._shares_since(signal, change.taken, change.others)
        if change.shares and n and self._may_be_over(signal, change, change.taken, n):
            n = 0
        total = change.known + n
        if n:
            known = np.array(change.shares) if change.shares else np.zeros(len(now))
            change.shares = tuple(((known * change.known + now * n) / total).tolist())
        change.known, change.taken = total, self._recent.rows

    def _tell_apart(self, signal: int, change: Lasting) -> None:
        """Measures by themselves what else has moved in a change; in the rows before, it came as often as in the last ones."""
        others = self.others(signal, change.began, change.others)
        new = np.array(others[len(change.others) :])
        change.others = others
        if change.shares and len(new):
            of = last_values.shares(self._values_since(signal, change.began), new)
            change.shares = tuple(last_values.told_apart(np.array(change.shares), of).tolist())

    def _before(self, signal: int, others: tuple[float, ...] = ()) -> Floats:
        """The shares of a signal's categories in the reference, of some others too, and of the rest."""
        before: Floats = self._reference.shares[signal]
        if not others:
            return before
        known = last_values.present(self._reference.values[:, signal])
        return last_values.told_apart(before, last_values.shares(known, np.array(others)))

    def _shares_since(self, signal: int, since: int, others: tuple[float, ...] = ()) -> tuple[Floats, int]:
        """The same from a row's chunk on, as no rows between two looks may be left out; and of how many values."""
        since = since // self._recent.chunk * self._recent.chunk
        found = [self._recent.mean_since(since, column) for column in self._reference.columns[signal]]
        shares, n = np.maximum([share for share, _ in found], 0.0), found[0][1]
        shares /= shares.sum()  # each is without a season of its own
        if others:
            of = last_values.shares(self._values_since(signal, since), np.array(others))
            shares = last_values.told_apart(shares, of)
        return shares, n

    def _values_since(self, signal: int, since: int) -> Floats:
        """Values that stand for categories, of the rows of which shares since a row are."""
        if self._last is None:
            return np.empty(0)
        chunk = self._recent.chunk
        first = max(since // chunk * chunk, self._recent.oldest())
        return last_values.present(self._last.values(signal)[max(first - self._last.oldest(), 0) :])

    def _on_the_way(self, signal: int, change: Lasting, since: int) -> tuple[float, float, float]:
        """How far shares have gone since a row in the direction of a change, and how far they do in it.

        And the standard deviation of one row's part in it, half way.  Categories whose change was less than half as sure as
        that of the surest have no part.
        """
        before, changed = self._before(signal, change.others), np.array(change.shares)
        half, way = (before + changed) / 2, changed - before
        sure = np.abs(way) / np.sqrt(np.maximum(half * (1 - half), _TINY))
        weights = np.where(sure >= sure.max() / 2, way / np.maximum(half, _TINY), 0.0)
        now, _ = self._shares_since(signal, since, change.others)
        spread = float(weights**2 @ half - (weights @ half) ** 2)
        return float(weights @ (now - before)), float(weights @ way), math.sqrt(max(spread, 0.0))

    def _may_be_over(self, signal: int, change: Lasting, since: int, n: int) -> bool:
        """Whether n shares since a row are less than half way in the direction of a change, by no more than chance."""
        gone, way, sd = self._on_the_way(signal, change, since)
        return gone <= min(way / 2, _SURE * sd * self._reference.error(signal, n))

    def _is_elsewhere(self, signal: int, change: Lasting, since: int, n: int) -> bool:
        """Whether shares are another way off since a row, by more than half of what was said and what chance makes of n."""
        margin = max(abs(change.effect) / 2, float(self._reference.effects[signal]))
        off = self.effect(signal, "shares", since, change.others)[2]
        return off > margin + self._by_chance(signal, "shares", n, _SURE)

    def _further(self, signal: int, change: Lasting, since: int) -> float:
        """How much further than the reference a signal is since a row, on the side of a change of its mean."""
        effect = self.effect(signal, change.moved, since)[2]
        return effect if change.direction == "up" else -effect

    def _by_chance(self, signal: int, moved: Moved, n: int, sure: float) -> float:
        """How large a change of n values may be by chance alone, `sure` standard errors."""
        error = self._reference.error(signal, n)
        if moved != "shares":
            return sure * error
        shares = self._reference.shares[signal]
        return error * float(_MEAN_OF * np.sqrt(shares * (1 - shares)).sum() + sure * _SD_OF) / 2

    def _most(self, signal: int, since: int) -> Moved:
        """What has changed most of a signal from about a row on, its mean or its spread; of categories, their shares."""
        return "shares" if self._reference.counted else self.moved(signal, "spread", since)

    def _ratio(self, signal: int, since: int) -> float:
        """How many times the spread of the reference that of the values since a row is."""
        about = self._recent.mean_since(since, len(self._reference.names) + signal)[0]
        mean = self.effect(signal, "mean", since)[2]
        if about > _CUT:
            return math.sqrt(self._whole(signal, since)[0])
        own = about - mean * mean
        if own < _TINY * about:  # no more than rounding
            own = 0.0
        if own < about / 2 and about > 1:  # squares were cut off, and do not tell one from the other
            own = about
        return math.sqrt(own)

    def _whole(self, signal: int, since: int) -> tuple[float, int]:
        """The variance since a row in variances of the reference, nothing cut off, and of how many values."""
        mean = self.effect(signal, "mean", since)[2]
        square, n = self._recent.mean_since(since, 2 * len(self._reference.names) + signal)
        return max(square - mean * mean, 0.0), n

    def error(self, signal: int, since: int) -> float:
        """The standard error of how far the mean is from that of the reference since a row, as far as values are spread now."""
        own, n = self._whole(signal, since)
        of_reference = self._reference.own_error(signal, max(int(self._reference.n[signal]), 1))
        return math.hypot(math.sqrt(max(own, 1.0)) * self._reference.own_error(signal, max(n, 1)), of_reference)

    def _unit(self, signal: int) -> float:
        """A standard deviation in the unit of effects."""
        return float(self._reference.sd[signal]) if self._reference.rate else 1.0


def _size(moved: Moved, effect: float) -> float:
    """How large a change of a mean or of a spread is, whichever way it goes; of a spread no larger than deviations are kept."""
    return abs(math.log(min(max(effect, 1 / EXTREME), EXTREME))) if moved == "spread" else abs(effect)
