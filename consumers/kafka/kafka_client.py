"""How every Kafka client of ours is made: the configuration as kafka-python's settings, and one error for "out of reach"."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    SaslAuthenticationFailedError,
)
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from stream_monitor.config.deployment import Kafka
from stream_monitor.logs import overheard

_OURS = {
    "auto_offset_reset",
    "bootstrap_servers",
    "enable_auto_commit",
    "enable_idempotence",
    "acks",
    "group_id",
    "group_instance_id",
    "isolation_level",
    "key_deserializer",
    "key_serializer",
    "partitioner",
    "transactional_id",
    "transaction_timeout_ms",
    "value_deserializer",
    "value_serializer",
}
_CLIENTS = (KafkaConsumer, KafkaProducer, KafkaAdminClient)
_KINDS: dict[type, tuple[str, tuple[type, ...]]] = {
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("a text", (str,)),
}
"""What a setting of kafka-python may be whose default is of a type."""
_UNSAID: dict[str, type] = {
    "compression_type": str,
    "proxy_url": str,
    "receive_buffer_bytes": int,
    "sasl_kerberos_domain_name": str,
    "sasl_kerberos_name": str,
    "sasl_mechanism": str,
    "sasl_plain_password": str,
    "sasl_plain_username": str,
    "send_buffer_bytes": int,
    "socks5_proxy": str,
    "ssl_cafile": str,
    "ssl_certfile": str,
    "ssl_ciphers": str,
    "ssl_crlfile": str,
    "ssl_keyfile": str,
    "ssl_password": str,
}
"""What those are that have no default; they may be null.  Of any other the default says nothing."""
_UNREACHABLE = (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    SaslAuthenticationFailedError,
    OSError,
)
# At the level of debug they tell passwords: with the settings, or as the bytes that are sent.
for _talkative in ("admin.client", "net.connection", "net.manager", "net.sasl.oauth", "net.transport", "protocol.parser"):
    logging.getLogger(f"kafka.{_talkative}").addFilter(lambda record: record.levelno > logging.DEBUG)
# It warns of every turn over a tenth of a second, as there is one whenever the process has other work.
logging.getLogger("kafka.net.selector").addFilter(lambda record: "blocking the event loop" not in record.getMessage())


def _with_last_words(receive: Callable[[Any], tuple[bytes, Any]]) -> Callable[[Any], tuple[bytes, Any]]:
    """What came before a connection ended is read first: kafka-python drops it, as why a broker refuses a password."""

    def received(transport: Any) -> tuple[bytes, Any]:
        data, error = receive(transport)
        return data, None if data else error

    return received


for _transport in (KafkaTCPTransport, KafkaSSLTransport):
    _transport._sock_recv = _with_last_words(_transport._sock_recv)


class KafkaUnreachable(Exception):
    """No broker answers, or none lets us in."""


def consumer(kafka: Kafka, **ours: Any) -> KafkaConsumer:
    """A consumer of bytes, read committed, that commits nothing by itself."""
    defaults = {
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "fetch_max_bytes": 16_000_000,
        "fetch_max_wait_ms": 200,
        "isolation_level": "read_committed",
        "metadata_max_age_ms": 60_000,
        "request_timeout_ms": 30_000,
    }
    return _made(KafkaConsumer, kafka, defaults, ours)


def producer(kafka: Kafka, transactional_id: str) -> KafkaProducer:
    """A transactional producer, with its former lives' transactions ended."""
    timeout = kafka.transaction_timeout // 1000
    defaults = {
        "batch_size": 262_144,
        "compression_type": "lz4",
        # Records of a transaction that is over by then can only be lost.
        "delivery_timeout_ms": timeout + 1_000,
        "linger_ms": 10,
        "max_block_ms": 30_000,
        "max_request_size": 12_000_000,
        "request_timeout_ms": timeout,
        # Two transactions back to back cost 108 ms with the default, 7 ms with this.
        "retry_backoff_ms": 2,
    }
    ours = {"acks": "all", "transactional_id": transactional_id, "transaction_timeout_ms": timeout}
    made = _made(KafkaProducer, kafka, defaults, ours)
    with reaching(kafka):
        made.init_transactions()
    return made


