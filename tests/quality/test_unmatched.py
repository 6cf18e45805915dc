"""Labels that find no prediction are said to once they have had their time, and only if they are most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.config.deployment import Config
from stream_monitor.config.quality import Quality
from stream_monitor.quality.hours import HOUR
from stream_monitor.quality.unmatched import Unmatched
from tests.quality.columns import said

DAY = 24 * HOUR


class Stream:
    """Labels hour by hour, and what is said of them at the end of each."""

    def __init__(self, wait: int = 2 * HOUR, **limits: object) -> None:
        self.limits = Quality.model_validate(limits)
        self.one = Unmatched("shop", self.limits)
        self.one.expect(0, wait)
        self.hour = 0
        self.said: list[tuple[int, str]] = []
        self.summary = ""

    def hours(
        self, n: int, found: int, alone: int, met: int = 0, back: int = 0, late: tuple[int, int] = (0, 0), sampled: bool = False
    ) -> Stream:
        """So many hours with labels that find a prediction or do not; and some of `back` hours ago that do now."""
        for _ in range(n):
            clock = self.hour * HOUR + np.arange(found + alone)
            if len(clock):
                self.one.came(clock, clock % HOUR < found, clock % HOUR >= found)
            self.one.met(np.full(met, (self.hour - back) * HOUR))
            self.hour += 1
            restarted = Unmatched("shop", self.limits)
            restarted.restore(self.one.state())
            issues = restarted.close(self.hour * HOUR, late, sampled)
            assert self.one.close(self.hour * HOUR, late, sampled) == issues
            assert restarted.state() == self.one.state()
            self.said += [(self.hour, step) for _, step, _ in said(issues)]
            self.summary = next((issue.summary for issue in issues if issue.step == "opened"), self.summary)
        return self


def test_labels_that_never_match_are_said_to_after_the_first_wait_and_their_own_time() -> None:
    stream = Stream().hours(10, 0, 100, late=(0, 50))
    assert stream.said == [(5, "opened")]
    assert stream.summary.startswith("100 of 100 labels of shop found no prediction that waits for them: next to none")


def test_labels_that_come_when_the_wait_is_over_are_said_to_be_late() -> None:
    stream = Stream().hours(10, 0, 100, late=(49, 50))
    assert stream.summary.endswith("most came when its `labels.wait` (2h) was over")


@pytest.mark.parametrize(
    ("late", "words"), [(1, "next to none has the id of a recent one"), (10, "20.0% came when its `labels")]
)
def test_the_wait_is_blamed_for_those_that_came_late_alone(late: int, words: str) -> None:
    assert f"waits for them: {words}" in Stream().hours(10, 0, 100, late=(late, 50)).summary


def test_it_ends_when_most_match_again() -> None:
    stream = Stream().hours(8, 10, 90).hours(1, 80, 20)
    assert stream.said == [(5, "opened"), (9, "resolved")]
    assert stream.hours(10, 60, 40).said == [(5, "opened"), (9, "resolved")]


def test_labels_that_come_before_their_predictions_are_not_unmatched() -> None:
    assert Stream(7 * DAY).hours(23, 0, 100).hours(300, 0, 100, met=100, back=23).said == []
    assert Stream(2 * HOUR).hours(1, 0, 100).hours(30, 0, 100, met=100, back=1).said == []


def test_labels_of_predictions_from_before_the_stream_began_do_not_count() -> None:
    assert Stream(7 * DAY).hours(7 * 24, 0, 100).hours(48, 100, 0).said == []
    assert Stream(7 * DAY).hours(9 * 24, 0, 100).said == [(8 * 24 + 1, "opened")]


def test_few_labels_are_added_up_and_some_that_do_not_match_are_nothing() -> None:
    assert Stream().hours(40, 0, 2).said == [(19, "opened")]
    assert Stream().hours(300, 6, 5).said == []


def test_about_half_is_not_most_however_long_it_lasts_and_three_in_five_are() -> None:
    chance = np.random.default_rng(1)
    stream = Stream()
    for alone in chance.binomial(60, 0.5, 500).tolist():
        stream.hours(1, 60 - alone, alone)
    assert stream.said == []
    for alone in chance.binomial(60, 0.6, 500).tolist():
        stream.hours(1, 60 - alone, alone)
    assert [step for _, step in stream.said] == ["opened"]


def test_it_says_nothing_while_predictions_are_sampled_nor_for_a_wait_after() -> None:
    assert Stream().hours(30, 10, 90, sampled=True).hours(4, 10, 90).said == []


def test_it_is_off_where_that_is_configured() -> None:
    assert Stream(severity={"LabelsUnmatched": "none"}).hours(30, 0, 100).said == []
    assert Stream(wait=0).hours(30, 0, 100).said == []


def test_labels_that_streams_share_are_not_all_expected_to_match() -> None:
    def stream(topic: str, **quality: Any) -> dict[str, Any]:
        return {"predictions": {"topic": "p"}, "labels": {"topic": topic}, "quality": quality}

    streams = {"a": stream("both"), "b": stream("both", severity={"LabelsUnmatched": "info"}), "c": stream("own")}
    config = Config.model_validate({"streams": streams})
    severities = {name: config.record(name).config.quality.severe("LabelsUnmatched") for name in streams}
    assert severities == {"a": None, "b": "info", "c": "warning"}
