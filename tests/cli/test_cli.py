"""The command line as people and pipelines use it: what it prints, where, and the exit code."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from consumers.broker.node import Broker
from stream_monitor import __version__
from stream_monitor.cli import main

COMMANDS = (
    "run", "replay", "demo", "broker", "topics", "topics plan", "topics create", "check-config", "export-schema", "detectors",
)  # fmt: skip
HEAVY = ("numpy", "pydantic", "kafka", "scipy", "structlog", "yaml", "rich", "prometheus_client", "consumers", "detectors")
CONFIG = """
kafka: {{bootstrap_servers: {address}, client: {{bootstrap_timeout_ms: 2000}}}}
topics: {{prefix: {prefix}}}
http: {{port: 0}}
streams:
  fraud:
    predictions: {{topic: {prefix}-predictions}}
    labels: {{topic: {prefix}-labels}}
    reference: {{span: 1d}}
"""
Written = Callable[..., str]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a configuration and gives its path."""

    def written(text: str = CONFIG, address: str = "localhost:9092", prefix: str = "us") -> str:
        file = tmp_path / "monitor.yaml"
        file.write_text(text.format(address=address, prefix=prefix))
        return str(file)

    return written


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"127.0.0.1:{gone.getsockname()[1]}"


def exit_code(*arguments: str) -> int:
    """What the process would end with."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else -1


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_on_stdout_and_has_an_example(command: str, capsys: Capture) -> None:
    assert exit_code(*command.split(), "--help") == 0
    printed = capsys.readouterr()
    assert "stream-monitor" in printed.out
    assert "example" in printed.out or command == "topics"
    assert printed.err == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["topics", "plan", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from stream_monitor.cli import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_the_version_is_that_of_the_package(capsys: Capture) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"stream-monitor {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["rnu"], ["run", "--onyl", "intake"], ["run", "--only", "both"], ["topics"], ["topics", "drop"],
        ["broker", "--port", "x"],
        ["replay", "--predictions", "p.jsonl"], ["replay", "--out", "d"], ["demo", "--speed", "0"], ["run", "--conf", "x"],
        ["replay", "--predictions", "p", "--blocks", "b", "--out", "d"],
        ["replay", "--blocks", "b", "--labels", "l", "--out", "d"],
    ],
)  # fmt: skip
def test_misuse_ends_with_2_and_says_so_on_stderr(arguments: list[str], capsys: Capture) -> None:
    assert exit_code(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "error: " in printed.err


@pytest.mark.parametrize("command", ["run", "topics plan", "topics create", "check-config", "check-config --connect"])
def test_a_bad_configuration_ends_with_2_before_anything_is_connected(command: str, written: Written, capsys: Capture) -> None:
    config = written("kafka: {{grop: x, sasl_pasword: hunter2}}\nstreams: {{}}\n")
    assert exit_code(*command.split(), "-c", config) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("error: ") == 3
    assert "did you mean kafka.group?" in printed.err
    assert "hunter2" not in printed.err
    assert "Traceback" not in printed.err


@pytest.mark.parametrize("command", ["run", "topics plan", "check-config", "replay --predictions p.jsonl --out d"])
def test_a_configuration_that_is_not_there_ends_with_2(command: str, tmp_path: Path, capsys: Capture) -> None:
    assert exit_code(*command.split(), "-c", str(tmp_path / "none.yaml")) == 2
    assert "none.yaml: cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_setting_that_kafka_python_does_not_know_ends_with_2(written: Written, capsys: Capture) -> None:
    config = written("kafka: {{client: {{fetch_max_byte: 1}}}}\nstreams: {{s: {{predictions: {{topic: p}}}}}}\n")
    assert exit_code("check-config", "-c", config) == 2
    assert "kafka.client.fetch_max_byte" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "topics plan", "check-config"])
def test_a_setting_of_another_type_than_that_of_kafka_python_ends_with_2(
    command: str, written: Written, capsys: Capture
) -> None:
    config = written("kafka: {{client: {{request_timeout_ms: hunter2}}}}\nstreams: {{s: {{predictions: {{topic: p}}}}}}\n")
    assert exit_code(*command.split(), "-c", config) == 2
    said = capsys.readouterr().err
    assert "kafka.client.request_timeout_ms" in said
    assert "must be a whole number, not a text" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("command", ["run", "topics plan", "topics create"])
def test_topics_of_a_configuration_that_would_not_run_are_not_made(
    command: str, written: Written, nowhere: str, capsys: Capture
) -> None:
    config = written(CONFIG.replace("{prefix}-labels", "{prefix}.labels"), nowhere)
    assert exit_code(*command.split(), "-c", config) == 2
    assert "streams.fraud: reads us.labels, which is named like our own topics" in capsys.readouterr().err


def test_a_record_that_is_not_kept_until_a_restart_has_read_it_is_refused(written: Written, capsys: Capture) -> None:
    text = CONFIG.replace("{prefix}}}", "{prefix}, retention: 5m}}", 1)
    assert exit_code("check-config", "-c", written(text)) == 2
    assert ": topics.retention: is 5m: a restart reads blocks from snapshots on" in capsys.readouterr().out
    assert exit_code("run", "-c", written(text)) == 2
    assert "topics.retention: is 5m" in capsys.readouterr().err


def test_labels_may_come_later_than_the_record_is_kept(written: Written) -> None:
    text = CONFIG.replace("-labels}}", "-labels, wait: 90d}}")
    assert exit_code("check-config", "-c", written(text)) == 0


def test_a_sound_configuration_is_ok_and_says_what_is_found_out(written: Written, capsys: Capture) -> None:
    assert exit_code("check-config", "-c", written(), "--deny-warnings") == 0
    printed = capsys.readouterr()
    assert "ok       streams.fraud.task: is found out from the first predictions" in printed.out
    assert "0 errors, 0 warnings" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("none.jsonl", "cannot be read: no such file"),
        ("n" * 300, "cannot be read: File name too long"),
        ("r.txt", "cannot be read: not a file of events; they end in "),
        ("r.csv.gz", "Not a gzip"),
    ],
)
def test_a_reference_file_that_cannot_be_read_is_an_error(
    file: str, said: str, tmp_path: Path, written: Written, capsys: Capture
) -> None:
    for name in ("r.txt", "r.csv.gz"):
        (tmp_path / name).write_text("prediction\n1\n")
    text = CONFIG.replace("span: 1d", f"file: {tmp_path / file}")
    config, line = written(text), text[: text.index("file: ")].count("\n") + 1
    assert exit_code("check-config", "-c", config) == 2
    printed = capsys.readouterr().out
    assert f"error    {config}:{line}: streams.fraud.reference.file: cannot be read: " in printed
    assert said in printed
    assert file not in printed


def test_what_a_variable_holds_is_not_said_where_it_is_used(
    tmp_path: Path, written: Written, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("HELD", "topv4lue")
    text = CONFIG.replace("span: 1d", "file: '${{HELD}}'").replace("port: 0", "port: 0, host: '${{HELD}}'")
    assert exit_code("check-config", "-c", written(text)) == 2
    (tmp_path / "p.jsonl").write_text("")
    arguments = ("--predictions", str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "out"))
    assert exit_code("replay", "-c", written(text), *arguments) == 2
    printed = capsys.readouterr()
    assert "streams.fraud.reference.file: cannot be read: no such file" in printed.out
    assert "streams.fraud.reference.file: cannot be read: no such file" in printed.err
    assert "topv4lue" not in printed.out + printed.err


def test_warnings_end_with_3_only_where_they_are_denied(written: Written, capsys: Capture) -> None:
    config = written("streams: {{s: {{predictions: {{topic: p}}}}}}\n")
    assert exit_code("check-config", "-c", config) == 0
    assert exit_code("check-config", "-c", config, "--deny-warnings") == 3
    printed = capsys.readouterr().out
    assert ":1: streams.s.labels: are missing: neither performance nor concept drift is watched" in printed


@pytest.mark.parametrize(("text", "code", "ok"), [(CONFIG, 0, True), ("streams: {{}}", 2, False)])
def test_findings_are_json_for_machines(text: str, code: int, ok: bool, written: Written, capsys: Capture) -> None:
    assert exit_code("check-config", "-c", written(text), "--format", "json") == code
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is ok
    assert all({"level", "key", "text"} <= finding.keys() for finding in found["findings"])


@pytest.mark.parametrize("command", ["run", "topics plan", "topics create", "check-config --connect"])
def test_kafka_out_of_reach_ends_with_4(command: str, nowhere: str, written: Written, capsys: Capture) -> None:
    soon = CONFIG.replace("bootstrap_timeout_ms: 2000", "bootstrap_timeout_ms: 300")
    assert exit_code(*command.split(), "-c", written(soon, address=nowhere)) == 4
    printed = capsys.readouterr()
    assert f"Kafka at {nowhere} is out of reach" in printed.err
    assert "Traceback" not in printed.err


def test_topics_are_planned_created_once_and_then_ready(
    broker: Broker, unique: Callable[[str], str], written: Written, capsys: Capture
) -> None:
    config = written(address=broker.address, prefix=unique("us"))
    assert exit_code("topics", "plan", "-c", config, "--format", "json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert {topic["exists"] for topic in planned} == {False}
    assert not any(topic["why"] == "input" for topic in planned)
    assert exit_code("topics", "plan", "-c", config, "--include-inputs") == 0
    assert capsys.readouterr().out.count(" input)") == 2
    assert exit_code("check-config", "--connect", "-c", config) == 1
    assert "does not exist" in capsys.readouterr().out
    assert exit_code("topics", "create", "-c", config, "--include-inputs") == 0
    assert capsys.readouterr().out.count("created ") == 13
    assert exit_code("topics", "create", "-c", config, "--include-inputs") == 0
    assert capsys.readouterr().out == "nothing to create\n"
    assert exit_code("check-config", "--connect", "--deny-warnings", "-c", config) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out


def test_a_replay_tells_what_it_wrote(tmp_path: Path, written: Written, capsys: Capture) -> None:
    rows = [{"prediction_id": str(i), "time": 1_767_225_600 + i, "prediction": i % 2, "scores": [0.1, 0.9]} for i in range(300)]
    lines = list(map(json.dumps, rows))
    (tmp_path / "p.jsonl").write_text("\n".join([*lines, "nonsense"]))
    arguments = ["replay", "-c", written(), "--predictions", str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "out")]
    assert exit_code(*arguments) == 0
    said = capsys.readouterr().out
    assert "fraud: 300 predictions, 0 labels, 1 dead letters\n" in said
    assert "dead letters, invalid_json: 1\n" in said
    assert "values of scores that could not be read: 300; `fields: {score: scores.1}` takes one of a list\n" in said
    assert exit_code(*arguments, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["events"]["dead_letters.jsonl"] == 1


@pytest.mark.parametrize(
    ("prefix", "labelled", "said"),
    [("", 300, "fraud: 300 predictions got a label\n"), ("x", 0, "fraud: no label found its prediction; is `prediction_id` ")],
)
def test_a_replay_tells_how_many_labels_found_their_predictions(
    tmp_path: Path, written: Written, capsys: Capture, prefix: str, labelled: int, said: str
) -> None:
    rows = [{"prediction_id": str(i), "time": 1_767_225_600 + i, "prediction": i % 2} for i in range(300)]
    labels = [{"prediction_id": f"{prefix}{i}", "time": 1_767_225_660 + i, "label": i % 2} for i in range(300)]
    files = {"--predictions": rows, "--labels": labels}
    arguments = ["replay", "-c", written(), "--out", str(tmp_path / "out")]
    for option, events in files.items():
        path = tmp_path / f"{option[2:]}.jsonl"
        path.write_text("\n".join(map(json.dumps, events)))
        arguments += [option, str(path)]
    assert exit_code(*arguments) == 0
    assert said in capsys.readouterr().out
    assert exit_code(*arguments, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["streams"]["fraud"]["labelled"] == labelled


@pytest.mark.parametrize(("content", "dead"), [("", 0), ('{"prediction_id": "a", "time": 1}\n' * 3, 3)])
def test_a_replay_without_a_prediction_fails(
    tmp_path: Path, written: Written, capsys: Capture, content: str, dead: int
) -> None:
    (tmp_path / "p.jsonl").write_text(content)
    assert exit_code("replay", "-c", written(), "--predictions", str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "out")) == 1
    said = capsys.readouterr()
    assert f"fraud: 0 predictions, 0 labels, {dead} dead letters\n" in said.out
    assert said.err == f"error: {tmp_path / 'p.jsonl'}: holds no prediction that can be read\n"


def test_a_replay_of_a_file_that_is_not_there_ends_with_2(tmp_path: Path, written: Written, capsys: Capture) -> None:
    assert exit_code("replay", "-c", written(), "--predictions", "none.jsonl", "--out", str(tmp_path / "out")) == 2
    assert capsys.readouterr().err == "error: none.jsonl: no such file\n"


def test_a_folder_that_cannot_be_written_is_said_without_a_traceback(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    assert exit_code("export-schema", str(tmp_path / "file")) == 1
    assert capsys.readouterr().err.startswith("error: [Errno 17] File exists")


def test_a_reader_that_has_seen_enough_is_no_error_of_ours(written: Written) -> None:
    code = "import sys; from stream_monitor.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "check-config", "-c", written()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


@pytest.mark.parametrize("module", ["stream_monitor", "stream_monitor.cli"])
def test_the_program_can_be_run_as_a_module(module: str) -> None:
    ran = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False)
    assert (ran.returncode, __version__ in ran.stdout) == (0, True)


def test_a_signal_while_it_starts_ends_it_well(written: Written, nowhere: str) -> None:
    config = written(CONFIG.replace("2000", "20000"), nowhere)
    command = [sys.executable, "-m", "stream_monitor", "run", "-c", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as starting:
        assert starting.stderr is not None
        starting.stderr.readline()
        starting.terminate()
        assert starting.wait(15) == 0
