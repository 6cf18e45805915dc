"""Writes records and the offsets that caused them in one Kafka transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import FencedInstanceIdError, KafkaError, ProducerFencedError, UnknownError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from stream_monitor.task import Output, Partition

_FENCED = (FencedInstanceIdError, ProducerFencedError)
_MORE = 2.0
"""Seconds beyond a transaction's timeout for which an acknowledgement is waited for."""


class TransactionFailed(Exception):
    """The outcome of a transaction is a failure, or unknown: whoever wrote it must begin anew from what is committed."""


class NameTaken(TransactionFailed):
    """Another replica works under our name, and Kafka lets only the later one go on."""

    def __init__(self, name: str | None) -> None:
        super().__init__(f"another replica has the name {name}: set kafka.instance")


class Outlasted(TransactionFailed):
    """A transaction took longer than it may: Kafka has ended it, and says of us what it says where our name is taken."""

    def __init__(self, name: str | None, seconds: float) -> None:
        text = f"a transaction took {seconds:.0f} s, more than kafka.transaction_timeout, as when a broker was away"
        super().__init__(f"{text}; if none was, another replica may have the name {name}")


def write(
    producer: KafkaProducer,
    records: Iterable[tuple[str, Output]],
    offsets: Mapping[TopicPartition, OffsetAndMetadata],
    member: ConsumerGroupMetadata,
    timeout: float,
) -> dict[Partition, int]:
    """Appends the records to their topics and commits the offsets, both or neither; raises TransactionFailed.

    `timeout` is that of a transaction, in seconds.  Gives the offsets behind what was appended.
    """
    began = monotonic()
    try:
        producer.begin_transaction()
        identity = _identity(producer)
        written = _append(producer, records, timeout + _MORE)
        producer.send_offsets_to_transaction(dict(offsets), member)
        # kafka-python begins a new epoch by itself after some errors; what was written under the old one is aborted.
        if _identity(producer) != identity:
            raise TransactionFailed("the producer lost its epoch within a transaction")
        producer.commit_transaction()
        return written
    except _FENCED as error:
        name, seconds = member.group_instance_id, monotonic() - began
        raise (Outlasted(name, seconds) if seconds > timeout else NameTaken(name)) from error
    except (KafkaError, ValueError) as error:
        raise TransactionFailed(f"a transaction failed: {error!r}") from error


def close(producer: KafkaProducer, timeout: float) -> None:
    """Ends a producer; one that cannot send what it has is ended by force, or it would go on trying."""
    try:
        producer.close(timeout=timeout)
    except KafkaError:
        producer._sender.force_close()


def _append(producer: KafkaProducer, records: Iterable[tuple[str, Output]], timeout: float) -> dict[Partition, int]:
    """Sends the records and sees every one of them acknowledged: a commit may succeed although they are gone."""
    written: dict[Partition, int] = {}
    futures = [
        (topic, producer.send(topic, value=output.value, key=output.key, partition=output.partition))
        for topic, output in records
    ]
    # This is what flush raises when a batch was too large and is under way in parts.
    with suppress(UnknownError):
        producer.flush(timeout)
    for topic, future in futures:
        try:
            stored = future.get(timeout)
            written[Partition(topic, stored.partition)] = stored.offset + 1
        except _FENCED:
            raise
        except KafkaError as error:
            raise TransactionFailed(f"a record for {topic} was not written: {error!r}") from error
    return written


def _identity(producer: KafkaProducer) -> Any:
    return producer._transaction_manager.producer_id_and_epoch
