"""The record that intake makes: complete, in order, and cut to fit."""

from __future__ import annotations

import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from consumers.intake.intake import Intake
from stream_monitor import blocks
from stream_monitor.config.deployment import Config
from stream_monitor.dead_letter import DeadLetterEvent
from stream_monitor.task import End, Gap, Partition, Slice, step
from tests.intake.deployment import MINIMAL, PER_MODEL, START, Deployment, cells, prediction


def test_a_label_without_a_time_has_that_of_its_record_if_that_can_be_or_of_its_arrival_below_zero() -> None:
    deployment = Deployment()
    early, late = START // 1_000 - 5_000, START // 1_000 + 3_600_000
    for stamp in (early, late, -1):
        deployment.memory.append("l", b'{"prediction_id": "a", "label": 1}', timestamp=stamp)
    deployment.memory.append("l", None, b"a", timestamp=early)
    deployment.run()
    (block,) = [block for block in deployment.blocks if any(section.kind == "labels" for section in block.sections)]
    found = [row["time"] for row in cells(deployment.sections("labels")[0])]
    assert found == [-early * 1_000, -block.arrived, -block.arrived, -early * 1_000]


def test_a_label_is_withdrawn_by_a_null_record_or_by_saying_so() -> None:
    deployment = Deployment()
    deployment.give("l", {"prediction_id": "ä", "op": "retract"}, key=b"other")
    deployment.give("l", None, key="ä".encode())
    deployment.run()
    (section,) = deployment.sections("labels")
    assert [set(row) for row in cells(section)] == [{"time"}, {"time"}]
    assert section.rows is not None
    assert section.rows.ids[0].tolist() == section.rows.ids[1].tolist()


def test_a_null_record_takes_back_no_label_of_a_stream_per_model() -> None:
    deployment = Deployment(PER_MODEL)
    deployment.give("l", None, key=b"a")
    deployment.run()
    (letter,) = deployment.dead_letters
    assert (letter.data.reason, letter.data.detail) == (
        "missing_model", "the stream is per model, and a null record names none; retract with op"
    )  # fmt: skip


def test_streams_of_models_need_the_model() -> None:
    deployment = Deployment(PER_MODEL)
    deployment.give(
        "p", prediction("a", model="x"), prediction("b", model=7), prediction("c"), prediction("d", model="x", weight=-1)
    )
    deployment.give("l", {"prediction_id": "a", "model": "x", "label": 1}, {"prediction_id": "b", "label": 1})
    deployment.run()
    found = {
        (section.stream, section.kind, len(section.rows or ()), section.dead)
        for section in deployment.sections("predictions", "labels")
    }
    assert found == {
        ("all/x", "predictions", 1, 1), ("all/7", "predictions", 1, 0), ("all", "predictions", 0, 1),
        ("all/x", "labels", 1, 0), ("all", "labels", 0, 1),
    }  # fmt: skip
    assert [letter.data.reason for letter in deployment.dead_letters] == [
        "missing_model",
        "invalid_weight",
        "missing_model",
    ] or [letter.data.reason for letter in deployment.dead_letters] == ["invalid_weight", "missing_model", "missing_model"]


def test_every_block_has_the_streams_of_its_partition_only() -> None:
    names = [f"s{i}" for i in range(20)]
    text = "topics: {partitions: 3}\nstreams:\n" + "".join(f"  {name}: {{predictions: {{topic: {name}}}}}\n" for name in names)
    deployment = Deployment(text)
    for name in names:
        deployment.give(name, prediction())
    deployment.run()
    for number, partition in enumerate(deployment.memory.topics["stream-monitor.blocks"]):
        streams = {section.stream for record in partition for section in blocks.decode(record.value or b"").sections}
        assert streams - {""} == {name for name in names if blocks.partition_of(name, 3) == number}


def test_the_configuration_comes_before_the_first_row() -> None:
    deployment = Deployment()
    deployment.give("p", prediction())
    deployment.run()
    assert [section.kind for section in deployment.sections("configuration", "predictions")] == ["configuration", "predictions"]


def test_every_partition_is_told_which_streams_there_are() -> None:
    deployment = Deployment()
    deployment.give("p", prediction())
    deployment.run()
    said = [section.document for block in deployment.blocks for section in block.sections if not section.stream]
    assert [json.loads(document) for document in said] == [{"revision": 0, "streams": ["fraud"]}] * 8


def test_a_reference_comes_between_configuration_and_rows_with_its_labels() -> None:
    rows = [json.dumps({"features": {"x": i}, "prediction": 0, "label": i % 2}).encode() for i in range(5)]
    deployment = Deployment(references={"fraud": rows})
    deployment.give("p", prediction())
    deployment.run()
    kinds = [section.kind for section in deployment.sections("configuration", "reference", "predictions")]
    assert kinds == ["configuration", "reference", "predictions"]
    (reference,) = deployment.sections("reference")
    assert [row["label"] for row in cells(reference)] == [0, 1, 0, 1, 0]
    assert json.loads(reference.document)["rows"] == 5


def test_progress_stands_in_the_block_behind_the_rows() -> None:
    deployment = Deployment()
    deployment.give("p", prediction("a"), prediction("b"))
    deployment.run()
    (block,) = [block for block in deployment.blocks if any(section.kind == "predictions" for section in block.sections)]
    assert ("p", 0, 2, True) in block.progress


