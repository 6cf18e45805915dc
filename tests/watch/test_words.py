"""The numbers of texts."""

from __future__ import annotations

import numpy as np

from stream_monitor.joining.packed import Values
from stream_monitor.watching.words import Words, numbered

from .worlds import arrivals, block, configuration, drained, labels, predictions, run, value


def test_beyond_the_limit_texts_are_still_told_apart_but_none_is_kept() -> None:
    words = Words(3)
    codes = [words.code(f"text {i}") for i in range(1000)]
    assert codes[:3] == [0, 1, 2]
    assert len(set(codes)) == 1000
    assert words.state() == ["text 0", "text 1", "text 2"]
    again = Words(3)
    again.restore(words.state())
    for one in (words, again):
        assert one.code("text 1") == 1
        assert one.code("text 5") == codes[5]
        assert one.known("text 5") is None
        assert [one.text(float("nan"), code) for code in codes[1:5]] == ["text 1", "text 2", "other", "other"]
        assert [one.name(number) for number in numbered(Values(np.zeros(2), np.array(codes[2:4], np.int32)))] == [
            "text 2",
            "other",
        ]


def test_accuracy_is_right_beyond_the_limit() -> None:
    rng = np.random.default_rng(5)
    blocks = [block(configuration(config={"metrics": {"window": "1d"}}, limits={"categories": 20}), at=0)]
    truth = rng.integers(0, 500, 2000)
    said = np.where(rng.random(2000) < 0.3, (truth + 1) % 500, truth)
    for at in range(0, 2000, 100):
        ids, seconds = [f"i{i}" for i in range(at, at + 100)], [float(i) for i in range(at, at + 100)]
        blocks += [
            block(predictions(ids, seconds, [f"item {one}" for one in said[at : at + 100]])),
            block(labels(ids, seconds, [f"item {one}" for one in truth[at : at + 100]])),
        ]
    (day,) = arrivals(run([*blocks, drained(86_400.0 * 2)]))
    assert value(day["performance"], "accuracy") == np.mean(truth == said)
