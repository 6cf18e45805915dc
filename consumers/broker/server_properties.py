"""What a one-node Kafka on a small machine is told: the lines of its server.properties."""

from collections.abc import Mapping
from pathlib import Path

from consumers.broker.ports import Ports

_SMALL: dict[str, str | int] = {
    "auto.create.topics.enable": "false",
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
    # A killed broker is let back in only when its former self has been silent for this long.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    # The 128 MB of the default run a small heap out of memory.
    "log.cleaner.dedupe.buffer.size": 2_097_152,
    "num.network.threads": 2,
    "num.io.threads": 2,
}


def server_properties(ports: Ports, logs: Path, advertised: str, users: Mapping[str, str]) -> dict[str, str | int]:
    """The settings of one node; with users (name to password) the client listener asks for one of them."""
    client = "SASL_PLAINTEXT" if users else "PLAINTEXT"
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "listeners": ",".join(f"{name.upper()}://127.0.0.1:{port}" for name, port in ports._asdict().items()),
        "advertised.listeners": f"CLIENT://{advertised},INTERNAL://127.0.0.1:{ports.internal}",
        "listener.security.protocol.map": f"CLIENT:{client},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(logs.absolute()),
        **_SMALL,
        **(_sasl(users) if users else {}),
    }


def lines(properties: Mapping[str, str | int]) -> str:
    """The properties as the text of a .properties file."""
    return "".join(f"{key}={_escaped(str(value))}\n" for key, value in properties.items())


def _sasl(users: Mapping[str, str]) -> dict[str, str | int]:
    accounts = " ".join(f"user_{user}={_quoted(password)}" for user, password in users.items())
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.client.plain.sasl.jaas.config": (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {accounts};"
        ),
        "listener.name.client.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.client.scram-sha-512.sasl.jaas.config": scram,
    }


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