def test_an_empty_block_says_every_five_seconds_that_nothing_comes() -> None:
    intake = Intake(Config.model_validate(yaml.safe_load(MINIMAL)))
    ends = {Partition("p", 0): End(3, True), Partition("l", 0): End(1, True)}
    written = [
        (tick, blocks.decode(output.value or b""))
        for tick in range(200)
        for output in intake.process(Slice(START + tick * 100_000, ends=ends))
    ]
    assert [tick for tick, block in written if block.progress] == [0, 50, 100, 150]
    assert {tuple(entry) for entry in written[-1][1].progress} == {("p", 0, 3, True), ("l", 0, 1, True)}


def test_coming_to_the_end_is_said_soon() -> None:
    intake = Intake(Config.model_validate(yaml.safe_load(MINIMAL)))
    drained = [False] * 5 + [True] * 20
    written = [
        tick
        for tick, end in enumerate(drained)
        if intake.process(Slice(START + tick * 100_000, ends={Partition("p", 0): End(3, end)}))
    ]
    assert written == [0, 10]


def test_a_gap_is_on_record_and_is_one_dead_letter() -> None:
    intake = Intake(Config.model_validate(yaml.safe_load(MINIMAL)))
    with capture_logs() as told:
        outputs = intake.process(
            Slice(START, gaps=[Gap(Partition("p", 0), 5, 9, "corrupt")], ends={Partition("p", 0): End(10, False)})
        )
    assert [(one["event"], one["topic"], one["first"], one["last"]) for one in told] == [("input_lost", "p", 5, 9)]
    sections = [section for output in outputs[:-1] for section in blocks.decode(output.value or b"").sections]
    letter = DeadLetterEvent.model_validate_json(outputs[-1].value or b"")
    (gap,) = [section for section in sections if section.kind == "gap"]
    assert (gap.stream, gap.first, gap.last) == ("fraud", 5, 9)
    assert (letter.data.reason, letter.data.offset, letter.data.last_offset) == ("unreadable", 5, 9)


def test_texts_are_measured_in_bytes() -> None:
    deployment = Deployment()
    deployment.give("p", *(prediction(f"漢{i}", features={"text": "漢" * 10_000 + str(i)}) for i in range(100)))
    deployment.run()
    assert max(map(len, deployment.memory.values("stream-monitor.blocks"))) < blocks.LIMIT


def test_a_large_list_is_cut_into_records_that_fit() -> None:
    deployment = Deployment()
    deployment.give("p", [prediction(f"p{i}", features={f"f{j}": j + 0.5 for j in range(50)}) for i in range(8_000)])
    deployment.run()
    assert sum(len(section.rows or ()) for section in deployment.sections("predictions")) == 8_000
    assert max(map(len, deployment.memory.values("stream-monitor.blocks"))) < blocks.LIMIT


def test_names_of_features_without_end_do_not_make_large_blocks() -> None:
    deployment = Deployment()
    for i in range(400):
        deployment.give("p", prediction(f"p{i}", features={f"user {i} {j}": j for j in range(400)}))
    deployment.run()
    assert sum(len(section.rows or ()) for section in deployment.sections("predictions")) == 400
    assert max(map(len, deployment.memory.values("stream-monitor.blocks"))) < blocks.LIMIT


bad = st.sampled_from((b"", b"{", b"{}", b"[]7", b'{"prediction_id":"x"}', b"null", b'{"prediction_id":1.5,"label":1}'))


@settings(max_examples=60, deadline=None)
@given(
    given_values=st.lists(st.tuples(st.booleans(), st.integers(0, 2), bad), max_size=60),
    rows=st.integers(1, 30),
    crashes=st.sets(st.integers(0, 20), max_size=3),
)
def test_rows_and_dead_letters_together_are_the_input_once_and_in_order(
    given_values: list[tuple[bool, int, bytes]], rows: int, crashes: set[int]
) -> None:
    deployment = Deployment(rows=rows)
    deployment.memory.create("p", 3)
    for i, (good, partition, broken) in enumerate(given_values):
        deployment.give("p", prediction(f"{i}") if good else broken, partition=partition)
    for turn in range(len(given_values) + 5):
        step(deployment.intake, deployment.log)
        if turn in crashes:
            deployment.start()
    for partition in range(3):
        came = [f"{i}" for i, (good, where, _) in enumerate(given_values) if good and where == partition]
        sections = [section for section in deployment.sections("predictions") if section.partition == partition]
        assert [name for section in sections for name in (section.rows.names if section.rows else ())] == came
        lost = sum(not good and where == partition for good, where, _ in given_values)
        assert sum(section.dead for section in sections) == lost
        assert sum(letter.data.partition == partition for letter in deployment.dead_letters) == lost


def test_slices_of_many_streams_are_gathered_longer_up_to_a_second() -> None:
    deployment = Deployment(PER_MODEL, rows=5_000)
    assert deployment.intake.gather() == 0.2
    for model in range(200):
        deployment.give("p", {"prediction_id": "a", "time": 1_777_629_600, "prediction": 1, "model": f"m{model}"})
    deployment.run()
    assert 0.3 < deployment.intake.gather() < 0.5
    for model in range(1_000):
        deployment.give("p", {"prediction_id": "b", "time": 1_777_629_600, "prediction": 1, "model": f"m{model}"})
    deployment.run()
    assert deployment.intake.gather() == 1.0
