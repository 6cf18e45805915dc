"""The command line.  Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stream_monitor.arguments import parser
from stream_monitor.config.problem import ConfigError, Problem

if TYPE_CHECKING:
    from stream_monitor.config.advice import Advice
    from stream_monitor.config.deployment import Config

OK, FAILURE, USAGE, WARNINGS, UNREACHABLE = range(5)
INTERRUPTED = 130
"""As of any program that Ctrl-C ends."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says; gives the exit code."""
    asked = parser().parse_args(arguments)
    try:
        return _COMMANDS[asked.command](asked)
    except ConfigError as error:
        return _refuse(asked, error.problems)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more is to be written, not even at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except OSError as error:
        return _fail(str(error))


def _run(asked: argparse.Namespace) -> int:
    with _ending_well():
        return _run_daemon(asked)


@contextmanager
def _ending_well() -> Iterator[None]:
    """While nothing has begun that is to be finished, a signal to stop ends the program, and that is well."""
    before = {number: signal.signal(number, lambda *_: sys.exit(OK)) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_daemon(asked: argparse.Namespace) -> int:
    import logging

    import structlog

    from consumers import daemon
    from stream_monitor import logs

    config = _load(asked)
    logs.configure(config.log, logs.secrets(config))
    for one in _advice(asked, config):
        structlog.get_logger().log(logging.WARNING if one.level == "warning" else logging.INFO, one.text, setting=one.key)
    return daemon.run(config, only=asked.only)


def _replay(asked: argparse.Namespace) -> int:
    from consumers.files import replay
    from consumers.files.files import FileError

    _log_plainly()
    if (asked.predictions is None) == (asked.blocks is None):
        return _misused("replay needs either --predictions or --blocks")
    others = [name for name in ("labels", "reference", "stream", "keep_blocks") if getattr(asked, name) is not None]
    if asked.blocks is not None and others:
        return _misused(f"--{others[0].replace('_', '-')} has no meaning beside --blocks")
    try:
        if asked.blocks is not None:
            summary = replay.replay_blocks(asked.blocks, asked.out)
        else:
            given = {name: getattr(asked, name) for name in ("predictions", *(others))}
            summary = replay.replay(_load(asked), asked.out, **given)
    except FileError as error:
        return _fail(str(error), USAGE)
    told = {"streams": summary.streams, "events": summary.events, "dead_letters": summary.reasons}
    told |= {"unreadable": summary.unreadable, "not_found": summary.not_found}
    _tell(asked, told, _replayed(asked, summary))
    if summary.streams and not any(counts["predictions"] for counts in summary.streams.values()):
        return _fail(f"{asked.predictions}: holds no prediction that can be read")
    return OK


def _replayed(asked: argparse.Namespace, summary: Any) -> Iterable[str]:
    for name, counts in summary.streams.items():
        yield f"{name}: {counts['predictions']} predictions, {counts['labels']} labels, {counts['dead']} dead letters"
        if counts["predictions"] and counts["labels"]:
            yield _labelled(name, counts["labelled"])
    for file, count in summary.events.items():
        yield f"{asked.out / file}: {count}"
    for reason, count in sorted(summary.reasons.items()):
        yield f"dead letters, {reason}: {count}"
    for field, count in sorted(summary.unreadable.items()):
        way = "; `fields: {score: scores.1}` takes one of a list" if field == "scores" else ""
        yield f"values of {field} that could not be read: {count}{way}"
    for kind, paths in summary.not_found.items():
        yield f"not one event of {kind} has {', '.join(paths)}: see `fields`"
    for name, status in summary.watched.items():
        yield from (f"{name} still fires: {firing}" for firing in status["firing"])


def _labelled(name: str, n: int) -> str:
    if not n:
        return f"{name}: no label found its prediction; is `prediction_id` (or `model`) not the same on both sides?"
    return f"{name}: {n} predictions got a label"


def _demo(asked: argparse.Namespace) -> int:
    from consumers.broker.jars import BrokerUnavailable
    from consumers.demo import demo

    _log_plainly()
    pace = {} if asked.speed is None else {"speed": asked.speed}
    try:
        return demo(kafka=asked.kafka, live=not asked.no_live, **pace)
    except BrokerUnavailable as error:
        return _fail(str(error))


def _broker(asked: argparse.Namespace) -> int:
    from consumers.broker.node import serve

    _log_plainly()
    return serve(asked.port, asked.data, asked.keep)


def _topics(asked: argparse.Namespace) -> int:
    from consumers.kafka import topics

    config = _load_for_kafka(asked)
    _advice(asked, config)
    work = {"plan": topics.plan, "create": topics.create}[asked.action]

    def act() -> int:
        planned = [topic for topic in work(config, include_inputs=asked.include_inputs) if topic.ours]
        lines = [_topic(topic, created=asked.action == "create") for topic in planned] or ["nothing to create"]
        _tell(asked, [_plain(topic) for topic in planned], lines)
        return OK

    return _on_kafka(act)


def _topic(topic: Any, created: bool) -> str:
    state = "created" if created else "missing" if not topic.exists else "differs" if topic.differs else "ok"
    settings = " ".join(f"{key}={value}" for key, value in topic.configs.items())
    more = f"\n{'':9}{'; '.join(topic.differs)}" if topic.differs else ""
    return f"{state:8} {topic.name} ({topic.partitions} partitions; {topic.why}) {settings}".rstrip() + more


def _check_config(asked: argparse.Namespace) -> int:
    from consumers.files.files import unreadable
    from stream_monitor.config.advice import Advice, advice
    from stream_monitor.config.config_file import places

    config = _load_for_kafka(asked)
    said = advice(config)
    said += [Advice("error", f"streams.{name}.reference.file", f"cannot be read: {why}") for name, why in unreadable(config)]
    place = places(asked.config)
    said = [one if one.level == "ok" else one._replace(where=place(one.key)) for one in said]
    if any(one.level == "error" for one in said):
        return _checked(asked, said, USAGE)
    if not asked.connect:
        return _checked(asked, said, FAILURE)

    def connect() -> int:
        from consumers.kafka.check import check

        return _checked(asked, [*said, *check(config)], FAILURE)

    return _on_kafka(connect)


def _checked(asked: argparse.Namespace, said: Sequence[Any], failure: int) -> int:
    """Prints what was found; gives the exit code, which is `failure` where there are errors."""
    levels = {one.level for one in said}
    counts = {level: sum(one.level == level for one in said) for level in ("error", "warning")}
    lines = [f"{one.level:8} {': '.join(filter(None, (one.where, one.key, one.text)))}" for one in said]
    lines.append(f"{asked.config}: {counts['error']} errors, {counts['warning']} warnings")
    _tell(asked, {"ok": "error" not in levels, "findings": [_plain(one) for one in said]}, lines)
    if "error" in levels:
        return failure
    return WARNINGS if asked.deny_warnings and "warning" in levels else OK


def _export_schema(asked: argparse.Namespace) -> int:
    from consumers.schemas.export import export

    written = export(asked.dir)
    _tell(asked, [str(path) for path in written], map(str, written))
    return OK


def _detectors(asked: argparse.Namespace) -> int:
    from stream_monitor.watching.catalogue import catalogue

    entries = catalogue()
    _tell(asked, [_plain(entry) for entry in entries], (str(entry) for entry in entries))
    return OK


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "replay": _replay,
    "demo": _demo,
    "broker": _broker,
    "topics": _topics,
    "check-config": _check_config,
    "export-schema": _export_schema,
    "detectors": _detectors,
}


