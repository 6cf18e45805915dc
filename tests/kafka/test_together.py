"""Who reads what, without a broker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from consumers.kafka.together import Together

COUNTS = {"p": 8, "l": 4, "q": 3, "control": 1}
CLUSTER = SimpleNamespace(partitions_for_topic=lambda topic: set(range(COUNTS[topic])) if topic in COUNTS else None)
GROUPS = [{"p", "l"}, {"q"}]


def member(name: str, topics: set[str] | None = None) -> Any:
    topics = set(COUNTS) if topics is None else topics
    return SimpleNamespace(member_id=f"id-{name}", group_instance_id=name, metadata=SimpleNamespace(topics=sorted(topics)))


def given(*members: Any) -> dict[str, dict[str, list[int]]]:
    assigned = Together(GROUPS).assign(CLUSTER, members)
    return {id: dict(found.assigned_partitions) for id, found in assigned.items()}


def test_topics_that_keep_step_are_read_by_one() -> None:
    assert given(member("a"), member("b")) == {
        "id-a": {"p": list(range(8)), "l": list(range(4))},
        "id-b": {"q": [0, 1, 2], "control": [0]},
    }


def test_who_comes_first_does_not_matter_and_who_has_nothing_to_do_waits() -> None:
    three = [member("a"), member("b"), member("c")]
    assert given(*three) == given(*reversed(three))
    assert given(*three, member("d"))["id-d"] == {}


def test_a_topic_that_is_not_there_yet_or_that_somebody_does_not_read_is_left_out_for_them() -> None:
    assert given(member("a", {"q", "to come"}), member("b", {*COUNTS, "to come"})) == {
        "id-a": {"q": [0, 1, 2]},
        "id-b": {"p": list(range(8)), "l": list(range(4)), "control": [0]},
    }


def test_a_group_of_one_has_everything() -> None:
    assert given(member("a")) == {"id-a": {topic: list(range(n)) for topic, n in COUNTS.items()}}
