"""Brokers that speak TLS, and want a certificate or a password as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from kafka import TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType
from structlog.testing import capture_logs

from consumers import daemon
from consumers.broker.node import Broker
from consumers.kafka import kafka_client, topics
from consumers.kafka.kafka_client import KafkaUnreachable
from consumers.kafka.kafka_log import KafkaLog
from stream_monitor.config.deployment import Config, Kafka
from stream_monitor.task import Output
from tests.kafka.replica import until

PASSWORD = "a-secret-that-is-long"
AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority's certificate, and a client's, as files."""
    folder = tmp_path_factory.mktemp("tls")
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    other.cert_pem.write_to_path(folder / "other.pem")
    client = authority.issue_cert("monitor@example.org")
    client.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    server = authority.issue_cert("127.0.0.1")
    (folder / "server.key").write_bytes(_pkcs8(server.private_key_pem.bytes()))
    server.cert_chain_pems[0].write_to_path(folder / "server.pem")
    return folder


def _pkcs8(pem: bytes) -> bytes:
    """A private key in the one format that Java reads."""
    key = load_pem_private_key(pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def properties(folder: Path, protocol: str) -> dict[str, str]:
    """What makes a broker's listener for clients speak TLS, with certificates on both sides."""
    named = {
        "keystore.type": "PEM",
        "keystore.certificate.chain": (folder / "server.pem").read_text(),
        "keystore.key": (folder / "server.key").read_text(),
        "truststore.type": "PEM",
        "truststore.certificates": (folder / "authority.pem").read_text(),
        "client.auth": "required",
    }
    protocols = f"CLIENT:{protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
    ours = {f"listener.name.client.ssl.{name}": value for name, value in named.items()}
    return ours | {"listener.security.protocol.map": protocols}


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    """One that wants a certificate and a password, and lets a guest do only what was granted."""
    rights = {"authorizer.class.name": AUTHORIZER, "super.users": "User:monitor;User:ANONYMOUS"}
    users = {"monitor": PASSWORD, "guest": PASSWORD}
    with Broker(sasl=users, properties=properties(folder, "SASL_SSL") | rights) as running:
        yield running


def kafka(broker: Broker, folder: Path, **more: Any) -> Kafka:
    settings = {
        "bootstrap_servers": broker.address, "security_protocol": "SASL_SSL", "ssl_cafile": str(folder / "authority.pem"),
        "ssl_certfile": str(folder / "client.pem"), "ssl_keyfile": str(folder / "client.pem"),
        "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "monitor", "sasl_password": PASSWORD,
        "client": {"bootstrap_timeout_ms": 2_000}, "instance": "one", "session_timeout": "6s",
    }  # fmt: skip
    return Kafka.model_validate(settings | more)


def test_a_log_reads_and_writes_transactions_over_tls(broker: Broker, folder: Path, unique: Callable[[str], str]) -> None:
    config = kafka(broker, folder, group=unique("tls"))
    said, heard = unique("said"), unique("heard")
    with closing(kafka_client.admin(config)) as admin:
        admin.create_topics({said: {"num_partitions": 1}, heard: {"num_partitions": 1}})
    log = KafkaLog(config, "echo", [said], {"alerts": heard})
    producer = kafka_client.producer(config, unique("client"))
    try:
        producer.begin_transaction()
        producer.send(said, b"hello")
        producer.commit_transaction()
        found: list[bytes] = []

        def echoed() -> bool:
            slice = log.read()
            values = [record.value for batch in slice.batches for record in batch.records if record.value]
            log.commit(slice, [Output("alerts", b"", value, 0) for value in values])
            found.extend(values)
            return bool(found)

        until(echoed)
    finally:
        producer.close(timeout=5)
        log.close()
    assert found == [b"hello"]
    with closing(kafka_client.consumer(config)) as consumer:
        place = TopicPartition(heard, 0)
        assert consumer.end_offsets([place])[place] == 2  # the record, and the marker behind it


@pytest.mark.parametrize(
    "wrong",
    [
        {"ssl_cafile": "other.pem"},
        {"ssl_certfile": None, "ssl_keyfile": None},
        {"sasl_password": "another-secret"},
        {"security_protocol": "SASL_PLAINTEXT"},
    ],
)
def test_who_is_not_trusted_or_does_not_trust_is_out_of_reach(
    broker: Broker, folder: Path, wrong: dict[str, str | None]
) -> None:
    files = {key: str(folder / value) if key == "ssl_cafile" and value else value for key, value in wrong.items()}
    with pytest.raises(KafkaUnreachable) as caught:
        kafka_client.admin(kafka(broker, folder, client={"bootstrap_timeout_ms": 1_000}, **files))
    assert "secret" not in str(caught.value)


def reason(config: Config) -> tuple[int, str]:
    """How the daemon ends that cannot start, and why."""
    with capture_logs() as told:
        code = daemon.run(config, only="intake")
    (refused,) = (one for one in told if one["event"] == "cannot_start")
    return code, refused["reason"]


def test_why_it_cannot_start_is_said(broker: Broker, folder: Path, unique: Callable[[str], str]) -> None:
    prefix = unique("guarded")

    def made(**more: str) -> Config:
        stream = {"predictions": {"topic": f"{prefix}.in"}}
        ours = kafka(broker, folder, group=prefix, **more).model_dump(mode="python")
        return Config.model_validate(
            {"topics": {"prefix": f"{prefix}."}, "streams": {"shop": stream}, "kafka": ours, "http": {"port": 0}}
        )

    code, why = reason(made(sasl_password="another-secret"))
    assert code == 4
    assert "SaslAuthenticationFailed" in why
    assert "secret" not in why
    topics.create(made(), include_inputs=True)
    code, why = reason(made(sasl_username="guest"))
    assert code == 1
    assert why.startswith("missing topics, or none that this user may describe: ")
    with closing(kafka_client.admin(made().kafka)) as admin:
        pattern = ResourcePattern(ResourceType.TOPIC, prefix, ACLResourcePatternType.PREFIXED)
        admin.create_acls([ACL("User:guest", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern)])
    granted = made(sasl_username="guest")
    until(lambda: "TransactionalIdAuthorizationFailed" in reason(granted)[1])
    code, why = reason(granted)
    assert code == 1
    assert why.startswith("Kafka refused: ")
    assert "check-config --connect" in why
