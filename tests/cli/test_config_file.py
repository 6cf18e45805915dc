"""What a configuration file may say, what the environment says over it, and what is said about mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from consumers.wire.event import STRUCTS
from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.config_file import load
from stream_monitor.config.deployment import Config
from stream_monitor.config.duration import parse
from stream_monitor.config.fields import OF_LABELS, OF_PREDICTIONS
from stream_monitor.config.problem import ConfigError

MINIMAL = """
kafka: {bootstrap_servers: localhost:9092}
streams:
  fraud:
    predictions: {topic: fraud.predictions}
    labels: {topic: fraud.labels}
"""
ROOT = Path(__file__).parents[2]
STREAM = "streams: {s: {predictions: {topic: p}}}\n"
RULES = """streams:
  s:
    predictions: {{topic: p}}
    task: binary
    segments: {{keys: [region, [region, device]]}}
    performance:
      limits:
        - {{metric: recall, below: 0.5, segment: 'region=eu, device=ios'}}
        - {}
"""
Load = Callable[..., Config]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Loads a text as the file `monitor.yaml`, with nothing in the environment but what is given."""

    def loaded(text: str, **environ: str) -> Config:
        file = tmp_path / "monitor.yaml"
        file.write_text(text)
        return load(file, environ)

    return loaded


def problems(loaded: Load, text: str, **environ: str) -> list[str]:
    """What is said about a text that cannot be used, without the folder."""
    with pytest.raises(ConfigError) as raised:
        loaded(text, **environ)
    folder = f"{raised.value.problems[-1].where.rpartition('/')[0]}/"
    return [str(problem).replace(folder, "") for problem in raised.value.problems]


def test_the_minimal_configuration_is_enough(loaded: Load) -> None:
    config = loaded(MINIMAL)
    assert config.kafka.bootstrap_servers == ("localhost:9092",)
    assert config.streams["fraud"].labels is not None
    assert config.streams["fraud"].labels.wait == parse("7d")


def test_variables_are_put_into_values(loaded: Load) -> None:
    text = "kafka: {group: '${TEAM}-${STAGE:-dev}', sasl_password: '$${PLAIN}'}\nhttp:\n  port: ${PORT:-9000}\n" + STREAM
    config = loaded(text, TEAM="risk", STAGE="")
    assert (config.kafka.group, config.http.port) == ("risk-dev", 9000)
    assert config.kafka.sasl_password is not None
    assert config.kafka.sasl_password.get_secret_value() == "${PLAIN}"
    assert loaded(text, TEAM="risk", PORT="80").http.port == 80


def test_a_text_that_looks_like_a_number_stays_a_text_where_a_text_belongs(loaded: Load) -> None:
    text = "kafka: {sasl_password: '${PASSWORD}', client: {request_timeout_ms: '${T}'}}\n" + STREAM
    config = loaded(text, PASSWORD="0123", T="5")
    assert config.kafka.sasl_password is not None
    assert config.kafka.sasl_password.get_secret_value() == "0123"
    assert config.kafka.client == {"request_timeout_ms": 5}


def test_what_a_variable_holds_is_a_value_and_never_yaml(loaded: Load) -> None:
    assert loaded("kafka:\n  group: ${G}\n" + STREAM, G="a, instance: b}").kafka.group == "a, instance: b}"


