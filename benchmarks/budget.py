"""Whether a stream keeps its budget of false alarms, through all of watch.  `python -m benchmarks.budget`.

Streams have 20 features, a score and errors, and detectors as they are unless configured, but no smallest effect.
Nothing ever changes in these streams, so every alarm is false.  `raised` is how many alarms there were for each one that the
budget allows; below 1 is on the safe side.  Some four minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from benchmarks.table import table
from stream_monitor.blocks import Block, Rows, Section, encode
from stream_monitor.config.stream import StreamConfig, StreamRecord
from stream_monitor.part import Part
from stream_monitor.task import Partition

Floats = npt.NDArray[np.float64]
_FEATURES, _REFERENCE, _PER_BLOCK = 20, 2_000, 1_000
_START, _SECOND = 1_767_225_600_000_000, 1_000_000
_ERRORS = 0.08


def _independent(rng: np.random.Generator, n: int) -> Floats:
    return rng.normal(size=(n, _FEATURES))


def _correlated(rng: np.random.Generator, n: int) -> Floats:
    common = rng.normal(size=(n, 1))
    return math.sqrt(0.9) * common + math.sqrt(0.1) * rng.normal(size=(n, _FEATURES))


def _mixed(rng: np.random.Generator, n: int) -> Floats:
    """Five each of lognormal, Student's t with 3 degrees, AR(.5), and counts of few values."""
    slow = lfilter([1.0], [1.0, -0.5], rng.normal(size=(n, 5)), axis=0)
    return np.concatenate(
        (np.exp(rng.normal(size=(n, 5))), rng.standard_t(3, (n, 5)), slow, rng.poisson(1.5, (n, 5)).clip(0, 7)), axis=1
    )


STREAMS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "20 independent normal features": _independent,
    "20 features, correlation .9": _correlated,
    "lognormal, t3, AR(.5), counts": _mixed,
}


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.budget", description=__doc__)
    options.add_argument("--runs", type=int, default=40, help="streams of each kind (default: 40)")
    options.add_argument("--allowed", type=int, default=20_000, help="predictions for one false alarm (default: 20000)")
    options.add_argument("--seed", type=int, default=2026)
    chosen = options.parse_args()
    rows = []
    for name, make in STREAMS.items():
        raised: Counter[str] = Counter()
        for run in range(chosen.runs):
            rng = np.random.default_rng([chosen.seed, run, len(name)])
            raised.update(alarms(make, rng, 3 * chosen.allowed, chosen.allowed))
        total, allowed = sum(raised.values()), 3 * chosen.runs
        rows.append((name, total / allowed, math.sqrt(max(total, 1)) / allowed, *(raised[kind] for kind in _KINDS.values())))
    print(
        f"{chosen.runs} streams of each kind, {3 * chosen.allowed:,} predictions each, "
        f"1 false alarm allowed per {chosen.allowed:,}"
    )
    print(table(("stream", "raised / allowed", "standard error", *(f"of {kind}" for kind in _KINDS.values())), rows))


_KINDS = {"feature": "features", "prediction": "predictions", "score": "scores", "loss": "errors"}


def alarms(make: Callable[[np.random.Generator, int], Floats], rng: np.random.Generator, n: int, allowed: int) -> list[str]:
    """The kinds of signals that alarmed in a stream in which nothing changes."""
    part = Part(Partition("blocks", 0), None, saves=False)
    raised = []
    for offset, block in enumerate(_blocks(make, rng, n + _REFERENCE, allowed)):
        for output in part.record(offset, encode(block)):
            if output.channel == "alerts" and output.value is not None:
                data = json.loads(output.value)["data"]
                if data["transition"] == "opened" and data["labels"]["kind"] != "data_quality":
                    raised.append(_KINDS[data["labels"]["signal"]])
    return raised


def _blocks(
    make: Callable[[np.random.Generator, int], Floats], rng: np.random.Generator, n: int, allowed: int
) -> Iterator[Block]:
    config = StreamConfig.model_validate({
        "predictions": {"topic": "p"}, "labels": {"topic": "l", "wait": "1h"}, "reference": {"rows": _REFERENCE},
        "false_alarms": f"1 per {allowed} predictions", "task": "binary", "metrics": {"window": "1h"},
        "alerts": {"min_effect": {"data_drift": 0, "prediction_drift": 0, "concept_drift": 0}},
    })  # fmt: skip
    document = StreamRecord(config=config).model_dump_json().encode()
    yield Block(_START, 1, (Section("s", "configuration", document=document),))
    features, score = make(rng, n), rng.random(n)
    truth = (rng.random(n) < 0.5).astype(np.float64)
    predicted = np.where(rng.random(n) < _ERRORS, 1 - truth, truth)
    ids = rng.integers(0, 2**63, (n, 2)).astype(np.uint64)
    time = _START + np.arange(n) * _SECOND
    names = ("prediction", "score", *(f"feature:x{i:02}" for i in range(_FEATURES)))
    for start in range(0, n, _PER_BLOCK):
        part = slice(start, start + _PER_BLOCK)
        numbers = np.concatenate((predicted[part, None], score[part, None], features[part]), axis=1).T.copy()
        given = Rows(time[part], ids[part], names, numbers, (), np.empty((0, numbers.shape[1]), np.int32), ())
        told = Rows(
            time[part], ids[part], ("label",), truth[None, part].copy(), (), np.empty((0, numbers.shape[1]), np.int32), ()
        )
        sections = (
            Section("s", "predictions", given, topic="p", partition=0),
            Section("s", "labels", told, topic="l", partition=0),
        )
        yield Block(int(time[part][-1]), 1, sections)


if __name__ == "__main__":
    main()
