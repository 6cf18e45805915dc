"""Real requests to a server over tasks that are plain values."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumers.http.exposition import HELP, Exposition
from consumers.http.server import serving
from consumers.memory import Memory, MemoryLog
from stream_monitor.blocks import encode
from stream_monitor.config.deployment import Config
from stream_monitor.task import Partition, step
from stream_monitor.watch import Watch
from tests.watch import worlds

BLOCKS = Partition("stream-monitor.blocks", 0)


@dataclass
class Log:
    """What a log says of itself."""

    beat: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    written: int = 7
    gone: list[str] = field(default_factory=list)
    lag: dict[Partition, int] = field(default_factory=lambda: {BLOCKS: 3})
    position: dict[Partition, int] = field(default_factory=lambda: {BLOCKS: 42})
    done: dict[Partition, int | None] = field(default_factory=lambda: {BLOCKS: 42})
    late: list[Partition] = field(default_factory=list)
    backlog: list[Partition] = field(default_factory=list)
    owed: dict[Partition, int] = field(default_factory=dict)

    def lags(self) -> dict[Partition, int]:
        return self.lag

    def positions(self) -> dict[Partition, int]:
        return self.position

    def committed(self) -> dict[Partition, int | None]:
        return self.done

    def missing(self) -> list[str]:
        return self.gone


@dataclass
class World:
    """What a daemon shows."""

    statuses: dict[str, dict[str, Any]]
    started: float = field(default_factory=time.time)
    logs: dict[str, Log] = field(default_factory=lambda: {"watch": Log()})
    failures: dict[str, BaseException] = field(default_factory=dict)
    unstable: dict[Partition, int] = field(default_factory=lambda: {BLOCKS: 5})
    pids: dict[str, int] = field(default_factory=dict)


@pytest.fixture
def config() -> Config:
    streams = {"s": worlds.CONFIG, "elsewhere": worlds.CONFIG}
    return Config.model_validate({"http": {"port": 0}, "streams": streams, "deployment": "test"})


@pytest.fixture
def world() -> World:
    intake = {
        "streams": {"s": {"predictions": 300, "labels": 2, "dead": 1}}, "dead_letters": {"s": 1, "sm.control": 2},
        "unreadable": {"s": {"score": 7}}, "not_found": {"s": {"predictions": ["inputs"]}},
    }  # fmt: skip
    return World({"watch": watched("s") | {"dead_letters": {"s": 40}}, "intake": intake})


@pytest.fixture
def server(config: Config, world: World) -> Iterator[str]:
    with serving(config, world) as address:
        yield address


def watched(*names: str) -> dict[str, Any]:
    """The status of a real task that has seen 300 predictions of each stream, and labels for some of them."""
    memory, watch = Memory(), Watch()
    memory.create("stream-monitor.blocks")
    ids, seconds = [str(i) for i in range(300)], [float(i) for i in range(300)]
    for name in names:
        features: dict[str, Sequence[float]] = {"amount": [i % 90 + 0.5 for i in range(300)]}
        latency = [12.0] * 300
        predictions = worlds.predictions(ids, seconds, [0.0, 1.0] * 150, features, latency=latency, name=name)
        labels = worlds.labels(ids[:100], [301.0] * 100, [0.0] * 100, name=name)
        for section in (worlds.configuration(name), predictions, labels):
            memory.append("stream-monitor.blocks", encode(worlds.block(section)), partition=0)
    log = MemoryLog(memory, "watch", ["stream-monitor.blocks"])
    for _ in range(3):
        step(watch, log)
    return watch.status()


def ask(server: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """Code, content type and body."""
    connection = HTTPConnection(server.removeprefix("http://"), timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    code, kind, body = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return code, kind, body


def said(server: str, path: str) -> tuple[int, Any]:
    code, kind, body = ask(server, path)
    assert kind == "application/json"
    return code, json.loads(body)


def metrics(server: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    _, kind, body = ask(server, "/metrics")
    assert kind.startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
    return {(sample.name.removeprefix("stream_monitor_"), frozenset(sample.labels.items())): sample.value for sample in samples}


def named(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_a_process_whose_tasks_work_lives_and_is_ready(server: str) -> None:
    assert said(server, "/livez") == (200, {"ok": True, "reasons": []})
    assert said(server, "/readyz") == (200, {"ok": True, "reasons": []})


def test_a_task_that_hangs_or_has_failed_does_not_live(server: str, world: World) -> None:
    world.logs["watch"].beat -= 1_000
    assert said(server, "/livez") == (503, {"ok": False, "reasons": ["watch has not done a step for 1000 s"]})
    world.logs["watch"].beat = time.monotonic()
    world.failures["watch"] = ValueError("a value that is nobody's business")
    assert said(server, "/livez") == (503, {"ok": False, "reasons": ["watch failed: ValueError"]})


def test_a_long_restore_is_alive_but_not_ready(server: str, world: World) -> None:
    world.logs["watch"].beat -= 120
    world.logs["watch"].position = {BLOCKS: 7}
    assert said(server, "/livez")[0] == 200
    reason = "watch restores stream-monitor.blocks-0: it is at offset 7 of 42"
    assert said(server, "/readyz") == (503, {"ok": False, "reasons": [reason]})


def test_who_is_late_is_not_ready_however_little_it_is(server: str, world: World) -> None:
    events = Partition("p", 0)
    world.logs |= {"watch": Log(lag={BLOCKS: 200}), "intake": Log(lag={BLOCKS: 0, events: 100_000})}
    assert said(server, "/readyz")[0] == 200
    world.logs |= {"watch": Log(late=[BLOCKS]), "intake": Log(lag={BLOCKS: 0, events: 2}, late=[events])}
    reasons = ["watch is 3 offsets behind on stream-monitor.blocks-0", "intake is 2 offsets behind on p-0"]
    assert said(server, "/readyz")[1]["reasons"] == reasons
    world.logs = {"watch": Log(lag={BLOCKS: 0}, late=[BLOCKS])}
    assert said(server, "/readyz")[1]["reasons"] == ["watch is not done yet with what it has read of stream-monitor.blocks-0"]
    world.logs = {"watch": Log(lag={})}
    assert said(server, "/readyz")[1]["reasons"] == ["watch does not know yet where stream-monitor.blocks-0 ends"]


def test_watch_is_not_ready_before_it_has_done_what_intake_wrote_while_that_was_late(server: str, world: World) -> None:
    elsewhere = Partition(BLOCKS.topic, 1)
    world.logs["intake"] = Log(lag={}, position={}, done={Partition("p", 0): 7}, owed={BLOCKS: 44, elsewhere: 9})
    reason = "watch is 2 offsets behind on stream-monitor.blocks-0, where intake was late itself"
    assert said(server, "/readyz")[1]["reasons"] == [reason]
    world.logs["watch"] = Log(position={BLOCKS: 44}, done={BLOCKS: 44})
    assert said(server, "/readyz")[0] == 200


def test_who_does_not_hear_of_kafka_or_misses_a_topic_lives_and_is_not_ready(server: str, world: World) -> None:
    world.logs["watch"].heard -= 12
    assert said(server, "/livez")[0] == 200
    assert said(server, "/readyz")[1]["reasons"] == ["watch has heard nothing of Kafka for 12 s"]
    world.logs["watch"] = Log(gone=["p"])
    assert said(server, "/readyz")[1]["reasons"] == ["watch finds no topic p"]
    assert said(server, "/status")[1]["tasks"]["watch"]["missing"] == ["p"]


def test_who_waits_for_partitions_is_not_ready_and_who_is_left_without_any_is(server: str, world: World) -> None:
    world.logs["watch"] = Log(lag={}, position={}, done={})
    assert said(server, "/readyz")[1]["reasons"] == ["watch has no partitions yet"]
    world.started -= 1_000
    assert said(server, "/readyz")[0] == 200


def test_the_status_says_what_every_stream_does_and_who_else_has_one(server: str) -> None:
    code, status = said(server, "/status")
    assert code == 200
    assert status["deployment"] == "test"
    assert status["tasks"]["watch"]["lag"] == 3
    assert status["tasks"]["watch"]["partitions"] == {"stream-monitor.blocks-0": {"committed": 42, "position": 42, "lag": 3}}
    assert status["dead_letters"] == {"watch": {"s": 40}, "intake": {"s": 1, "sm.control": 2}}
    assert status["read"]["s"] == {"predictions": 300, "labels": 2, "dead": 1}
    assert (status["unreadable"]["s"], status["not_found"]["s"]) == ({"score": 7}, {"predictions": ["inputs"]})
    assert status["streams"]["s"]["positions"]["predictions"] == 300
    assert [signal["name"] for signal in status["streams"]["s"]["signals"]] == ["amount", "prediction"]
    assert list(status["elsewhere"]) == ["elsewhere"]


def test_metrics_say_what_streams_and_logs_do(server: str) -> None:
    values = metrics(server)
    assert values["predictions_total", named(stream="s")] == 300
    assert values["outcomes_total", named(stream="s")] == 100
    assert values["intake_events_total", named(stream="s", kind="dead_letters")] == 1
    assert values["dead_letters_total", named(task="intake", stream="sm.control")] == 2
    assert values["dead_letters_total", named(task="watch", stream="s")] == 40
    assert values["waiting_sampled_ratio", named(stream="s")] == 1
    assert values["lag_offsets", named(task="watch", topic=BLOCKS.topic, partition="0")] == 3
    assert values["unstable_offsets", named(topic=BLOCKS.topic, partition="0")] == 5
    assert values["transactions_total", named(task="watch")] == 7
    signal = named(stream="s", version="", signal="feature", name="amount", detector="ks")
    assert values["signal_firing", signal] == 0
    assert values["series_left_out", named()] == 0
    assert any(name.startswith("process_") for name, _ in values)


def test_metrics_of_the_last_window_are_in_seconds_and_ratios(server: str, world: World) -> None:
    readings = {"accuracy": {"value": 0.75, "n": 8.0}, "precision": {"value": None, "n": 0.0}}
    performance = {"outcomes": 9, "metrics": readings, "segments": [{"segment": "region=eu", "loss": 0.5}]}
    labels = {"delay_p50_s": 3.0, "delay_p95_s": None, "coverage": 0.5}
    latency = {"n": 9, "mean": 12.0, "p50": 12.0, "p95": 20.0, "p99": 250.0}
    window = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:05:00Z"}
    window_of_7 = {"model": "m", "version": "7", "predictions": 9, "performance": performance, "labels": labels}
    before_labels = {"estimated": {"metrics": {"roc_auc": {"value": 0.9}}}}
    serving = {"serving": {"error_rate": {"value": 0.2}, "timeout_rate": {"value": 0.1}}}
    of_predictions = {"latency": latency, "window": window} | before_labels | serving
    world.statuses["watch"]["streams"]["s"]["metrics"] = [window_of_7 | of_predictions]
    values = metrics(server)
    place = {"stream": "s", "model": "m", "version": "7"}
    assert values["window_performance", named(**place, metric="accuracy")] == 0.75
    assert values["window_performance_outcomes", named(**place, metric="accuracy")] == 8
    assert values["window_segment_loss", named(**place, segment="region=eu")] == 0.5
    assert values["window_estimated_performance", named(**place, metric="roc_auc")] == 0.9
    assert (values["window_error_ratio", named(**place)], values["window_timeout_ratio", named(**place)]) == (0.2, 0.1)
    assert values["window_label_coverage_ratio", named(**place)] == 0.5
    assert values["window_prediction_latency_seconds", named(**place, quantile="0.99")] == 0.25
    assert values["window_label_delay_seconds", named(**place, quantile="0.5")] == 3
    assert values["window_end_timestamp_seconds", named(**place)] == 1_767_225_900
    assert ("window_performance", named(**place, metric="precision")) not in values


def test_alerts_are_counted_by_kind_and_severity(server: str, world: World) -> None:
    drift, page = {"kind": "data_drift", "severity": "warning"}, {"kind": "concept_drift", "severity": "critical"}
    world.statuses["watch"]["streams"]["s"]["alerts"] = [drift, drift, page]
    values = metrics(server)
    assert values["alerts_firing", named(stream="s", **drift)] == 2
    assert values["alerts_firing", named(stream="s", **page)] == 1


def test_a_number_that_may_fall_is_a_gauge(world: World) -> None:
    kinds = {family.name: family.type for family in Exposition(world).collect()}
    assert kinds["stream_monitor_false_alarms"] == "gauge"
    assert kinds["stream_monitor_false_alarms_expected"] == kinds["stream_monitor_changes_declared"] == "counter"


def test_the_series_of_a_stream_that_is_gone_are_gone(server: str, world: World) -> None:
    assert any(("stream", "s") in labels for _, labels in metrics(server))
    world.statuses = {"watch": {"streams": {}}, "intake": {"streams": {}}}
    assert not any(("stream", "s") in labels for _, labels in metrics(server))


def test_series_are_bounded_and_those_of_signals_go_first(world: World) -> None:
    readings = [{"signal": "feature", "name": str(i), "detector": "ks", "statistic": 0.1, "threshold": 0.2, "firing": False,
                 "version": ""} for i in range(1_000)]  # fmt: skip
    world.statuses["watch"]["streams"]["s"]["signals"] = readings
    families = {family.name: family.samples for family in Exposition(world, limit=100).collect()}
    assert sum(len(samples) for samples in families.values()) == 101
    assert families["stream_monitor_predictions"][0].value == 300
    assert families["stream_monitor_series_left_out"][0].value > 2_900


def test_what_fires_and_what_came_is_there_of_all_streams_before_anything_else_of_one(world: World) -> None:
    (one,) = world.statuses["watch"]["streams"].values()
    firing = one | {"alerts": [{"kind": "no_data", "severity": "critical"}]}
    world.statuses["watch"]["streams"] = {f"s{i}": firing for i in range(50)}
    world.statuses["intake"]["streams"] = {f"s{i}": {"predictions": 1, "labels": 1, "dead": 0} for i in range(50)}
    families = {family.name: family.samples for family in Exposition(world, limit=320).collect()}
    for name in ("stream_quarantined", "alerts_firing", "predictions", "labels", "outcomes"):
        assert len(families[f"stream_monitor_{name}"]) == 50


def test_a_series_with_an_endless_name_is_left_out_and_counted(world: World) -> None:
    world.statuses["watch"]["streams"]["s" * 1_000] = world.statuses["watch"]["streams"]["s"]
    families = {family.name: family.samples for family in Exposition(world).collect()}
    assert len(families["stream_monitor_predictions"]) == 1
    assert families["stream_monitor_series_left_out"][0].value > 5


def test_every_metric_has_a_unit_and_a_sentence() -> None:
    units = ("_total", "_seconds", "_ratio", "_info", "_offsets", "_partitions", "_rows", "_predictions")
    plain = {"stream_quarantined", "versions", "alerts_firing", "false_alarms", "series_left_out", "window_performance"}
    plain |= {
        "window_performance_outcomes",
        "window_estimated_performance",
        "window_segment_loss",
        "cohort_performance",
        "signal_firing",
        "signal_statistic",
        "signal_threshold",
    }
    assert {name for name in HELP if not name.endswith(units)} == plain
    assert all(sentence.endswith(".") for sentence in HELP.values())


def test_open_metrics_is_given_to_who_asks_for_it(server: str) -> None:
    _, kind, body = ask(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_what_is_not_there_names_what_is(server: str) -> None:
    code, found = said(server, "/healthz")
    assert (code, found["pages"]) == (404, ["/livez", "/readyz", "/status", "/metrics"])


def test_a_head_request_has_no_body(server: str) -> None:
    assert ask(server, "/livez", "HEAD")[::2] == (200, "")


def test_it_listens_on_this_machine_only_unless_told_otherwise(server: str) -> None:
    assert Config.model_validate({"streams": {"s": worlds.CONFIG}}).http.host == "127.0.0.1"
    assert server.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_is_said_in_one_line(config: Config, world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        http = config.http.model_copy(update={"port": taken.getsockname()[1]})
        changed = config.model_copy(update={"http": http})
        with (
            pytest.raises(ValueError, match=r"cannot serve on 127\.0\.0\.1:\d+: Address already in use"),
            serving(changed, world),
        ):
            pass
