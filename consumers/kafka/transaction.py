"""Writes records and the offsets that caused them in one Kafka transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import FencedInstanceIdError, KafkaError, ProducerFencedError, UnknownError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from stream_monitor.task import Output

_FENCED = (FencedInstanceIdError, ProducerFencedError)


class TransactionFailed(Exception):
    """The outcome of a transaction is a failure, or unknown: whoever wrote it must begin anew from what is committed."""


class NameTaken(TransactionFailed):
    """Another replica works under our name, and Kafka lets only the later one go on."""

    def __init__(self, name: str | None, error: KafkaError) -> None:
        # Kafka may say the same of a producer whose transaction it has ended.
        otherwise = "; if none has, a transaction outlasted kafka.transaction_timeout"
        more = otherwise if isinstance(error, ProducerFencedError) else ""
        super().__init__(f"another replica has the name {name}: set kafka.instance{more}")


def write(
    producer: KafkaProducer,
    records: Iterable[tuple[str, Output]],
    offsets: Mapping[TopicPartition, OffsetAndMetadata],
    member: ConsumerGroupMetadata,
    timeout: float,
) -> None:
    """Appends the records to their topics and commits the offsets, both or neither; raises TransactionFailed."""
    try:
        producer.begin_transaction()
        identity = _identity(producer)
        _append(producer, records, timeout)
        producer.send_offsets_to_transaction(dict(offsets), member)
        # kafka-python begins a new epoch by itself after some errors; what was written under the old one is aborted.
        if _identity(producer) != identity:
            raise TransactionFailed("the producer lost its epoch within a transaction")
        producer.commit_transaction()
    except _FENCED as error:
        raise NameTaken(member.group_instance_id, error) from error
    except (KafkaError, ValueError) as error:
        raise TransactionFailed(f"a transaction failed: {error!r}") from error


def close(producer: KafkaProducer, timeout: float) -> None:
    """Ends a producer; one that cannot send what it has is ended by force, or it would go on trying."""
    try:
        producer.close(timeout=timeout)
    except KafkaError:
        producer._sender.force_close()


def _append(producer: KafkaProducer, records: Iterable[tuple[str, Output]], timeout: float) -> None:
    """Sends the records and sees every one of them acknowledged: a commit may succeed although they are gone."""
    futures = [
        (topic, producer.send(topic, value=output.value, key=output.key, partition=output.partition))
        for topic, output in records
    ]
    # This is what flush raises when a batch was too large and is under way in parts.
    with suppress(UnknownError):
        producer.flush(timeout)
    for topic, future in futures:
        try:
            future.get(timeout)
        except _FENCED:
            raise
        except KafkaError as error:
            raise TransactionFailed(f"a record for {topic} was not written: {error!r}") from error


def _identity(producer: KafkaProducer) -> Any:
    return producer._transaction_manager.producer_id_and_epoch