@pytest.mark.parametrize(
    ("written", "read"),
    [("no", "no"), ("on", "on"), ("yes", "yes"), ("true", True), ("010", 10), ("0x1f", 31), ("1.5", 1.5), ("12:30", "12:30"),
     ("2026-05-01", "2026-05-01"), ("'1'", "1"), ("1_000", "1_000")],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(loaded: Load, written: str, read: object) -> None:
    positive = loaded(f"streams: {{s: {{predictions: {{topic: p}}, positive: {written}}}}}").streams["s"].positive
    assert (positive, type(positive)) == (read, type(read))


def test_keys_are_texts_as_they_are_written(loaded: Load) -> None:
    labels = (
        loaded("streams: {no: {predictions: {topic: p}, labels: {topic: l, values: {0: ok, 1: bad, on: x}}}}")
        .streams["no"]
        .labels
    )
    assert labels is not None
    assert labels.values == {"0": "ok", "1": "bad", "on": "x"}


def test_every_field_that_is_read_can_be_mapped_and_no_other(loaded: Load) -> None:
    assert sorted(OF_PREDICTIONS) == sorted(STRUCTS["reference"].__struct_fields__)
    assert sorted(OF_LABELS) == sorted(STRUCTS["labels"].__struct_fields__)
    fields = "{time: at, features: '*', features.age: person.age, scores.yes: p, segments.region: meta.region}"
    loaded(f"streams: {{s: {{predictions: {{topic: p, fields: {fields}}}, labels: {{topic: l, fields: {{label: truth}}}}}}}}")


def test_an_alert_that_there_is_not_cannot_be_off(loaded: Load) -> None:
    assert loaded("streams: {s: {predictions: {topic: p}, alerts: {off: [LabelBias]}}}").streams["s"].alerts.off == (
        "LabelBias",
    )
    (said,) = problems(loaded, "streams: {s: {predictions: {topic: p}, alerts: {off: [NoData, LabelsBias]}}}")
    assert said.startswith("monitor.yaml:1: streams.s.alerts.off.1: must be one of MissingValues, ")
    assert said.endswith(", not 'LabelsBias'; did you mean LabelBias?")


@pytest.mark.parametrize("servers", ["a", "a:1", "[::1]:9092, 10.0.0.1:65535", "kafka-0.kafka.svc.cluster.local:9092"])
def test_servers_are_hosts_with_or_without_a_port(loaded: Load, servers: str) -> None:
    assert ", ".join(loaded(f"{STREAM}kafka: {{bootstrap_servers: '{servers}'}}").kafka.bootstrap_servers) == servers


def test_what_is_said_of_the_monitor_itself_cannot_be_off(loaded: Load) -> None:
    (said,) = problems(loaded, "streams: {s: {predictions: {topic: p}, alerts: {off: [StreamQuarantined]}}}")
    assert said.startswith("monitor.yaml:1: streams.s.alerts.off.0: must be one of MissingValues, ")


@pytest.mark.parametrize("name", get_args(AlertName))
def test_every_alert_is_opened_somewhere_and_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "alerts.md").read_text()
    listed = {ROOT / "stream_monitor" / "config" / file for file in ("alert_name.py", "quality.py")}
    assert any(f'"{name}"' in file.read_text() for file in (ROOT / "stream_monitor").rglob("*.py") if file not in listed)


def test_anchors_and_merges_work(loaded: Load) -> None:
    text = """
streams:
  a: &a
    predictions: {topic: a}
    reference: {rows: 500}
  b:
    <<: *a
    predictions: {topic: b}
"""
    streams = loaded(text).streams
    assert (streams["b"].predictions.topic, streams["b"].reference.rows) == ("b", 500)


def test_the_environment_wins_over_the_file(loaded: Load) -> None:
    config = loaded(
        MINIMAL,
        STREAM_MONITOR_KAFKA__BOOTSTRAP_SERVERS="a:1,b:2",
        STREAM_MONITOR_TOPICS__RETENTION="30d",
        STREAM_MONITOR_KAFKA__SSL_CHECK_HOSTNAME="false",
        STREAM_MONITOR_KAFKA__CLIENT__REQUEST_TIMEOUT_MS="5000",
        STREAM_MONITOR_REVISION="7",
    )
    assert config.kafka.bootstrap_servers == ("a:1", "b:2")
    assert config.topics.retention == parse("30d")
    assert config.kafka.ssl_check_hostname is False
    assert config.kafka.client == {"request_timeout_ms": 5000}
    assert config.revision == 7


def test_what_kubernetes_says_about_a_service_of_our_name_is_passed_over(loaded: Load) -> None:
    config = loaded(
        MINIMAL,
        STREAM_MONITOR_SERVICE_HOST="10.0.0.1",
        STREAM_MONITOR_SERVICE_PORT_HTTP="9464",
        STREAM_MONITOR_PORT="tcp://10.0.0.1:9464",
        STREAM_MONITOR_PORT_9464_TCP="tcp://10.0.0.1:9464",
        STREAM_MONITOR_PORT_9464_TCP_PROTO="tcp",
        STREAM_MONITOR_PORT_9464_TCP_PORT="9464",
        STREAM_MONITOR_PORT_9464_TCP_ADDR="10.0.0.1",
        STREAM_MONITOR_METRICS_SERVICE_HOST="fd00::1",
        STREAM_MONITOR_METRICS_SERVICE_PORT="9464",
        STREAM_MONITOR_METRICS_PORT="tcp://[fd00::1]:9464",
    )
    assert config == loaded(MINIMAL)


