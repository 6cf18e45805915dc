"""What can be typed: the commands, their options and their help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from stream_monitor import __version__

_TOP = """\
Reads the prediction and label events of machine-learning models from Kafka, watches every model for drift and for loss of
performance, and publishes alerts and retrain requests to topics.
"""
_TOP_MORE = """\
a first look, with nothing installed or running:
  stream-monitor demo

a first configuration, monitor.yaml:
  kafka: {bootstrap_servers: localhost:9092}
  streams:
    fraud:
      predictions: {topic: fraud.predictions}
      labels: {topic: fraud.labels}

and then:
  stream-monitor check-config --connect
  stream-monitor topics create
  stream-monitor run

Results go to stdout, diagnostics to stderr.
Exit codes: 0 ok, 1 failure, 2 usage or configuration, 3 warnings with --deny-warnings, 4 Kafka out of reach;
130 after Ctrl-C.
`stream-monitor COMMAND --help` has an example of each command.
"""
_CONFIG_MORE = """\
The file is YAML; values may have ${NAME} and ${NAME:-default} from the environment.  `no`, `on` and `yes` are texts.
Variables win over the file: STREAM_MONITOR_KAFKA__GROUP is kafka.group, for everything but streams.
Secrets come from files: `sasl_password_file: PATH` in the file, or STREAM_MONITOR_KAFKA__SASL_PASSWORD_FILE=PATH.
"""
_RUN = """\
Watches the streams of a configuration until SIGTERM or SIGINT, exactly once, over any number of replicas.
Health, status and metrics are served on http://127.0.0.1:9464 (/livez, /readyz, /status, /metrics); see `http` in the file.
"""
_RUN_MORE = f"""\
examples:
  stream-monitor run -c monitor.yaml
  STREAM_MONITOR_LOG__LEVEL=debug stream-monitor run --only watch

{_CONFIG_MORE}"""
_REPLAY = """\
Watches one stream's events in files as `run` would have watched them, as fast as it can.  Needs no Kafka.
Writes alerts.jsonl, retrain.jsonl, reviews.jsonl, metrics.jsonl and dead_letters.jsonl: one CloudEvent a line, in order.
"""
_REPLAY_MORE = """\
examples:
  stream-monitor replay -c monitor.yaml --predictions p.jsonl --labels l.jsonl --out result
  stream-monitor replay -c monitor.yaml --stream fraud --predictions p.parquet --reference r.csv --out result
  stream-monitor replay -c monitor.yaml --predictions p.jsonl --out result --keep-blocks fraud.blocks
  stream-monitor replay --blocks fraud.blocks --out again

Files end in .jsonl, .ndjson, .csv (these also with .gz) or .parquet (which needs stream-monitor[parquet]).
The same events give the same alerts, ids included.
"""
_DEMO = """\
Shows a model that drifts, then errs, and what Stream Monitor says about it.  Needs nothing installed or running.
"""
_DEMO_MORE = """\
examples:
  stream-monitor demo
  stream-monitor demo --no-live          plain lines, for logs and pipes
  stream-monitor demo --kafka            the same through a real broker, started for it (needs stream-monitor[broker])
"""
_BROKER = """\
Runs a one-node Kafka on this machine for development and tests, until Ctrl-C; prints its address on stdout.
Needs stream-monitor[broker]; neither Docker nor Java.  The first time downloads 43 MB.
"""
_BROKER_MORE = """\
examples:
  stream-monitor broker
  stream-monitor broker --port 9092 --data ./kafka
"""
_TOPICS = """\
Plans or creates the topics that a configuration needs.  What is there is compared and never changed.
"""
_PLAN_MORE = """\
example:
  stream-monitor topics plan -c monitor.yaml --format json

Changes nothing.  Exits with 0 whether or not something is missing.
"""
_CREATE_MORE = """\
examples:
  stream-monitor topics create -c monitor.yaml
  stream-monitor topics create --include-inputs     for a broker of your own, as in development

Creates what is missing and says so; a second time creates nothing.
"""
_CHECK = """\
Says whether a configuration can be used, what will not be watched and why, and, with --connect, whether Kafka is ready.
"""
_CHECK_MORE = f"""\
examples:
  stream-monitor check-config -c monitor.yaml
  stream-monitor check-config --connect --deny-warnings     in a pipeline, before a deployment

{_CONFIG_MORE}
Exits with 2 where the configuration cannot be used, 1 where Kafka is not ready for it, 4 where Kafka is out of reach, and
3 with --deny-warnings where there are warnings only.
"""
_SCHEMA = """\
Writes JSON Schemas of the configuration and of all events, and asyncapi.yaml (AsyncAPI 3.0) that ties them to topics.
"""
_SCHEMA_MORE = """\
example:
  stream-monitor export-schema schemas

Editors check a configuration as it is written with this first line:
  # yaml-language-server: $schema=schemas/config.schema.json