def _load(asked: argparse.Namespace) -> Config:
    from stream_monitor.config.config_file import load

    return load(asked.config)


def _advice(asked: argparse.Namespace, config: Config) -> list[Advice]:
    """What is to be said about a configuration; raises ConfigError where that is an error."""
    from stream_monitor.config.advice import advice

    said = advice(config)
    if refused := [Problem(str(asked.config), one.key, one.text) for one in said if one.level == "error"]:
        raise ConfigError(refused)
    return said


def _load_for_kafka(asked: argparse.Namespace) -> Config:
    """The configuration, its `kafka.client` checked too; what kafka-python would log is said once, in the end."""
    from consumers.kafka import kafka_client
    from stream_monitor import logs

    config = _load(asked)
    logs.configure(config.log, logs.secrets(config), libraries="critical")
    if wrong := kafka_client.problems(config.kafka):
        raise ConfigError([Problem(str(asked.config), key, what) for key, what in wrong])
    return config


def _log_plainly() -> None:
    from stream_monitor import logs
    from stream_monitor.config.deployment import Logging

    logs.configure(Logging(level="warning"))


def _on_kafka(work: Callable[[], int]) -> int:
    from kafka.errors import KafkaError

    from consumers.kafka.kafka_client import KafkaUnreachable
    from stream_monitor.logs import silenced

    with silenced("kafka.net.connection"):
        try:
            return work()
        except KafkaUnreachable as error:
            return _fail(str(error), UNREACHABLE)
        except KafkaError as error:
            return _fail(f"Kafka refused: {error}")


def _refuse(asked: argparse.Namespace, problems: Sequence[Problem]) -> int:
    for problem in problems:
        _fail(str(problem))
    if asked.command == "check-config" and asked.format == "json":
        findings = [{"level": "error", "key": p.key, "text": p.what, "where": p.where} for p in problems]
        print(json.dumps({"ok": False, "findings": findings}, indent=2))
    return USAGE


def _misused(text: str) -> int:
    return _fail(f"{text}; see stream-monitor replay --help", USAGE)


def _fail(text: str, code: int = FAILURE) -> int:
    print(f"error: {text}", file=sys.stderr)
    return code


def _tell(asked: argparse.Namespace, value: Any, lines: Iterable[str]) -> None:
    """Prints a result for a machine or for a person."""
    if asked.format == "json":
        print(json.dumps(value, indent=2))
    else:
        for line in lines:
            print(line)
    sys.stdout.flush()


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass or named tuple as JSON has it."""
    from dataclasses import asdict, is_dataclass

    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else dict(value._asdict())


if __name__ == "__main__":
    sys.exit(main())