def test_a_secret_may_be_in_a_file(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the file\n")
    (tmp_path / "other").write_text("of the variable\n")
    text = "kafka: {sasl_password_file: secret}\n" + STREAM
    assert secret(loaded(text)) == "of the file"
    assert secret(loaded(text, STREAM_MONITOR_KAFKA__SASL_PASSWORD_FILE=str(tmp_path / "other"))) == "of the variable"


def test_a_secret_file_that_is_null_is_none(loaded: Load) -> None:
    assert loaded("kafka: {sasl_password_file: null}\n" + STREAM).kafka.sasl_password is None
    assert secret(loaded("kafka: {sasl_password_file: null, sasl_password: hunter2}\n" + STREAM)) == "hunter2"


def secret(config: Config) -> str:
    assert config.kafka.sasl_password is not None
    return config.kafka.sasl_password.get_secret_value()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("streams: [", "1: is not YAML: expected the node content, but found '<stream end>'"),
        ("streams: [\n", "1: is not YAML: expected the node content, but found '<stream end>'"),
        ("streams:\n  s: {predictions: {topic: p\n", "2: is not YAML: expected ',' or '}', but got '<stream end>'"),
        (f"kafka:\n  group: 'x\n{STREAM}", "2: is not YAML: found unexpected end of stream"),
        (f"{STREAM}http: {{port: ${{PORT}}}}", "2: is not YAML: expected ',' or '}', but got '{'; inside"),
        ("- a", "1: must be a mapping, like `streams: {...}`"),
        ("", "1: streams: is required"),
        ("streams: {}", "1: streams: must not be empty"),
        ("streams: {s: {}}", "1: streams.s.predictions: is required"),
        (f"{STREAM}http: {{port: 1, port: 2}}", "2: http.port: is there twice; the first is in line 2"),
        (f"{STREAM}retention: 3d", "2: retention: is not known; did you mean topics.retention? (there are "),
        (f"{STREAM}kafka:\n  grop: x", "3: kafka.grop: is not known; did you mean kafka.group? (there are "),
        (f"{STREAM}kafka: {{group: 7}}", "2: kafka.group: must be a text, not 7; put it in quotes"),
        (f"{STREAM}kafka: {{session_timeout: 30}}", "2: kafka.session_timeout: has no unit; write it like 30s, 30m or 30d"),
        (f"{STREAM}kafka: {{session_timeout: 3x}}", "2: kafka.session_timeout: not a length of time: '3x'; write it like "),
        (f"{STREAM}kafka: {{transaction_timeout: 20s}}", "2: kafka.transaction_timeout: must be at most 10s, not '20s'"),
        (f"{STREAM}topics: {{retention: 99999999999d}}", "2: topics.retention: must be at most 3650d, not '99999999999d'"),
        ("streams: {s: {predictions: {topic: p}, reference: {renew_after: 9999w}}}",
         "1: streams.s.reference.renew_after: must be at most 3650d, not '9999w'"),
        ("streams: {s: {predictions: {topic: p}, reference: {renew_after: 7}}}",
         "1: streams.s.reference.renew_after: has no unit; write it like 7s, 7m or 7d"),
        ("streams: {s: {predictions: {topic: p}, metrics: {window: 5ms}}}",
         "1: streams.s.metrics.window: must be at least 1s, not '5ms'"),
        (f"{STREAM}kafka: {{bootstrap_servers: []}}", "2: kafka.bootstrap_servers: must not be empty"),
        (f"{STREAM}kafka: {{bootstrap_servers: 'a:9092, b:90920'}}",
         "2: kafka.bootstrap_servers: a server is HOST:PORT, without a scheme and with a port up to 65535, got 'b:90920'"),
        (f"{STREAM}kafka: {{bootstrap_servers: ['kafka://a:9092']}}",
         "2: kafka.bootstrap_servers: a server is HOST:PORT, without a scheme and with a port up to 65535, got 'kafka://a:9092'"),
        (f"{STREAM}http: {{port: 70000}}", "2: http.port: must be at most 65535, not 70000"),
        (f"{STREAM}http: {{port: x}}", "2: http.port: must be a whole number, not 'x'"),
        (f"{STREAM}http: no", "2: http: must be a mapping of keys to values, not a text"),
        (f"{STREAM}log: {{level: loud}}", "2: log.level: must be one of debug, info, warning, error, not 'loud'"),
        (f"{STREAM}deployment: a b", "2: deployment: must be a text like ^[A-Za-z0-9._-]{1,100}$, not 'a b'"),
        (f"{STREAM}start: someday", "2: start: start must be earliest, latest or an ISO time, got 'someday'"),
        (f"{STREAM}start: ${{WHEN}}", "2: start: needs the variable WHEN, which is not set; ${WHEN:-default} gives a default"),
        (f"{STREAM}start: ${{WHEN", "2: start: has a variable that is none; write ${NAME} or ${NAME:-default}"),
        (f"{STREAM}start: !now x", "2: start: has a tag, which is not supported; a text that begins with !"),
        (f"{STREAM}http: &h {{port: *h}}", "2: http.port: refers to itself"),
        (f"{STREAM}? [a]\n: b", "2: ?: is a key that is not a text"),
        ("streams: {s: {predictions: {topic: p}, task: ranking}}", "1: streams.s.task: ranking is not supported"),
        ("streams: {s: {predictions: {topic: p}, positive: [1]}}",
         "1: streams.s.positive: must be a text or a whole number or a number or true or false, not a list"),
        ("streams: {s: {predictions: {topic: p}, alerts: {severity: {drift: info}}}}",
         "1: streams.s.alerts.severity.drift: is not a key that may be here; there are concept_drift, "),
        ("streams: {s: {predictions: {topic: p}, alerts: {severity: {data_drift: loud}}}}",
         "1: streams.s.alerts.severity.data_drift: must be one of info, warning, critical, none, not 'loud'"),
        ("streams: {s: {predictions: {topic: p}, detectors: {features: {kss: {}}}}}",
         "1: streams.s.detectors.features: there is no detector 'kss'; there are "),
        ("streams: {s: {predictions: {topic: p}, detectors: {features: {ks: {windw: 9}}}}}",
         "1: streams.s.detectors.features: ks has no setting 'windw'; did you mean window?"),
        ("streams: {s: {predictions: {topic: p}, detectors: {features: {ks: {window: x}}}}}",
         "1: streams.s.detectors.features: ks: a setting is of a wrong type: {'window': 'x'}"),
        ("streams: {s: {predictions: {topic: p}, segments: {keys: [[a, b, c]]}}}",
         "1: streams.s.segments.keys.0: must be a text or at most 2 of them, not a list"),
        ("streams: {s: {predictions: {topic: p}, performance: {limits: [{metric: AUC, below: 0.5}]}}}",
         "1: streams.s.performance.limits.0.metric: 'AUC' is not a known metric; did you mean roc_auc?"),
        ("streams: {s: {predictions: {topic: p}, alerts: {severity: {datadrift: info}}}}",
         "1: streams.s.alerts.severity.datadrift: is not a key that may be here; there are concept_drift, data_drift, "
         "prediction_drift; did you mean data_drift?"),
        ("streams: {s: {predictions: {topic: p}, reference: {since: 2026-05-08T00:00Z, until: 2026-05-01}}}",
         "1: streams.s.reference: reference.since must be before reference.until, got 2026-05-08T00:00:00+00:00 and "),
        ("streams: {s: {predictions: {topic: bad topic!}}}",
         "1: streams.s.predictions.topic: Kafka has no topic like 'bad topic!': only letters, digits, `.`, `_` and `-` may "),
        ("streams: {s: {predictions: {topic: ..}}}", "1: streams.s.predictions.topic: Kafka has no topic like '..': "),
        (f"streams: {{s: {{predictions: {{topic: {'t' * 250}}}}}}}",
         "1: streams.s.predictions.topic: must be at most 249 characters"),
        ("streams: {s: {predictions: {topic: p}, segments: {keys: [region, region]}}}",
         "1: streams.s.segments: segments.keys.1: region is there twice"),
        ("streams: {s: {predictions: {topic: p}, segments: {keys: [[a, b], [b, a]]}}}",
         "1: streams.s.segments: segments.keys.1: b,a is there twice"),
        ("streams: {s: {predictions: {topic: p}, segments: {keys: [a, [a, a]]}}}",
         "1: streams.s.segments: segments.keys.1: a,a is there twice"),
        ("streams:\n  s:\n    predictions: {topic: p}\n    performance:\n      limits:\n"
         "        - {metric: recall, below: 0.5}\n        - {metric: accuracy, below: 80}",
         "7: streams.s.performance.limits.1: accuracy lies between 0 and 1: it is always below 80"),
        (RULES.format("{metric: accuracy, below: 0.8, window: 2h}"),
         "9: streams.s.performance.limits.1.window: is no window of metrics, which are 1h, 1d; metrics.also adds others"),
        (RULES.format("{metric: accuracy, below: 0.8, segment: 'device=ios, region=eu'}"),
         "9: streams.s.performance.limits.1.segment: is by none of segments.keys, in their order (region; region,device)"),
        (RULES.format("{metric: roc_auc, below: 0.8, segment: region=eu}"),
         "9: streams.s.performance.limits.1: a rule about roc_auc is of all rows, never of a segment"),
        (RULES.format("{metric: mae, below: 0.8}"), "9: streams.s.performance.limits.1: mae is no metric of a binary task"),
        ("streams:\n  s:\n    predictions:\n      topic: p\n      fields:\n        time: at\n        feature: '*'",
         "7: streams.s.predictions.fields.feature: is no field of ours; did you mean features? (there are prediction_id, "),
        ("streams: {s: {predictions: {topic: p, fields: {predictionid: request.id}}}}",
         "1: streams.s.predictions.fields.predictionid: is no field of ours; did you mean prediction_id? (there are "),
        ("streams: {s: {predictions: {topic: p, fields: {segment.region: at}}}}",
         "1: streams.s.predictions.fields.segment.region: is no field of ours; did you mean segments.region? (there are "),
        ("streams: {s: {predictions: {topic: p}, labels: {topic: l, fields: {lable: truth}}}}",
         "1: streams.s.labels.fields.lable: is no field of ours; did you mean label? (there are prediction_id, "),
        ("streams: {s: {predictions: {topic: p}, labels: {topic: l, fields: {features: '*'}}}}",
         "1: streams.s.labels.fields.features: is no field of ours; there are prediction_id, time, label, op, "),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place_and_what_is_allowed(loaded: Load, text: str, said: str) -> None:
    (found,) = problems(loaded, text)
    assert found.startswith(f"monitor.yaml:{said}")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KAFKA__GRUOP", "x", "is no setting; did you mean STREAM_MONITOR_KAFKA__GROUP?"),
        ("HTTP_PORT", "9999", "is no setting; did you mean STREAM_MONITOR_HTTP__PORT?"),
        ("HTPP__PORT", "9999", "is no setting; did you mean STREAM_MONITOR_HTTP__PORT?"),
        ("PORT", "9999", "is no setting; "),
        ("KAFKA__SERVICE_HOST", "10.0.0.1", "is no setting; "),
        ("KAFKA_SERVICE_HOST", "b", "is no setting; "),
        ("KAFKA_GROUP", "x", "is no setting; did you mean STREAM_MONITOR_KAFKA__GROUP?"),
        ("KAFKA", "x", "kafka: is a section; set its keys, like STREAM_MONITOR_KAFKA__BOOTSTRAP_SERVERS"),
        ("STREAMS__FRAUD__TASK", "binary", "streams.fraud.task: streams are set in the file only"),
        ("HTTP__PORT", "x", "http.port: must be a whole number, not '${STREAM_MONITOR_HTTP__PORT}'"),
        ("KAFKA__POLL_INTERVAL", "5", "kafka.poll_interval: not a length of time: '${STREAM_MONITOR_KAFKA__POLL_INTERVAL}'; "),
        ("KAFKA__SASL_PASSWORD_FILE", "hunter2", "kafka.sasl_password: names a file that cannot be read: No such file or dir"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_environment_names_the_variable(loaded: Load, name: str, value: str, said: str) -> None:
    (found,) = problems(loaded, MINIMAL, **{f"STREAM_MONITOR_{name}": value})
    assert found.startswith(f"STREAM_MONITOR_{name}: {said}")


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_file(loaded: Load) -> None:
    text = "http: {port: x}\nkafka:\n  grop: x\n  group: ${G}\nstreams:\n  s: {predictions: {topic: p}, task: y}\n"
    keys = [line.split(": ")[:2] for line in problems(loaded, text, STREAM_MONITOR_NO="1")]
    assert keys == [
        ["STREAM_MONITOR_NO", "is no setting; a key in a section is written like STREAM_MONITOR_KAFKA__GROUP"],
        ["monitor.yaml:1", "http.port"],
        ["monitor.yaml:3", "kafka.grop"],
        ["monitor.yaml:4", "kafka.group"],
        ["monitor.yaml:6", "streams.s.task"],
    ]


@pytest.mark.parametrize(
    "kafka",
    [
        "{sasl_password: [hunter2]}", "{sasl_pasword: hunter2}", "{ssl_password: {a: hunter2}}", "{client: hunter2}",
        "{sasl_password: hunter2, sasl_password_file: x, grop: 1}", "{sasl_password: '${hunter2'}",
        "{sasl_password: *hunter2}", "{sasl_password: !hunter2 x}", "{sasl_password: !hunter2!x y}", "{sasl_password: 'hunter2",
        "{group: &hunter2 x, sasl_password: &hunter2 y}", "{sasl_password: [hunter2",
        "{bootstrap_servers: 'me:hunter2@b:9092'}", "{bootstrap_servers: 'b:9092,kafka://me:hunter2@b:9092'}",
        "{bootstrap_servers: 'me:hunter2@b'}", "{bootstrap_servers: hunter2@b}", "{bootstrap_servers: 'me:hunter2,x@b:9092'}",
    ],
)  # fmt: skip
def test_a_secret_is_never_said(loaded: Load, kafka: str) -> None:
    said = "\n".join(problems(loaded, f"kafka: {kafka}\n{STREAM}"))
    assert "hunter2" not in said


def test_a_secret_of_the_environment_is_never_said(loaded: Load) -> None:
    said = problems(loaded, STREAM, STREAM_MONITOR_KAFKA__SASL_PASWORD="hunter2", STREAM_MONITOR_KAFKA="hunter2")
    assert "hunter2" not in "\n".join(said)


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("kafka: {session_timeout: '${X}'}", "topv4lue", "kafka.session_timeout: not a length of time: '${X}'; write it like"),
        ("log: {level: '${X}'}", "topv4lue", "log.level: must be one of debug, info, warning, error, not '${X}'"),
        ("deployment: 'a ${X}'", "topv4lue" * 9, "deployment: must be a text like ^[A-Za-z0-9._-]{1,100}$, not 'a ${X}'"),
        ("kafka: {bootstrap_servers: '${X}'}", "a:1,topv4lue:b", "with a port up to 65535, got '${X}'"),
        ("kafka: {bootstrap_servers: ['${X}']}", "topv4lue:b", "with a port up to 65535, got '${X}'"),
        ("deployment: '${X}'", "topv4lue's", "$, not '${X}'"),
        ("deployment: '${X}'", "a ...topv4lue", "$, not '${X}'"),
        ("deployment: '${X}'", "it's a \"\\topv4lue", "$, not '${X}'"),
        ("deployment: '${NOPE:-topv4lue!}'", "", "$, not '${NOPE}'"),
        ("kafka: {sasl_password_file: '${X}'}", "topv4lue", "kafka.sasl_password_file: names a file that cannot be read: No "),
    ],
)
def test_what_a_variable_holds_is_not_said_but_its_name(loaded: Load, text: str, value: str, said: str) -> None:
    (problem,) = problems(loaded, f"{STREAM}{text}", X=value)
    assert said in problem
    assert "v4lue" not in problem


