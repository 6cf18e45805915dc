"""One partition of the record of streams: the streams in it, their snapshots, and what became of them in an earlier life."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import structlog

from stream_monitor import blocks, foreign, stream_state
from stream_monitor.alerting.alerts import Subject
from stream_monitor.blocks import Block, Progress, Section
from stream_monitor.config.stream import StreamRecord
from stream_monitor.configuration import configure, parsed
from stream_monitor.control import Pointless, obey
from stream_monitor.dead_letter import dead_letters
from stream_monitor.events import Alert, AlertEvent, RetrainEvent, iso
from stream_monitor.sections import together
from stream_monitor.snapshots import Snapshots, channel, placed
from stream_monitor.stream import Stream
from stream_monitor.stream_status import status
from stream_monitor.task import Output, Partition

log = structlog.get_logger()


class ConfigurationError(RuntimeError):
    """The log and this replica do not agree on what is configured."""


class Part:
    """The streams of one partition of blocks, in the order of the log."""

    def __init__(self, partition: Partition, revision: int | None, saves: bool = True) -> None:
        self.partition = partition
        self.dead: Counter[str] = Counter()
        """Events that became dead letters since the start, by configured stream."""
        self._saves = saves
        self._snapshots = Snapshots()
        self._own_revision = revision
        self._revision = -1
        self._partitions: int | None = None
        self._committed = 0
        self._live = False
        self._arrived = self._next = 0
        """When the last record was written, and the offset behind it."""
        self._streams: dict[str, Stream] = {}
        self._bases: dict[str, StreamRecord] = {}
        self._quarantined: dict[str, str] = {}
        self._asleep: dict[str, int] = {}
        """The offset before which a stream's snapshot has seen everything."""
        self._published: dict[str, tuple[dict[str, Alert], dict[str, bytes]]] = {}

    def record(self, offset: int, value: bytes | None) -> list[Output]:
        """Takes one record of blocks; what was said in an earlier life is not said again."""
        block = blocks.decode(value or b"")
        self._check(block)
        self._arrived, self._next = block.arrived, offset + 1
        outputs = self._go_live() if not self._live and offset >= self._committed else []
        for section in together(block.sections):
            outputs += self._section(section, block.arrived, offset)
        outputs += self._progress(block.progress, block.arrived, offset)
        return [placed(output, self.partition.number) for output in outputs + self._save()] if self._live else []

    def parting(self) -> Iterator[list[Output]]:
        """Snapshots of what was read since the last ones, stream by stream; those that nobody writes are as if not made."""
        if not self._live or not self._saves:
            return
        for number, name in enumerate(self._snapshots.behind(self._streams, self._next)):
            outputs = [] if number else [self._save_meta()]
            outputs += self._snapshots.save(name, self._streams[name], self._next, self._arrived)
            yield [placed(output, self.partition.number) for output in outputs]

    def gap(self, first: int, last: int, reason: str, arrived: int) -> list[Output]:
        """Says that blocks were lost, to whom it concerns: every stream here.  Not while they are read again."""
        if not self._live:
            return []
        outputs: list[Output] = []
        for name, stream in self._streams.items():
            summary = f"records {first} to {last} of {name}'s partition of blocks could not be read: {reason}"
            outputs += stream.alerts.open(
                Subject(name), "monitor", "RecordLost", "critical", summary, stream.moment(arrived), offset=str(first)
            )
        return [placed(output, self.partition.number) for output in outputs]

    def restore(self, committed: int | None, state: dict[bytes, bytes]) -> int | None:
        """Makes the streams again as far as snapshots go; gives the offset from which the log must tell the rest.

        The state is consumed, so that what waits need not be there twice.
        """
        self._committed = committed or 0
        meta, streams, waiting = self._snapshots.read(state)
        if committed and meta is None:
            where = f"{self.partition.topic}-{self.partition.number}"
            raise ConfigurationError(f"{where} was read to {committed}, but it has no snapshots")
        self._remember(state)
        if meta is None:
            return None
        self._agree(meta["revision"])
        self._revision, self._partitions = meta["revision"], meta["partitions"]
        self._bases = {name: StreamRecord.model_validate_json(record) for name, record in meta["bases"].items()}
        self._quarantined = dict(meta["quarantined"])
        for name, (inner, arrays) in streams.items():
            stream = self._streams[name] = stream_state.restored(name, inner, arrays)
            self._snapshots.load(stream, waiting.pop(name, {}))
            self._asleep[name] = inner["offset"]
        return int(min((meta["offset"], *self._asleep.values())))

    def status(self) -> dict[str, dict[str, Any]]:
        """What every stream here is doing."""
        return dict(self.statuses())

    def statuses(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same, stream by stream; streams may come and go in between."""
        for name in list(self._streams):
            if (stream := self._streams.get(name)) is not None:
                quarantined, saved = self._quarantined.get(name), self._saved_at(name)
                ours = {"partition": self.partition.number, "quarantined": quarantined, "saved": saved}
                yield name, status(stream) | ours

    def _saved_at(self, name: str) -> str | None:
        arrived = self._snapshots.saved_at(name)
        return None if arrived is None else iso(arrived)

    def _check(self, block: Block) -> None:
        if self._partitions is None:
            self._partitions = block.partitions
        elif self._partitions != block.partitions:
            raise ConfigurationError(
                f"{self.partition.topic} was written for {self._partitions} partitions and now for {block.partitions}: "
                "streams would move; use a new topics.prefix to change the count"
            )

    def _agree(self, revision: int) -> None:
        """Raises where a newer configuration is in force than this replica's; an older one in the log is another's."""
        if self._own_revision is not None and revision > self._own_revision:
            raise ConfigurationError(
                f"the log has configuration revision {revision} in force, and this replica has {self._own_revision}: "
                "start it again with the newer one"
            )

    def _section(self, section: Section, arrived: int, offset: int) -> list[Output]:
        if section.kind == "configuration":
            return self._configure(section, arrived, offset)
        stream = self._stream(section, offset)
        if stream is None and section.kind == "gap":
            models = [name for name in self._streams if name.startswith(f"{section.stream}/")]
            return [output for name in models for output in self._section(section._replace(stream=name), arrived, offset)]
        if stream is None:
            return self._orphan(section, arrived, offset)
        if offset < self._asleep.get(section.stream, 0):
            return []
        if section.stream in self._quarantined:
            return self._while_quarantined(stream, section, arrived, offset)
        return self._guarded(stream, section, arrived, offset)

    def _stream(self, section: Section, offset: int) -> Stream | None:
        """The stream of a section; the first prediction of a model makes one where streams are per model."""
        stream = self._streams.get(section.stream)
        if stream is None and section.kind == "predictions" and section.rows is not None:
            base = self._bases.get(section.stream.partition("/")[0])
            if base is not None and len(self._streams) < base.limits.streams:
                stream = self._streams[section.stream] = Stream(section.stream, base)
                stream.born = offset
            elif base is not None:
                log.warning("too many streams", stream=section.stream, limit=base.limits.streams)
        if stream is not None and stream.born == offset:
            self._share(section.stream.partition("/")[0], offset)
        return stream

    def _share(self, base: str, offset: int) -> None:
        """Lets the models of a configured stream share its budget: those born here by now, and as many elsewhere."""
        models = [stream for name, stream in self._streams.items() if name.partition("/")[0] == base and stream.born <= offset]
        for stream in models:
            stream.watched.siblings = len(models) * (self._partitions or 1)

    def _guarded(self, stream: Stream, section: Section, arrived: int, offset: int) -> list[Output]:
        """Lets a stream take a section; if that raises, the stream is set aside and the others go on."""
        position = stream.join.position
        try:
            if section.kind == "control":
                return obey(stream, section.document, arrived)
            if section.kind == "configuration":
                return configure(stream, parsed(section.document), arrived)
            return self._counted(section, stream.section(section, arrived))
        except Pointless as pointless:
            deployment = stream.record.deployment
            return self._bury(section, deployment, pointless.reason, pointless.detail, arrived, offset)
        except (MemoryError, OSError):
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__} in {where.name}, at offset {offset}"
            log.error("stream set aside", stream=stream.name, reason=reason, exc_info=self._live)
            return self._quarantine(stream, section, reason, position, arrived, offset)

    def _quarantine(
        self, stream: Stream, section: Section, reason: str, position: int, arrived: int, offset: int
    ) -> list[Output]:
        fresh = self._streams[stream.name] = _emptied(stream, position)
        self._quarantined[stream.name] = reason
        self._snapshots.begin_again(stream.name)
        self._skip(fresh, section)
        summary = f"{stream.name} was set aside: {reason}; a control event `resume` starts it again"
        moment = fresh.moment(arrived)
        opened = fresh.alerts.open(Subject(stream.name), "monitor", "StreamQuarantined", "critical", summary, moment)
        return opened + self._bury(section, stream.record.deployment, "stream_quarantined", reason, arrived, offset)

    def _while_quarantined(self, stream: Stream, section: Section, arrived: int, offset: int) -> list[Output]:
        if section.kind != "control":
            self._skip(stream, section)
            return []
        if json.loads(section.document).get("action") != "resume":
            detail = f"{stream.name} was set aside: only `resume` is obeyed"
            return self._bury(section, stream.record.deployment, "stream_quarantined", detail, arrived, offset)
        del self._quarantined[stream.name]
        # What the streams share may be saved before it is, and says then that what came before was not passed by.
        self._snapshots.renew(stream.name)
        return stream.alerts.end("resumed", stream.moment(arrived), kind="monitor")

    def _skip(self, stream: Stream, section: Section) -> None:
        if section.kind == "predictions" and section.rows is not None:
            stream.join.position += len(section.rows)

    def _orphan(self, section: Section, arrived: int, offset: int) -> list[Output]:
        """Only predictions make a stream: labels and control events that come before the first of their model are dead."""
        base = self._bases.get(section.stream.partition("/")[0])
        what = {"labels": "labels", "control": "a control event"}.get(section.kind)
        if base is None or what is None or not (section.rows or section.document):
            return []
        detail = f"{what} came before the first prediction of {section.stream}"
        return self._bury(section, base.deployment, "no_stream", detail, arrived, offset)

    def _bury(self, section: Section, deployment: str, reason: str, detail: str, arrived: int, offset: int) -> list[Output]:
        if self._live:
            events = len(section.rows or ()) or 1
            self.dead[section.stream.partition("/")[0]] += events
            log.warning("dead letter", stream=section.stream, kind=section.kind, reason=reason, events=events)
        return dead_letters(section, deployment, reason, detail, arrived, (self.partition.number, offset))

    def _counted(self, section: Section, outputs: list[Output]) -> list[Output]:
        """Counts what a stream could not use."""
        events = sum(output.channel == "dead-letters" for output in outputs)
        if events and self._live:
            self.dead[section.stream.partition("/")[0]] += events
            log.warning("dead letter", stream=section.stream, kind=section.kind, reason=foreign.REASON, events=events)
        return outputs

    def _configure(self, section: Section, arrived: int, offset: int) -> list[Output]:
        if not section.stream:
            return self._drop_others(msgspec.json.decode(section.document, type=dict[str, Any]), arrived, offset)
        record = parsed(section.document)
        self._agree(record.revision)
        if record.revision < self._revision:
            return []
        self._revision = record.revision
        self._compare(section.stream, record)
        if record.config.per == "model":
            self._bases[section.stream] = record
        elif section.stream not in self._streams:
            self._streams[section.stream] = Stream(section.stream, record)
        return self._reconfigure(section, record, arrived, offset)

    def _compare(self, stream: str, record: StreamRecord) -> None:
        """Says so where another configuration has the revision of the one in force: the last one to start has its way."""
        before = self._streams[stream].record if stream in self._streams else self._bases.get(stream)
        if self._live and before is not None and before.revision == record.revision and before != record:
            log.warning("another configuration of the same revision", stream=stream, revision=record.revision)

    def _reconfigure(self, section: Section, record: StreamRecord, arrived: int, offset: int) -> list[Output]:
        outputs: list[Output] = []
        for name, stream in list(self._streams.items()):
            if name.partition("/")[0] != section.stream or offset < self._asleep.get(name, 0):
                continue
            if name in self._quarantined:
                stream.record = record
            elif stream.record != record:
                outputs += self._guarded(stream, section._replace(stream=name), arrived, offset)
        return outputs

    def _drop_others(self, document: dict[str, Any], arrived: int, offset: int) -> list[Output]:
        """Ends the streams that are not configured any more."""
        revision = document.get("revision", 0)
        self._agree(revision)
        if revision < self._revision:
            return []
        self._revision = revision
        outputs: list[Output] = []
        for name in [name for name in self._streams if name.partition("/")[0] not in document["streams"]]:
            if offset < self._asleep.get(name, 0):
                continue
            stream = self._streams.pop(name)
            outputs += stream.alerts.end("configured", stream.moment(arrived))
            outputs += self._snapshots.forget(name)
            self._quarantined.pop(name, None)
        self._bases = {name: base for name, base in self._bases.items() if name in document["streams"]}
        return outputs

    def _progress(self, progress: tuple[Progress, ...], arrived: int, offset: int) -> list[Output]:
        if not progress:
            return []
        by_topic: dict[str, list[Progress]] = {}
        for entry in progress:
            by_topic.setdefault(entry.topic, []).append(entry)
        outputs: list[Output] = []
        about: dict[tuple[str, ...], list[Progress]] = {}
        for name, stream in self._streams.items():
            topics = _topics(stream.record)
            entries = about.get(topics)
            if entries is None:
                entries = about[topics] = [entry for topic in topics for entry in by_topic.get(topic, ())]
            if entries and name not in self._quarantined and offset >= self._asleep.get(name, 0):
                outputs += stream.progress(entries, arrived)
        return outputs

    def _go_live(self) -> list[Output]:
        """Publishes what this program sees otherwise than the one that committed."""
        self._live, self._asleep = True, {}
        outputs: list[Output] = []
        for name, stream in self._streams.items():
            alerts, requests = self._published.get(name, ({}, {}))
            outputs += stream.reconcile(alerts, requests, self._arrived)
        self._published = {}
        return outputs

    def _save(self) -> list[Output]:
        """Snapshots of the streams that are due, and of what they share."""
        if not self._saves:
            return []
        due = self._snapshots.due(self._streams, self._arrived)
        outputs: list[Output] = []
        for name in due:
            outputs += self._snapshots.save(name, self._streams[name], self._next, self._arrived)
        if due or self._snapshots.meta_due(self._revision, self._arrived):
            outputs.append(self._save_meta())
        return outputs

    def _save_meta(self) -> Output:
        """The snapshot of what the streams share; those that are saved go along with it."""
        bases = {name: base.model_dump_json() for name, base in self._bases.items()}
        meta = {"partitions": self._partitions, "offset": self._next, "bases": bases, "quarantined": self._quarantined}
        return self._snapshots.save_meta(meta, self._revision, self._arrived)

    def _remember(self, state: dict[bytes, bytes]) -> None:
        """Keeps what was published of alerts and requests until this partition goes live."""
        for value in channel(state, "alerts.current").values():
            alert = AlertEvent.model_validate_json(value).data
            self._published.setdefault(alert.labels["stream"], ({}, {}))[0][alert.fingerprint] = alert
        for value in channel(state, "retrain.current").values():
            request = RetrainEvent.model_validate_json(value).data
            self._published.setdefault(request.stream, ({}, {}))[1][request.request_id] = value


def _emptied(stream: Stream, position: int) -> Stream:
    """A stream that begins again, but for its place and its alerts."""
    fresh = Stream(stream.name, stream.record)
    fresh.join.position = position
    fresh.join.clock.restore(stream.join.clock.state())
    fresh.alerts, fresh.born, fresh.watched.siblings = stream.alerts, stream.born, stream.watched.siblings
    return fresh


def _topics(record: StreamRecord) -> tuple[str, ...]:
    config = record.config
    return (config.predictions.topic, config.labels.topic) if config.labels else (config.predictions.topic,)
