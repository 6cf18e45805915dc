"""Rules open findings when windows in a row say so, and end them when as many say otherwise."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from pydantic import ValidationError

from stream_monitor.config.better import BETTER, Kind, known_of
from stream_monitor.config.performance import AgainstRule, LimitRule, Performance
from stream_monitor.config.stream import StreamConfig
from stream_monitor.metrics.binary import Binary, Costs
from stream_monitor.metrics.intervals import wilson
from stream_monitor.metrics.multiclass import Multiclass
from stream_monitor.metrics.reading import NOTHING, Reading
from stream_monitor.metrics.regression import Regression
from stream_monitor.performance.limits import Against, Limit, Step

HOUR = 3_600_000_000


def reading(value: float, half: float = 0.02, n: float = 1000) -> Reading:
    return Reading(value, n, value - half, value + half)


def steps(rule: Limit, *values: float | Reading) -> list[str | None]:
    """What a limit says of one window after the other, an hour each."""
    readings = [reading(value) if isinstance(value, float) else value for value in values]
    return [step and step.step for step in (rule.update(each, hour * HOUR) for hour, each in enumerate(readings))]


def limit(metric: str = "accuracy", **settings: Any) -> Limit:
    return Limit(LimitRule(metric=metric, **settings))


def against(metric: str = "accuracy", **settings: Any) -> Against:
    return Against(AgainstRule(**({"windows": 1} | settings)), metric)


def kind(rule: Against, now: Reading, reference: Reading) -> str | None:
    step = rule.update(now, reference, 0)
    return step and step.kind


def test_a_value_beyond_its_limit_opens_a_finding_and_one_that_is_back_ends_it() -> None:
    rule = limit(below=0.9, severity="critical")
    assert rule.update(reading(0.91), 0) is None
    low, back = reading(0.85), reading(0.93)
    assert rule.update(low, HOUR) == Step("opened", "worse", "critical", "accuracy", low, 0.9, HOUR, HOUR)
    assert rule.update(low, 2 * HOUR) is None
    assert rule.update(back, 3 * HOUR) == Step("resolved", "worse", "critical", "accuracy", back, 0.9, HOUR, 3 * HOUR)
    assert rule.update(back, 4 * HOUR) is None


def test_a_limit_has_two_sides() -> None:
    assert steps(limit("mae", above=5.0), 5.0, 5.1, 5.1, 4.9) == [None, "opened", None, "resolved"]


def test_as_many_windows_in_a_row_open_a_finding_as_end_it() -> None:
    rule = limit(below=0.9, windows=3)
    assert steps(rule, 0.85, 0.85, 0.95, 0.85, 0.85, 0.85) == [None] * 5 + ["opened"]
    assert steps(rule, 0.95, 0.95, 0.85, 0.95, 0.95, 0.95) == [None] * 5 + ["resolved"]


def test_a_finding_is_dated_from_the_first_of_its_windows() -> None:
    rule = limit(below=0.9, windows=3)
    opened = [rule.update(reading(0.85), hour * HOUR) for hour in range(5, 8)][-1]
    assert opened is not None
    assert (opened.since, opened.at) == (5 * HOUR, 7 * HOUR)


def test_windows_that_say_nothing_neither_count_nor_interrupt() -> None:
    few, none = reading(0.95, n=49), NOTHING
    rule = limit(below=0.9, windows=2, minimum=50)
    assert steps(rule, 0.85, few, none, 0.85) == [None, None, None, "opened"]
    assert steps(rule, none, none, none, few, few) == [None] * 5
    assert steps(rule, 0.95, none, 0.95) == [None, None, "resolved"]
    assert steps(limit(below=0.9, minimum=50), reading(0.5, n=49), reading(0.5, n=50)) == [None, "opened"]


def test_a_window_with_too_few_labels_says_nothing() -> None:
    rule = limit(below=0.9, coverage=0.6)
    assert rule.update(reading(0.5), 0, coverage=0.59) is None
    opened = rule.update(reading(0.5), HOUR, coverage=0.6)
    assert opened is not None
    assert opened.step == "opened"
    assert rule.update(reading(0.99), 2 * HOUR, coverage=0.59) is None
    ended = rule.update(reading(0.99), 3 * HOUR, coverage=0.6)
    assert ended is not None
    assert ended.step == "resolved"


def test_coverage_does_not_matter_unless_it_is_asked_for() -> None:
    opened = limit(below=0.9).update(reading(0.5), 0, coverage=0.0)
    assert opened is not None


def test_a_finding_is_updated_when_it_is_worse_by_a_fifth() -> None:
    assert steps(limit("mae", above=10.0), 15.0, 15.9, 16.0, 17.0, 17.2, 16.0) == [
        "opened",
        None,
        "updated",
        None,
        "updated",
        None,
    ]


def test_where_it_must_be_certain_the_whole_interval_is_beyond() -> None:
    rule = limit(below=0.9, certain=True)
    assert steps(rule, reading(0.87, 0.04), reading(0.87, 0.03)) == [None, None]
    assert steps(rule, reading(0.87, 0.02), reading(0.87, 0.04), reading(0.95, 0.04)) == ["opened", None, "resolved"]
    assert steps(limit(below=0.9, certain=True), Reading(0.5, 1000)) == [None]
    assert steps(limit("mae", above=5.0, certain=True), reading(5.1, 0.2), reading(5.1, 0.05)) == [None, "opened"]


@pytest.mark.parametrize(
    ("metric", "side", "beyond", "said"),
    [
        ("accuracy", {"below": 0.5}, 0.4, ("worse", "critical")),
        ("accuracy", {"above": 0.5}, 0.6, ("improved", "info")),
        ("mae", {"above": 0.5}, 0.6, ("worse", "critical")),
        ("mae", {"below": 0.5}, 0.4, ("improved", "info")),
        ("bias", {"above": 0.5}, 0.6, ("worse", "critical")),
        ("bias", {"below": -0.5}, -0.6, ("worse", "critical")),
        ("bias", {"below": 0.5}, 0.4, ("improved", "info")),
        ("mean_actual", {"below": 0.5}, 0.4, ("beyond", "critical")),
    ],
)
def test_harm_is_told_from_improvement(metric: str, side: dict[str, float], beyond: float, said: tuple[str, str]) -> None:
    step = limit(metric, severity="critical", **side).update(reading(beyond), 0)
    assert step is not None
    assert (step.kind, step.severity) == said


def test_a_difference_is_a_finding_when_it_is_certain() -> None:
    assert kind(against(least={"accuracy": 0}), reading(0.87, 0.02), reading(0.9, 0.01)) == "worse"
    assert kind(against(least={"accuracy": 0}), reading(0.88, 0.02), reading(0.9, 0.01)) is None
    assert kind(against(least={"accuracy": 0}), reading(0.87, 0.02), reading(0.9, 0.03)) is None
    assert kind(against(least={"accuracy": 0}), reading(0.93, 0.02), reading(0.9, 0.01)) == "improved"
    assert kind(against(least={"accuracy": 0}, level=1e-4), reading(0.87, 0.02), reading(0.9, 0.01)) is None


def test_the_level_is_that_of_two_normal_samples() -> None:
    """One standard error each, so 2.326 * √2 = 3.29 of them at 0.01, one-sided."""
    for difference, found in ((3.28, None), (3.30, "worse")):
        now, reference = reading(10 + difference, 1.959964), reading(10.0, 1.959964)
        assert kind(against("mae"), now, reference) == found


def test_only_the_sides_of_the_intervals_that_face_each_other_count() -> None:
    now, reference = Reading(0.9, 1000, 0.7, 0.91), Reading(0.95, 1000, 0.94, 0.999)
    assert kind(against(), now, reference) == "worse"
    assert kind(against(), reference, now) == "improved"


def test_a_difference_below_the_least_is_none_however_certain() -> None:
    now, reference = reading(0.892, 1e-5), reading(0.9, 1e-5)
    assert kind(against(), now, reference) is None
    assert kind(against(least={"accuracy": 0.005}), now, reference) == "worse"
    assert kind(against("mae"), reading(9.01, 1e-5), reading(9.0, 1e-5)) == "worse"


@pytest.mark.parametrize(
    ("metric", "up", "down"),
    [("f1", "improved", "worse"), ("rmse", "worse", "improved"), ("bias", "worse", "improved")],
)
def test_which_way_is_worse_is_a_property_of_the_metric(metric: str, up: str, down: str) -> None:
    reference, half = reading(0.5, 0.01), 0.01
    assert kind(against(metric), reading(0.7, half), reference) == up
    assert kind(against(metric), reading(0.3, half), reference) == down


def test_bias_is_worse_on_either_side_of_zero() -> None:
    assert kind(against("bias"), reading(-0.9, 0.01), reading(0.5, 0.01)) == "worse"
    assert kind(against("bias"), reading(-0.5, 0.01), reading(0.5, 0.01)) is None
    assert kind(against("bias"), reading(0.01, 0.03), reading(-0.5, 0.01)) == "improved"
    assert kind(against("bias"), reading(0.04, 0.05), reading(0.0, 0.001)) is None


def test_an_improvement_is_info_and_ends_like_harm() -> None:
    rule, reference = against(severity="critical"), reading(0.8, 0.01)
    better = rule.update(reading(0.9, 0.01), reference, 0)
    assert better is not None
    assert (better.step, better.kind, better.severity, better.against) == ("opened", "improved", "info", 0.8)
    ended = rule.update(reading(0.8, 0.01), reference, HOUR)
    assert ended is not None
    assert (ended.step, ended.kind) == ("resolved", "improved")


def test_harm_that_turns_into_improvement_ends_first() -> None:
    rule, reference = against(windows=2), reading(0.8, 0.01)
    said = [rule.update(reading(value, 0.01), reference, 0) for value in (0.7, 0.7, 0.95, 0.95, 0.95)]
    assert [step and (step.step, step.kind) for step in said] == [
        None, ("opened", "worse"), None, ("resolved", "worse"), ("opened", "improved"),
    ]  # fmt: skip


def test_a_window_that_is_merely_uncertain_does_not_end_a_finding() -> None:
    rule, reference = against(), reading(0.9, 0.01)
    values = (reading(0.7, 0.02), reading(0.72, 0.3), reading(0.81, 0.3), reading(0.8, 0.01), reading(0.86, 0.01))
    assert [step and step.step for step in (rule.update(each, reference, 0) for each in values)] == ["opened"] + [None] * 4
    ended = rule.update(reading(0.89, 0.05), reference, 0)
    assert ended is not None
    assert ended.step == "resolved"


FALLEN = [
    (0.741, 340), (0.682, 220), (0.716, 222), (0.795, 308), (0.776, 442), (0.760, 446),
    (0.736, 326), (0.569, 225), (0.735, 219), (0.778, 315), (0.777, 444), (0.746, 473),
    (0.728, 327), (0.640, 203), (0.745, 188), (0.778, 324), (0.761, 469), (0.790, 453),
]  # fmt: skip
"""Accuracy and outcomes of windows of four hours after a fall from .81 to .75, where errors are labelled by night."""


def test_one_window_that_is_extreme_does_not_make_the_others_look_recovered() -> None:
    def rate(value: float, n: int) -> Reading:
        return Reading(value, n, *wilson(value, n))

    rule, reference = against(windows=3), rate(0.8125, 2000)
    turns = [step.step for value, n in FALLEN * 3 if (step := rule.update(rate(value, n), reference, 0))]
    assert turns[0] == "opened"
    assert "resolved" not in turns
    drawn = np.random.default_rng(1).binomial(330, 0.8125, 20) / 330
    later = [step and step.step for step in (rule.update(rate(value, 330), reference, 0) for value in drawn)]
    assert later.index("resolved") <= 6
    assert "opened" not in later


def test_what_is_back_is_measured_by_all_windows_since_it_began() -> None:
    rule, reference = against(metric="mae"), reading(1.0, 0.01)
    opened, far = reading(2.0, 0.05), reading(1.4, 0.2, n=19_000)
    assert [rule.update(each, reference, 0) is None for each in (opened, far)] == [False, True]
    half, more = reading(1.26, 0.23), reading(1.15, 0.05)
    assert rule.update(half, reference, 0) is None
    assert rule.update(more, reference, 0) is None  # certainly worse than the reference
    ended = rule.update(reading(1.02, 0.05), reference, 0)
    assert ended is not None
    assert ended.step == "resolved"


def test_a_few_windows_that_are_within_the_limit_by_chance_do_not_end_a_finding() -> None:
    def told(level: float, seed: int) -> list[str]:
        drawn = np.random.default_rng(seed).binomial(60, level, 72) / 60
        said = steps(limit(below=0.75, windows=2), *(reading(each, 0.11, 60) for each in [0.6, 0.6, *drawn]))
        return [step for step in said if step is not None]

    near = [told(0.72, seed) for seed in range(20)]
    assert sum(len(steps) for steps in near) <= 30
    assert [steps[0] for steps in near] == ["opened"] * 20
    assert [told(0.84, seed)[:2] for seed in range(20)] == [["opened", "resolved"]] * 20


def test_where_a_limit_can_never_be_certain_or_no_interval_is_known_more_windows_end_a_finding() -> None:
    few = reading(0.0, 0.03)
    assert steps(limit("error_rate", above=0.001), reading(0.01), *[few] * 6) == ["opened", *[None] * 5, "resolved"]
    assert steps(limit("error_rate", above=0.001, windows=3), *[reading(0.1)] * 3, *[few] * 9)[-2:] == [None, "resolved"]
    high, low = Reading(300.0, 1000), Reading(200.0, 1000)
    assert steps(limit("latency_p99", above=250.0), high, low, high, low, low) == ["opened", None, None, None, "resolved"]


def test_a_finding_is_updated_only_where_it_is_further_beyond_doubt() -> None:
    assert steps(limit(below=0.75), reading(0.745, 0.11), reading(0.65, 0.11), reading(0.6, 0.11)) == [
        "opened",
        None,
        "updated",
    ]


def test_a_comparison_without_values_or_intervals_says_nothing() -> None:
    rule, reference = against(), reading(0.9, 0.01)
    assert rule.update(Reading(0.1, 1000), reference, 0) is None
    assert rule.update(NOTHING, reference, 0) is None
    assert rule.update(reading(0.1), NOTHING, 0) is None
    assert rule.update(reading(0.1, n=29), reference, 0) is None
    assert against(coverage=0.5).update(reading(0.1), reference, 0, coverage=0.4) is None
    assert rule.update(reading(0.1, n=30), reference, 0) is not None


@pytest.mark.parametrize("at", range(12))
def test_a_rule_goes_on_after_a_restart_as_if_there_had_been_none(at: int) -> None:
    values = (0.95, 0.85, 0.85, 0.8, 0.7, 0.95, 0.96, 0.95, 0.85, 0.85, 0.95, 0.95)
    reference = reading(0.95, 0.01)
    whole, part = against(windows=2), against(windows=2)
    fixed, resumed = limit(below=0.9, windows=2), limit(below=0.9, windows=2)
    for hour, value in enumerate(values):
        if hour == at:
            states = [msgspec.json.decode(msgspec.json.encode(rule.state())) for rule in (part, resumed)]
            part, resumed = against(windows=2), limit(below=0.9, windows=2)
            part.restore(states[0])
            resumed.restore(states[1])
        now = reading(value, 0.01)
        assert part.update(now, reference, hour) == whole.update(now, reference, hour)
        assert resumed.update(now, hour) == fixed.update(now, hour)
    assert part.state() == whole.state()


def test_a_state_stays_as_small_as_it_begins() -> None:
    rule = limit(below=0.9, windows=3)
    steps(rule, *[0.8, 0.99] * 500, *[0.8] * 500)
    assert len(msgspec.json.encode(rule.state())) < 150


def test_unknown_metrics_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match=r"'acuracy' is not a known metric; did you mean accuracy\?"):
        LimitRule(metric="acuracy", below=0.9)
    with pytest.raises(ValidationError, match=r"did you mean roc_auc\?"):
        AgainstRule(metrics=("rocauc",))
    with pytest.raises(ValidationError, match="'xyz' is not a known metric; there are accuracy, actual_positive_rate"):
        AgainstRule(least={"xyz": 0.1})


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"limits": [{"metric": "accuracy"}]}, "a limit of accuracy needs either below or above"),
        ({"limits": [{"metric": "mae", "below": 1, "above": 2}]}, "a limit of mae needs either below or above"),
        ({"limits": [{"metric": "mae", "above": 2, "segment": "eu"}]}, "not a segment: 'eu'; write it like region=eu"),
        ({"limits": [{"metric": "cost", "above": 2}]}, "a rule about cost needs the cost of outcomes"),
        ({"against_reference": {"metrics": ["mean_actual"]}}, "mean_actual is neither better nor worse when it rises"),
        ({"risk": {"rise": 1}}, "rise must be below bound, 1, got 1"),
        ({"limits": [{"metric": "accuracy", "below": 80}]}, "accuracy lies between 0 and 1: it is always below 80"),
        ({"limits": [{"metric": "accuracy", "below": 0}]}, "accuracy lies between 0 and 1: it is never below 0"),
        ({"limits": [{"metric": "error_rate", "above": 5}]}, "error_rate lies between 0 and 1: it is never above 5"),
        ({"limits": [{"metric": "mcc", "above": -2}]}, "mcc lies between -1 and 1: it is always above -2"),
        ({"limit": []}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_make_no_sense_are_named(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Performance.model_validate(said)


@pytest.mark.parametrize(
    ("metric", "limit"),
    [("accuracy", {"below": 1}), ("error_rate", {"above": 0}), ("mcc", {"below": -0.5}), ("latency_p99", {"above": 250})],
)
def test_limits_that_can_be_crossed_may_be_set(metric: str, limit: dict[str, float]) -> None:
    assert LimitRule.model_validate({"metric": metric, **limit}).limit == next(iter(limit.values()))


def test_every_metric_is_known_of_what_reads_it() -> None:
    ranked = {"roc_auc", "average_precision"}
    binary, multiclass, regression = (
        set(one.read(np.ones(one.width))) for one in (Binary(Costs(0, 0, 0, 0)), Multiclass(8), Regression())
    )
    read: dict[Kind, set[str]] = {"binary": binary | ranked, "multiclass": multiclass, "regression": regression}
    serving = BETTER.keys() - set().union(*read.values())
    assert serving == {"error_rate", "timeout_rate", "latency", "latency_p50", "latency_p95", "latency_p99"}
    assert {metric: known_of(metric) for metric in BETTER} == {
        metric: {kind for kind in read if metric in read[kind] or metric in serving} for metric in BETTER
    }


@pytest.mark.parametrize(
    ("stream", "metric", "message"),
    [
        ({"task": "multiclass"}, "mcc", "performance.limits.0: mcc is no metric of a multiclass task"),
        ({"task": "multiclass"}, "roc_auc", "roc_auc is no metric of a multiclass task"),
        ({"task": "regression"}, "accuracy", "accuracy is no metric of a regression task"),
        ({"task": "binary"}, "mae", "mae is no metric of a binary task"),
        ({"task": "binary", "positive": 1}, "macro_f1", "macro_f1 is no metric of a binary task"),
        ({"task": "binary"}, "macro_f1", None),
        ({"task": "multiclass"}, "error_rate", None),
        ({}, "mcc", None),
    ],
)
def test_rules_about_what_the_task_never_has_are_refused(stream: dict[str, Any], metric: str, message: str | None) -> None:
    limited = {"predictions": {"topic": "p"}, "performance": {"limits": [{"metric": metric, "above": 0.5}]}} | stream
    if message is None:
        StreamConfig.model_validate(limited)
        return
    with pytest.raises(ValidationError, match=message):
        StreamConfig.model_validate(limited)


def test_what_is_compared_with_the_reference_unless_said_is_refused_for_no_task() -> None:
    stream = {"predictions": {"topic": "p"}, "task": "multiclass"}
    StreamConfig.model_validate(StreamConfig.model_validate(stream).model_dump())
    with pytest.raises(ValidationError, match="metrics: recall is no metric of a multiclass task"):
        StreamConfig.model_validate(stream | {"performance": {"against_reference": {"metrics": ["recall"]}}})


def test_settings_are_read_as_people_write_them() -> None:
    said = Performance.model_validate({
        "limits": [{"metric": "cost", "above": 1.5, "window": "1d", "segment": "region=eu,device=ios", "basis": "cohort"}],
        "against_reference": {"metrics": ["f1"], "least": {"f1": 0.02}},
        "risk": {"rise": 0.1}, "cost": {"fp": 1, "fn": 20},
    })  # fmt: skip
    assert (said.limits[0].limit, said.limits[0].window) == (1.5, 24 * HOUR)
    assert (said.against_reference.smallest("f1"), said.against_reference.smallest("accuracy")) == (0.02, 0.01)
    assert AgainstRule().smallest("mae") == AgainstRule().smallest("latency_p95") == 0


def test_every_metric_that_is_compared_unless_said_has_a_better() -> None:
    assert {BETTER[metric] for metric in AgainstRule().metrics} <= {"higher", "lower"}
