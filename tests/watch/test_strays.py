"""Labels whose prediction has expired are told from labels without one, by a sample that no cut changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.strays import Strays

Hashes = npt.NDArray[np.uint64]


def hashes(n: int, seed: int) -> Hashes:
    return np.random.default_rng(seed).integers(0, 2**64, (n, 2), np.uint64)


def told(over: Hashes, alone: Hashes, every: int) -> tuple[Strays, tuple[int, int]]:
    """What is said of labels, if all come in pieces of a size, with a restart after each."""
    one = Strays()
    for at in range(0, max(len(over), len(alone)), every):
        part = over[at : at + every]
        one.over(part, np.arange(at, at + len(part)))
        one.alone(alone[at : at + every])
        saved, one = one.state(), Strays()
        one.restore(saved)
    return one, one.late(100_000, 50_000)


def test_labels_of_expired_predictions_are_late_and_others_are_not() -> None:
    over, other = hashes(1_000, 1), hashes(500, 2)
    _, late = told(over, np.concatenate((over[:300], other)), 100)
    assert late == (300, 800)


def test_many_are_sampled_alike_whatever_the_pieces() -> None:
    over, other = hashes(90_000, 3), hashes(30_000, 4)
    alone = np.concatenate((over[:30_000], other))
    whole, late = told(over, alone, 90_000)
    assert late[0] / late[1] == np.clip(late[0] / late[1], 0.45, 0.55)
    assert late[1] > 400
    for every in (1_000, 777):
        pieces, again = told(over, alone, every)
        assert again == late
        assert pieces.state() == whole.state()


def test_what_expired_long_ago_is_forgotten() -> None:
    one = Strays()
    ids = hashes(100, 5)
    one.over(ids, np.arange(100))
    one.alone(ids)
    assert one.late(450, 100) == (49, 100)
    assert one.late(450, 100) == (0, 0)