def test_what_a_variable_holds_is_not_said_without_quotes_either(loaded: Load) -> None:
    (said,) = problems(loaded, "streams: {s: {predictions: {topic: p}, segments: {keys: ['${X}', '${X}']}}}", X="topv4lue")
    assert said == "monitor.yaml:1: streams.s.segments: segments.keys.1: ${X} is there twice"


@pytest.mark.parametrize("key", ["KAFKA__SASL_MECHANISM", "LOG__LEVEL", "REVISION", "TOPICS__PARTITIONS", "FALSE_ALARMS"])
def test_what_a_variable_of_ours_holds_is_not_said(loaded: Load, key: str) -> None:
    (said,) = problems(loaded, MINIMAL, **{f"STREAM_MONITOR_{key}": "topv4lue"})
    assert f"'${{STREAM_MONITOR_{key}}}'" in said
    assert "v4lue" not in said


def test_a_secret_number_without_quotes_is_hidden(loaded: Load) -> None:
    (said,) = problems(loaded, "kafka: {sasl_password: 123456}\n" + STREAM)
    assert said == "monitor.yaml:1: kafka.sasl_password: must be a text, not what is there (hidden); put it in quotes"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml", {})


def test_a_secret_file_that_is_not_there_is_said(loaded: Load, tmp_path: Path) -> None:
    (said,) = problems(loaded, "kafka: {sasl_password_file: gone}\n" + STREAM)
    assert said == "monitor.yaml:1: kafka.sasl_password_file: names a file that cannot be read: No such file or directory"


def test_a_reference_is_not_for_each_of_many_models(loaded: Load) -> None:
    (said,) = problems(loaded, "streams: {s: {predictions: {topic: p}, per: model, reference: {file: r.jsonl}}}\n")
    assert "reference.file is of one model, not with per: model" in said
