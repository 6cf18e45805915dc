"""CPU time per event of reading, decoding, the whole program, and the loops it replaces.  `python -m benchmarks.throughput`.

All of them read the same topics of one broker, each in a fresh process, taking turns, because a machine that is shared is
never the same for long.  Ratios are medians of the ratios within a turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks import load, loops, pipeline, stages
from benchmarks.cost import Cost, apart
from benchmarks.deployment import FIXED, SMALL, configuration, fill
from benchmarks.load import RATE, Load
from benchmarks.pipeline import Run
from benchmarks.table import table
from consumers.broker.node import Broker

_READ, _DECODE, _WHOLE, _GLUE = "reading", "reading and decoding", "the whole program", "a loop with 20 river ADWIN"
_FIXED = "the same with KS, ADWIN and Page-Hinkley"
_KSWIN, _KSWIN_EVENTS = "a loop with 20 river KSWIN", 2_000
SEGMENTED = {"metrics": {"window": "1m", "also": ["5m", "1h"]}, "segments": {"keys": ["region"], "top": 10}}
_STREAMS = 1_000
_MANY: dict[str, Any] = SMALL | {"metrics": {"window": "5m"}}
_ROWS = 300
"""Fewest predictions of a stream that leave its detectors something to do."""


def main() -> None:
    """Prints both tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    options.add_argument("--predictions", type=int, default=300_000, help="default: 300,000")
    options.add_argument("--turns", type=int, default=5, help="default: 5")
    options.add_argument("--quick", action="store_true", help="30,000 predictions and one turn, to see whether it works")
    chosen = options.parse_args()
    predictions, turns = (30_000, 1) if chosen.quick else (chosen.predictions, chosen.turns)
    whole = one_stream(predictions, turns)
    parts(predictions, whole)
    many_streams(predictions, turns)


def one_stream(predictions: int, turns: int) -> float:
    """All events are of one stream; gives microseconds of the whole program per prediction."""
    events = _events(predictions)
    print(f"{len(events.predictions):,} predictions of {events.size:.0f} bytes, {len(events.labels):,} labels, one stream")
    with Broker() as broker:
        fill(configuration(broker.address, "fill"), events)
        done = [_turn(broker.address, turn, events.events) for turn in range(turns)]
        kswin = apart(loops.glue, configuration(broker.address, "fill"), "KSWIN", _KSWIN_EVENTS)
    costs = {name: [costs[name] for costs, _ in done] for name in done[0][0]}
    rows = [(name, *_numbers(some, predictions), _ratio(some, costs[_DECODE])) for name, some in costs.items()]
    print(table(_HEADS, [*rows, (_KSWIN, kswin.per_event, "", "", "", "")]))
    for name in (_WHOLE, _FIXED):
        print(f"{name} / a loop with ADWIN: {_ratio(costs[name], costs[_GLUE])}")
    print(_remarks([run for _, run in done]))
    return median(cost.cpu / predictions * 1e6 for cost in costs[_WHOLE])


def parts(predictions: int, whole: float) -> None:
    """What metrics, estimates and quality take of that, with windows of 1m, 5m and 1h and 10 segments, over memory."""
    taken = apart(stages.measured, predictions, **SEGMENTED)
    rows = [(name, seconds / predictions * 1e6, seconds / predictions * 1e6 / whole) for name, seconds in taken.items()]
    print("\nof that, with 3 windows and 10 segments, over topics in memory")
    print(table(("", "µs/prediction", "÷ the whole program"), rows))


def many_streams(predictions: int, turns: int) -> None:
    """The same events, of a thousand models on one topic."""
    streams = min(_STREAMS, predictions // _ROWS)
    events = _events(predictions, streams)
    print(f"\nthe same over {streams:,} streams, with windows of 5m")
    with Broker() as broker:
        fill(configuration(broker.address, "fill"), events)
        runs = [apart(pipeline.whole, configuration(broker.address, f"many{n}", **_MANY), events.events) for n in range(turns)]
    rows = [(f"turn {number}", *_capacity(run.cost)) for number, run in enumerate(runs, 1)]
    print(table(("", "µs/event", "events/s of CPU", "events/s of wall"), rows))
    print(_remarks(runs))


_HEADS = ("", "µs/event", "(min)", "µs/prediction", "events/s of wall", "÷ decoding")


def _events(predictions: int, models: int = 1) -> Load:
    """Events that ended a moment ago: what is older than a topic's retention would go."""
    return load.make(predictions, time.time_ns() // 1_000 - int(predictions / RATE * 1e6) - 300_000_000, models)


def _turn(address: str, number: int, events: int) -> tuple[dict[str, Cost], Run]:
    inputs = configuration(address, "fill")
    costs = {_READ: apart(loops.read, inputs), _DECODE: apart(loops.decode, inputs)}
    run = apart(pipeline.whole, configuration(address, f"whole{number}"), events)
    fixed = apart(pipeline.whole, configuration(address, f"fixed{number}", **FIXED), events)
    costs |= {_WHOLE: run.cost, _FIXED: fixed.cost, _GLUE: apart(loops.glue, inputs, "ADWIN")}
    for name, cost in costs.items():
        if cost.events != events:
            raise RuntimeError(f"{name} took {cost.events} of {events} events")
    return costs, run


def _numbers(costs: Sequence[Cost], predictions: int) -> tuple[float, float, float, float]:
    per_event = [cost.per_event for cost in costs]
    per_prediction = median(cost.cpu / predictions * 1e6 for cost in costs)
    return median(per_event), min(per_event), per_prediction, median(cost.events / cost.wall for cost in costs)


def _capacity(cost: Cost) -> tuple[float, float, float]:
    return cost.per_event, cost.events / cost.cpu, cost.events / cost.wall


def _ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> str:
    """The median of the ratios within a turn, and their range."""
    ratios = sorted(cost.cpu / other.cpu for cost, other in zip(costs, others))
    return f"{median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"


def _remarks(runs: Sequence[Run]) -> str:
    transactions, alerts, early, lost = (round(median(column)) for column in zip(*(run[1:] for run in runs)))
    labels = f"{early:,} labels read before their predictions, {lost:,} before their stream (and dropped)"
    return f"{transactions:,} transactions, {alerts:,} alerts at the end, {labels}"


if __name__ == "__main__":
    main()