"""
_DETECTORS = """\
Lists the change detectors that a configuration can name: what each sees, its settings with their defaults, whether its
thresholds follow a budget of false alarms (calibrated), and the paper it is from.
"""
_DETECTORS_MORE = """\
examples:
  stream-monitor detectors
  stream-monitor detectors --format json
"""


def parser() -> argparse.ArgumentParser:
    """Reads the command line; `command` says what was asked for."""
    top: argparse.ArgumentParser = _made(argparse.ArgumentParser, _TOP, _TOP_MORE, prog="stream-monitor")
    top.add_argument("--version", action="version", version=f"stream-monitor {__version__}")
    commands = top.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    _run(commands)
    _replay(commands)
    _demo(commands)
    _broker(commands)
    _topics(commands)
    _check_config(commands)
    _export_schema(commands)
    _detectors(commands)
    return top


def _run(commands: Any) -> None:
    run = _made(commands.add_parser, _RUN, _RUN_MORE, "run", help="watch streams on Kafka")
    _config(run)
    run.add_argument("--only", choices=("intake", "watch"), help="one of the two tasks, to scale them apart (default: both)")


def _replay(commands: Any) -> None:
    replay = _made(commands.add_parser, _REPLAY, _REPLAY_MORE, "replay", help="watch events in files")
    _config(replay)
    replay.add_argument("--stream", metavar="NAME", help="the stream, where the configuration has several")
    replay.add_argument("--predictions", type=Path, metavar="FILE", help="prediction events")
    replay.add_argument("--labels", type=Path, metavar="FILE", help="label events")
    replay.add_argument("--reference", type=Path, metavar="FILE", help="predictions to compare with, with `label` where known")
    replay.add_argument("--blocks", type=Path, metavar="FILE", help="a file of blocks, instead of events and configuration")
    replay.add_argument("--keep-blocks", type=Path, metavar="FILE", help="write the blocks of these events to a file")
    replay.add_argument("--out", type=Path, metavar="DIR", required=True, help="where to write what comes of it")
    _format(replay)


def _demo(commands: Any) -> None:
    demo = _made(commands.add_parser, _DEMO, _DEMO_MORE, "demo", help="see it work")
    demo.add_argument("--kafka", action="store_true", help="through a real broker, started for it")
    demo.add_argument("--speed", type=_positive, metavar="N", help="predictions a second; inf: as fast as it goes")
    demo.add_argument("--no-live", action="store_true", help="plain lines instead of a live view")


def _broker(commands: Any) -> None:
    broker = _made(commands.add_parser, _BROKER, _BROKER_MORE, "broker", help="run a Kafka for development")
    broker.add_argument("--port", type=_port, metavar="PORT", help="where it listens (default: a free port)")
    broker.add_argument("--data", type=Path, metavar="DIR", help="where its data are, and stay (default: a temporary folder)")
    broker.add_argument("--keep", action="store_true", help="keep the temporary folder")


def _topics(commands: Any) -> None:
    topics = _made(commands.add_parser, _TOPICS, "", "topics", help="plan or create our topics")
    actions = topics.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    for name, more, help in (("plan", _PLAN_MORE, "say what is missing"), ("create", _CREATE_MORE, "create what is missing")):
        action = _made(actions.add_parser, _TOPICS, more, name, help=help)
        _config(action)
        action.add_argument("--include-inputs", action="store_true", help="also the topics that events come from")
        _format(action)


def _check_config(commands: Any) -> None:
    check = _made(commands.add_parser, _CHECK, _CHECK_MORE, "check-config", help="check a configuration")
    _config(check)
    check.add_argument("--connect", action="store_true", help="also look at the brokers and topics")
    check.add_argument("--deny-warnings", action="store_true", help="exit with 3 where there are warnings")
    _format(check)


def _export_schema(commands: Any) -> None:
    schema = _made(
        commands.add_parser,
        _SCHEMA,
        _SCHEMA_MORE,
        "export-schema",
        help="write JSON Schemas, AsyncAPI, and a page with every setting",
    )
    schema.add_argument("dir", type=Path, nargs="?", default=Path("schemas"), metavar="DIR", help="default: schemas")
    _format(schema)


def _detectors(commands: Any) -> None:
    _format(_made(commands.add_parser, _DETECTORS, _DETECTORS_MORE, "detectors", help="list the change detectors"))


def _config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-c", "--config", type=Path, default=Path("monitor.yaml"), metavar="FILE", help="default: monitor.yaml"
    )


def _format(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=("text", "json"), default="text", help="of what goes to stdout (default: text)")


def _made(make: Any, about: str, more: str, *names: str, **options: Any) -> Any:
    """A parser whose abbreviated options are errors and whose texts stay as they are written."""
    plain = argparse.RawDescriptionHelpFormatter
    return make(*names, description=about, epilog=more, formatter_class=plain, allow_abbrev=False, **options)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not number > 0:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return number
