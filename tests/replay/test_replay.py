"""Replay of files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from consumers.files.block_file import block_records
from consumers.files.event_files import FILES
from consumers.files.files import FileError
from consumers.files.replay import replay, replay_blocks
from stream_monitor import blocks
from stream_monitor.config.deployment import Config

START = 1_777_629_600
CONFIG = """
streams:
  fraud:
    predictions: {topic: p}
    labels: {topic: l}
    metrics: {window: 10m, grace: 1m}
"""


def config(text: str = CONFIG) -> Config:
    return Config.model_validate(yaml.safe_load(text))


def write(path: Path, events: list[Any]) -> Path:
    path.write_text("".join(event if isinstance(event, str) else json.dumps(event) + "\n" for event in events))
    return path


def world(directory: Path, n: int = 3_000) -> dict[str, Any]:
    """A model that is right until it is not, one prediction a second."""
    random = np.random.default_rng(7)
    predictions, labels = [], []
    for i in range(n):
        x = float(random.normal(2 if i > n // 2 else 0))
        predictions.append({"prediction_id": f"p{i}", "time": START + i, "prediction": i % 2, "features": {"x": x}})
        wrong = random.random() < (0.5 if i > n // 2 else 0.05)
        labels.append({"prediction_id": f"p{i}", "time": START + i + 30, "label": i % 2 ^ int(wrong)})
    return {"predictions": write(directory / "p.jsonl", predictions), "labels": write(directory / "l.jsonl", labels)}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def windows(directory: Path) -> list[tuple[str, int, int]]:
    """When each window of arrivals began, its predictions and its outcomes."""
    of_arrivals = [one["data"] for one in lines(directory / "metrics.jsonl") if one["data"]["basis"] == "arrival"]
    return [(one["window"]["start"], one["predictions"], one["performance"]["outcomes"]) for one in of_arrivals]


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in FILES.values()}


def test_every_row_is_read_and_every_file_written(tmp_path: Path) -> None:
    summary = replay(config(), tmp_path / "out", **world(tmp_path, 500))
    assert summary.streams == {"fraud": {"predictions": 500, "labels": 500, "dead": 0, "labelled": 500}}
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES.values())


def test_the_last_window_is_closed(tmp_path: Path) -> None:
    replay(config(), tmp_path / "out", **world(tmp_path, 1_500))
    windows = [line["data"] for line in lines(tmp_path / "out" / "metrics.jsonl")]
    assert sum(window["predictions"] for window in windows if window["since"]) == 1_500


def test_the_same_files_give_the_same_events(tmp_path: Path) -> None:
    files = world(tmp_path, 2_500)
    replay(config(), tmp_path / "one", **files)
    replay(config(), tmp_path / "two", **files)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert lines(tmp_path / "one" / "alerts.jsonl")


def test_kept_blocks_give_the_same_events_again(tmp_path: Path) -> None:
    replay(config(), tmp_path / "one", **world(tmp_path, 2_500), keep_blocks=tmp_path / "blocks")
    replay_blocks(tmp_path / "blocks", tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_bad_rows_are_dead_letters_with_the_number_of_their_line(tmp_path: Path) -> None:
    files = world(tmp_path, 10)
    with files["predictions"].open("a") as file:
        file.write('{"prediction_id": "x"}\n{broken\n')
    summary = replay(config(), tmp_path / "out", **files)
    letters = lines(tmp_path / "out" / "dead_letters.jsonl")
    assert [(letter["data"]["reason"], letter["data"]["offset"]) for letter in letters] == [
        ("missing_time", 10),
        ("invalid_json", 11),
    ]
    assert summary.streams["fraud"]["dead"] == 2


def test_of_a_file_that_ends_too_early_nothing_is_watched(tmp_path: Path) -> None:
    files = world(tmp_path, 1_500)
    for kind, path in files.items():
        cut = tmp_path / f"{kind}.jsonl.gz"
        cut.write_bytes(gzip.compress(path.read_bytes())[:-1_000])
        with pytest.raises(FileError, match="ended before"):
            replay(config(), tmp_path / "out", **files | {kind: cut})
        assert not any(contents(tmp_path / "out").values())


def test_a_row_of_the_year_2099_does_not_close_windows(tmp_path: Path) -> None:
    files = world(tmp_path, 1_500)
    rows = files["predictions"].read_text().splitlines(keepends=True)
    rows.insert(700, json.dumps({"prediction_id": "far", "time": "2099-01-01T00:00:00Z", "prediction": 1}) + "\n")
    write(files["predictions"], list(rows))
    replay(config(), tmp_path / "out", **files)
    assert {window["data"]["window"]["start"][:4] for window in lines(tmp_path / "out" / "metrics.jsonl")} == {"2026"}


def test_a_reference_file_is_read_before_the_rows(tmp_path: Path) -> None:
    reference = write(tmp_path / "r.jsonl", [{"features": {"x": i / 100}, "prediction": 0, "label": 0} for i in range(100)])
    replay(config(), tmp_path / "out", **world(tmp_path, 10), reference=reference, keep_blocks=tmp_path / "blocks")
    kinds = [s.kind for record in block_records(tmp_path / "blocks") for s in blocks.decode(record.value).sections if s.stream]
    assert kinds[:2] == ["configuration", "reference"]


def test_labels_without_times_come_after_the_rows_before_them(tmp_path: Path) -> None:
    files = world(tmp_path, 100)
    write(files["labels"], [{"prediction_id": f"p{i}", "label": 1} for i in range(100)])
    summary = replay(config(), tmp_path / "out", **files)
    assert summary.streams["fraud"]["labels"] == 100


def test_which_stream_is_asked_for_where_there_are_several(tmp_path: Path) -> None:
    two = config("streams: {a: {predictions: {topic: p}}, b: {predictions: {topic: p}}}")
    files = world(tmp_path, 5)
    with pytest.raises(FileError, match="a, b"):
        replay(two, tmp_path / "out", predictions=files["predictions"])
    summary = replay(two, tmp_path / "out", predictions=files["predictions"], stream="b")
    assert list(summary.streams) == ["b"]


def test_dead_letters_that_watching_makes_are_counted_with_the_others(tmp_path: Path) -> None:
    rows: list[Any] = [{"prediction_id": f"p{i}", "time": START + i, "prediction": 0.5 + i} for i in range(200)]
    rows += [{"prediction_id": f"t{i}", "time": START + 200, "prediction": "high"} for i in range(3)]
    predictions = write(tmp_path / "p.jsonl", [*rows, "no json\n"])
    summary = replay(config(CONFIG + "    task: regression\n"), tmp_path / "out", predictions=predictions)
    assert sum(summary.reasons.values()) == summary.streams["fraud"]["dead"] == 4


@pytest.mark.parametrize("content", [b"", b"no blocks", None])
def test_a_file_that_holds_no_blocks_says_so(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "blocks").write_bytes(content)
    with pytest.raises(FileError, match="blocks"):
        replay_blocks(tmp_path / "blocks", tmp_path / "out")


def test_one_stream_of_several_has_no_more_than_its_share_of_the_budget(tmp_path: Path) -> None:
    files = world(tmp_path, 2_500)
    alone = replay(config(), tmp_path / "alone", **files).watched["fraud"]["budget"]
    two = config(CONFIG + CONFIG.replace("streams:\n", "").replace("fraud", "other").replace("topic: ", "topic: other-"))
    shared = replay(two, tmp_path / "shared", stream="fraud", **files).watched["fraud"]["budget"]
    assert (alone["streams"], shared["streams"]) == (1, 2)
    lengths = [[one["run_length"] for one in budget["given"]] for budget in (alone, shared)]
    assert lengths[1] == pytest.approx([2 * length for length in lengths[0]])


def test_silence_is_seen_although_no_row_says_so(tmp_path: Path) -> None:
    rows = [
        {"prediction_id": f"p{i}", "time": START + i * 10 + (4 * 3_600 if i >= 500 else 0), "prediction": i % 2}
        for i in range(1_000)
    ]
    silent = config(CONFIG + "    no_data: {predictions: 20m}\n")
    replay(silent, tmp_path / "out", predictions=write(tmp_path / "p.jsonl", rows))
    said = [one["data"] for one in lines(tmp_path / "out" / "alerts.jsonl")]
    assert [(one["labels"]["alertname"], one["transition"]) for one in said] == [("NoData", "opened"), ("NoData", "resolved")]


def test_labels_that_come_ten_seconds_later_are_late_in_no_window_of_a_minute(tmp_path: Path) -> None:
    predictions = [{"prediction_id": f"p{i}", "time": START + i * 2, "prediction": i % 2} for i in range(1_500)]
    labels = [{"prediction_id": f"p{i}", "time": START + i * 2 + 10, "label": i % 2} for i in range(1_500)]
    files: dict[str, Any] = {
        "predictions": write(tmp_path / "p.jsonl", predictions),
        "labels": write(tmp_path / "l.jsonl", labels),
    }
    replay(config(CONFIG.replace("10m", "1m")), tmp_path / "out", **files)
    assert not lines(tmp_path / "out" / "alerts.jsonl")
    of_windows = [
        one["data"] for one in lines(tmp_path / "out" / "metrics.jsonl")
        if one["data"]["basis"] == "arrival" and one["data"]["since"] is not None
    ]  # fmt: skip
    assert len(of_windows) > 40
    assert all(abs(one["performance"]["outcomes"] - 30) <= 1 for one in of_windows[6:-2])


def test_rows_of_a_slow_stream_go_together_and_none_to_another_window(tmp_path: Path) -> None:
    n, window = 600, 3_600
    start = START // window * window
    times = [start + 41 * i for i in range(n)]
    made = [{"prediction_id": f"p{i}", "time": time, "prediction": i % 2} for i, time in enumerate(times)]
    labels = [{"prediction_id": f"p{i}", "time": time + 1_700, "label": i % 2} for i, time in enumerate(times)]
    files: dict[str, Any] = {"predictions": write(tmp_path / "p.jsonl", made), "labels": write(tmp_path / "l.jsonl", labels)}
    hours = config(CONFIG.replace("10m", "1h"))
    replay(hours, tmp_path / "out", **files, keep_blocks=tmp_path / "blocks")
    rows = [
        len(section.rows)
        for record in block_records(tmp_path / "blocks")
        for section in blocks.decode(record.value).sections
        if section.rows is not None
    ]
    assert sum(rows) == 2 * n
    assert sum(rows) > 3.5 * len(rows)
    expected = [
        tuple(sum(begin <= time < begin + window for time in came) for came in (times, [time + 1_700 for time in times]))
        for begin in range(start, times[-1] + 1_700 + 1, window)
    ]
    found = [(predictions, outcomes) for _, predictions, outcomes in windows(tmp_path / "out")]
    assert found[1:] == expected[1:]  # what a label means is not clear in the first


def test_lines_that_are_lists_of_events_arrive_when_their_events_happened(tmp_path: Path) -> None:
    files = world(tmp_path, 1_500)
    replay(config(), tmp_path / "one", **files)
    for path in files.values():
        rows = path.read_text().splitlines()
        path.write_text("".join(f"[{rows[i]}, {rows[i + 1]}]\n" for i in range(0, len(rows), 2)))
    replay(config(), tmp_path / "two", **files)
    assert [window[:2] for window in windows(tmp_path / "one")] == [window[:2] for window in windows(tmp_path / "two")]
    said = (tmp_path / "two" / "alerts.jsonl").read_text()
    assert "ClockSkew" not in said
    assert "TimeBackwards" not in said


def test_events_with_nan_in_them_arrive_when_they_happened(tmp_path: Path) -> None:
    rows = [
        {"prediction_id": f"p{i}", "time": START + i, "prediction": i % 2, "features": {"x": float("nan")}}
        for i in range(1_500)
    ]
    replay(config(), tmp_path / "out", predictions=write(tmp_path / "p.jsonl", rows))
    assert windows(tmp_path / "out")[0][0] == "2026-05-01T10:00:00.000Z"


def test_labels_arrive_at_their_times_in_whatever_order_the_file_has_them(tmp_path: Path) -> None:
    delays = np.random.default_rng(3).exponential(3_600, 1_000)
    predictions = [{"prediction_id": f"p{i}", "time": START + 10 * i, "prediction": i % 2} for i in range(1_000)]
    labels = [
        {"prediction_id": f"p{i}", "time": START + 10 * i + round(delay), "label": i % 2} for i, delay in enumerate(delays)
    ]
    rows = write(tmp_path / "p.jsonl", predictions)
    as_made = write(tmp_path / "made.jsonl", labels)
    in_order = write(tmp_path / "order.jsonl", sorted(labels, key=lambda label: label["time"]))
    for name, path in (("one", in_order), ("two", as_made)):
        replay(config(), tmp_path / name, predictions=rows, labels=path)
    assert windows(tmp_path / "one") == windows(tmp_path / "two")
    assert "ClockSkew" not in (tmp_path / "two" / "alerts.jsonl").read_text()


def test_predictions_in_another_order_than_that_of_their_times_give_what_those_in_order_give(tmp_path: Path) -> None:
    files = world(tmp_path, 2_500)
    replay(config(), tmp_path / "in order", **files)
    rows = files["predictions"].read_text().splitlines(keepends=True)
    shuffled = [rows[place] for place in np.random.default_rng(5).permutation(len(rows))]
    for name, other in (("newest first", rows[::-1]), ("shuffled", shuffled), ("two parts", rows[900:] + rows[:900])):
        write(files["predictions"], list(other))
        replay(config(), tmp_path / name, **files)
        assert contents(tmp_path / name) == contents(tmp_path / "in order")


def test_the_end_of_the_predictions_is_no_silence_though_labels_go_on(tmp_path: Path) -> None:
    predictions = [{"prediction_id": f"p{i}", "time": START + 10 * i, "prediction": i % 2} for i in range(3_000)]
    labels = [{"prediction_id": f"p{i}", "time": START + 10 * i + 36_000, "label": i % 2} for i in range(3_000)]
    rows, late = write(tmp_path / "p.jsonl", predictions), write(tmp_path / "l.jsonl", labels)
    replay(config(CONFIG + "    no_data: {predictions: 20m}\n"), tmp_path / "out", predictions=rows, labels=late)
    assert not lines(tmp_path / "out" / "alerts.jsonl")


def test_labels_that_stop_while_predictions_go_on_are_silence(tmp_path: Path) -> None:
    predictions = [{"prediction_id": f"p{i}", "time": START + 10 * i, "prediction": i % 2} for i in range(3_000)]
    labels = [{"prediction_id": f"p{i}", "time": START + 10 * i + 30, "label": i % 2} for i in range(1_500)]
    rows, few = write(tmp_path / "p.jsonl", predictions), write(tmp_path / "l.jsonl", labels)
    replay(config(CONFIG + "    no_data: {labels: 20m}\n"), tmp_path / "out", predictions=rows, labels=few)
    assert lines(tmp_path / "out" / "alerts.jsonl")[0]["data"]["labels"]["alertname"] == "NoData"


def test_labels_that_were_there_before_their_predictions_are_counted_as_those_behind_them(tmp_path: Path) -> None:
    files = world(tmp_path, 500)
    labels = [line | {"time": line["time"] - 100 * (place % 2)} for place, line in enumerate(lines(files["labels"]))]
    write(files["labels"], labels)
    assert replay(config(), tmp_path / "out", **files).streams["fraud"]["labelled"] == 500
    write(files["labels"], [line | {"prediction_id": f"x{line['prediction_id']}"} for line in labels])
    assert replay(config(), tmp_path / "out", **files).streams["fraud"]["labelled"] == 0


def test_what_could_not_be_read_or_found_is_said(tmp_path: Path) -> None:
    rows = [{"prediction_id": f"p{i}", "time": START + i, "prediction": 1, "score": "0,9"} for i in range(100)]
    mapped = config(CONFIG.replace("topic: p", "topic: p, fields: {features: inputs}"))
    summary = replay(mapped, tmp_path / "out", predictions=write(tmp_path / "p.jsonl", rows))
    assert summary.unreadable == {"score": 100}
    assert summary.not_found == {"predictions": ["inputs"]}