def teller(kafka: Kafka) -> KafkaProducer:
    """A producer without transactions, for a control event now and then."""
    return _made(KafkaProducer, kafka, {"max_block_ms": 10_000}, {"acks": "all"})


def admin(kafka: Kafka) -> KafkaAdminClient:
    """A client for topics and offsets."""
    return _made(KafkaAdminClient, kafka, {"request_timeout_ms": 30_000}, {})


def instance(kafka: Kafka) -> str:
    """The name of this replica: the same after a restart, and no other replica's."""
    return kafka.instance or socket.gethostname()


def check(kafka: Kafka) -> None:
    """Raises ValueError where `kafka.client` has settings that are unknown, ours to make, or of a wrong type."""
    if wrong := problems(kafka):
        raise ValueError("; ".join(f"{key} {what}" for key, what in wrong))


def problems(kafka: Kafka) -> list[tuple[str, str]]:
    """What is wrong with `kafka.client`, by key, without what it holds."""
    found = ((key, _wrong(key, value)) for key, value in kafka.client.items())
    return [(f"kafka.client.{key}", what) for key, what in found if what is not None]


@contextmanager
def reaching(kafka: Kafka) -> Iterator[None]:
    """Turns every way of not getting through to a broker into KafkaUnreachable, which says what each connection ended of."""
    with overheard("kafka.net.connection") as said:
        try:
            yield
        except _UNREACHABLE as error:
            servers = ",".join(kafka.bootstrap_servers)
            reasons = "; ".join(filter(None, dict.fromkeys(text.partition("Connection lost: ")[2] for text in said)))
            what = f"Kafka at {servers} is out of reach: {error or type(error).__name__}"
            raise KafkaUnreachable(f"{what} ({reasons})" if reasons else what) from error


def _wrong(key: str, value: object) -> str | None:
    if key in _OURS:
        return "is not free: the guarantees rest on it"
    defaults = [client.DEFAULT_CONFIG[key] for client in _CLIENTS if key in client.DEFAULT_CONFIG]
    if not defaults:
        return "is no setting of kafka-python"
    if value is None and key in _UNSAID:
        return None
    for kind in [_UNSAID[key]] if key in _UNSAID else map(type, defaults):
        wanted, types = _KINDS.get(kind, ("", (type(value),)))
        if type(value) not in types:
            return f"must be {wanted}, not {_kind(value)}"
    return None


def _kind(value: object) -> str:
    """What a value is, without what it holds."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return "nothing" if value is None else _KINDS[type(value)][0]


def _made(client: Any, kafka: Kafka, defaults: dict[str, Any], ours: dict[str, Any]) -> Any:
    check(kafka)
    common = {
        "allow_auto_create_topics": False,
        "bootstrap_timeout_ms": 15_000,
        "metrics_enabled": False,
        "reconnect_backoff_max_ms": 1_000,
    }
    settings = common | defaults | _connection(kafka) | kafka.client | ours
    with reaching(kafka):
        return client(**{key: value for key, value in settings.items() if key in client.DEFAULT_CONFIG})


def _connection(kafka: Kafka) -> dict[str, Any]:
    settings = {
        "bootstrap_servers": list(kafka.bootstrap_servers),
        "security_protocol": kafka.security_protocol,
        "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_plain_username": kafka.sasl_username,
        "sasl_plain_password": kafka.sasl_password and kafka.sasl_password.get_secret_value(),
        "ssl_cafile": kafka.ssl_cafile,
        "ssl_certfile": kafka.ssl_certfile,
        "ssl_keyfile": kafka.ssl_keyfile,
        "ssl_password": kafka.ssl_password and kafka.ssl_password.get_secret_value(),
        "ssl_check_hostname": kafka.ssl_check_hostname,
    }
    return {key: value for key, value in settings.items() if value is not None}
