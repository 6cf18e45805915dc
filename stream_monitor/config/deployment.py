"""The configuration of a deployment, as a file says it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator

from stream_monitor.config.duration import Duration, parse
from stream_monitor.config.settings import Settings
from stream_monitor.config.stream import Budget, Limits, StreamConfig, StreamRecord

_ADDRESS = re.compile(r"(?:\[[^\]\s]+\]|[^\s:\[\]@]+)(?::(\d{1,5}))?")


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _reachable(servers: tuple[str, ...]) -> tuple[str, ...]:
    if not servers:
        raise ValueError("must not be empty")
    for server in servers:
        found = _ADDRESS.fullmatch(server)
        if found is None or not 0 < int(found[1] or 1) <= 65_535:
            # What stands before an @ may be a password, with commas in it.
            got = "one with an @ (hidden)" if any("@" in one for one in servers) else repr(server)
            raise ValueError(f"a server is HOST:PORT, without a scheme and with a port up to 65535, got {got}")
    return servers


Servers = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_reachable)]


class Kafka(Settings):
    """How to reach the brokers.  Everything in `client` goes to kafka-python as it is."""

    bootstrap_servers: Servers = ("localhost:9092",)
    """Brokers as HOST:PORT, in a list or with commas."""
    group: str = Field("stream-monitor", min_length=1)
    """The name that its consumer groups and transactions begin with."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Whether connections are encrypted, and whether a client says who it is."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] | None = None
    """How a client says who it is."""
    sasl_username: str | None = None
    """For PLAIN and SCRAM."""
    sasl_password: SecretStr | None = None
    """For PLAIN and SCRAM; better in a file or a variable."""
    ssl_cafile: str | None = None
    """Certificates of the authorities to trust, PEM; those of the system unless said."""
    ssl_certfile: str | None = None
    """The certificate of the client, PEM."""
    ssl_keyfile: str | None = None
    """Its key, PEM."""
    ssl_password: SecretStr | None = None
    """Of the key."""
    ssl_check_hostname: bool = True
    """Whether a broker's certificate must be of its name."""
    client: dict[str, Any] = Field(default_factory=dict)
    """Further settings of kafka-python, by its own names."""
    instance: str | None = None
    """The `group_instance_id` of this replica: its host name unless said."""
    session_timeout: Duration = Field(parse("30s"), gt=0)
    """After so long without a sign of life the group gives the partitions of a replica to others."""
    poll_interval: Duration = Field(parse("5m"), gt=0)
    """The longest that a step may take before the group takes a replica for stuck."""
    transaction_timeout: Duration = Field(parse("10s"), gt=0, le=parse("10s"))
    """After so long the broker aborts a transaction that was left open."""
    on_lost_offset: Literal["stop", "skip"] = "stop"
    """Whether the program stops where input is gone before it was read, or says so and goes on."""


class Topics(Settings):
    """The topics of our own."""

    prefix: str = Field("stream-monitor", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    """What the names of these topics begin with."""
    partitions: int = Field(8, ge=1, le=10_000)
    """Of the blocks topic.  Recorded once: changing it means a new prefix."""
    replication_factor: int = Field(-1, ge=-1)
    """-1 is the broker's default."""
    retention: Duration = Field(parse("8d"), gt=0)
    """Of blocks; longer than the program may ever be down."""

    def name(self, channel: str) -> str:
        """The topic of a channel."""
        return f"{self.prefix}.{channel}"


class Http(Settings):
    """Where health, status and metrics are served."""

    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 for all."""
    port: int = Field(9464, ge=0, le=65535)
    """The port to listen at; 0 for any that is free."""


class Logging(Settings):
    """How diagnostics are written."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["auto", "json", "text"] = "auto"
    """Auto is text at a terminal, and JSON elsewhere."""


class DeadLetters(Settings):
    """What dead letters carry."""

    payload: Literal["none", "full"] = "none"
    """Whether they carry the event itself; it may hold what nobody is to see."""


class Config(Settings):
    """A deployment: what it watches and how it reaches the world."""

    deployment: str = Field("default", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    """What this deployment is called in everything that it publishes."""
    revision: int = Field(0, ge=0)
    """Raise it with every change: a replica that meets a newer one exits."""
    start: str = "latest"
    """Where a new group begins: earliest, latest or a time."""
    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    http: Http = Http()
    log: Logging = Logging()
    dead_letters: DeadLetters = DeadLetters()
    limits: Limits = Limits()
    false_alarms: Budget = "1 per 30d"
    """How often all that is watched may raise an alarm though nothing has changed: 1 per 30d, 1 per 100000 predictions."""
    streams: dict[str, StreamConfig] = Field(min_length=1)

    def record(self, name: str) -> StreamRecord:
        """A stream's configuration as it is to stand in the log."""
        sharing = sum(stream.false_alarms is None for stream in self.streams.values())
        config = self.streams[name]
        topics = [stream.labels.topic for stream in self.streams.values() if stream.labels]
        if config.labels and topics.count(config.labels.topic) > 1:  # most are for the other streams
            severity = {"LabelsUnmatched": "none"} | config.quality.severity
            config = config.model_copy(update={"quality": config.quality.model_copy(update={"severity": severity})})
        return StreamRecord(
            revision=self.revision, deployment=self.deployment, config=config, limits=self.limits,
            false_alarms=self.false_alarms, streams=max(1, sharing),
        )  # fmt: skip

    @field_validator("start")
    @classmethod
    def _earliest_latest_or_time(cls, start: str) -> str:
        from datetime import datetime

        if start not in ("earliest", "latest"):
            try:
                datetime.fromisoformat(start)
            except ValueError:
                raise ValueError(f"start must be earliest, latest or an ISO time, got {start!r}") from None
        return start

    @field_validator("streams")
    @classmethod
    def _plain_names(cls, streams: dict[str, StreamConfig]) -> dict[str, StreamConfig]:
        for name in streams:
            if not name or len(name) > 200 or any(c in name for c in "/\x00\n"):
                raise ValueError(f"a stream's name has 1 to 200 characters and no slash, got {name!r}")
        return streams
