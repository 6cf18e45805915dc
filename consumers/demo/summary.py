"""What is said at the end of a demo: what was found and when, what was not, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.demo.events import CHANGE_ROW, DATA, SHIFTED
from consumers.demo.story import Alarm, Story

_NEXT = """\
Next:
  stream-monitor demo --kafka         the same events, through a Kafka
  stream-monitor broker               a Kafka of your own, without Docker
  stream-monitor run -c monitor.yaml  watch your topics; a file to begin with:
    {configuration}"""


def summary(story: Story, kafka: bool) -> str:
    """The end of the demo, in lines of at most 80 characters (but for a path)."""
    return "\n".join(("", *_sent(story, kafka), "", *_found(story), "", *_wrong(story), "", *_reported(story), "", _next()))


def _sent(story: Story, kafka: bool) -> Iterator[str]:
    way = "Kafka" if kafka else "memory"
    yield f"{story.predictions:,} predictions of a loan model and {story.labels:,} labels went through {way}."
    yield f"Their data change at row {CHANGE_ROW:,} (2019-03-31 03:00). Untold, this was found:"


def _found(story: Story) -> Iterator[str]:
    """The right alarms as a table."""
    yield f"{'signal':<24}{'found at row':>13}{'rows after':>11}{'began about':>12}  was -> is"
    for alarm in story.alarms:
        if not alarm.false:
            yield f"{alarm.name:<24}{alarm.row:>13,}{alarm.late:>+11,}{alarm.began:>12}  {_values(alarm)}"


def _wrong(story: Story) -> Iterator[str]:
    """False alarms, and what was not seen."""
    wrong = [alarm for alarm in story.alarms if alarm.false]
    yield f"False alarms: {len(wrong) or 'none'}."
    for alarm in wrong:
        yield f"  {alarm.name} at row {alarm.row:,}: {_values(alarm)}, but its data had not changed."
    not_watched = story.status.get("not_watched", {})
    for name in sorted(SHIFTED):
        if name in not_watched:
            yield f"Changed, but not watched: {name} ({not_watched[name]})."
        elif story.found(name) is None:
            yield f"Changed, but not found: {name}."


def _reported(story: Story) -> Iterator[str]:
    (now, before), labels = story.accuracy, story.metrics.get("labels", {})
    if now is not None and before is not None:
        yield f"Accuracy: {now:.1%} in the last week, {before:.1%} in the reference."
        if story.expected is not None:
            yield f"Before labels came, scores let expect {story.expected:.1%} in that week."
    if labels.get("coverage") is not None and labels.get("delay_p50_s") is not None:
        delay = labels["delay_p50_s"] / 86_400
        yield f"Labels: after {delay:.1f} days (median), for {labels['coverage']:.0%} of the predictions."
    for request in story.requests.values():
        labelled, ready = request["data_since_change"]["labelled"], "ready" if request["ready"] else "not ready"
        yield f"Retrain request: {request['status']}, {ready}, {labelled:,} labels since the change."


def _next() -> str:
    return _NEXT.format(configuration=DATA / "monitor.yaml")


def _values(alarm: Alarm) -> str:
    return alarm.course.partition(" (")[0]
