"""What every test may ask for: one real broker for the whole run, and names and topics of its own."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from kafka.admin import KafkaAdminClient

from consumers.broker.node import Broker

_RUN = secrets.token_hex(3)
_NUMBERS = itertools.count(1)


_BY_BROKER = ("tests/kafka/", "tests/demo/", "tests/test_broker.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets all tests that have to do with a broker run in one process, beside the others, if told before processes are chosen."""
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()) or item.nodeid.startswith(_BY_BROKER):
            item.add_marker(pytest.mark.xdist_group("broker"))


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A real Kafka that all tests share: leave it running, and start your own to break one."""
    with Broker(properties={"group.min.session.timeout.ms": 500, "message.max.bytes": 16_000_000}) as running:
        yield running


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes a name that no other test has, for a group, a topic or a prefix: `unique("group")`."""
    return lambda name: f"{name}-{_RUN}-{next(_NUMBERS)}"


@pytest.fixture
def topic(broker: Broker, unique: Callable[[str], str]) -> Callable[..., str]:
    """Creates a topic on the shared broker and gives its unique name: `topic("labels", partitions=4, retention_ms=1000)`."""

    def created(name: str = "topic", partitions: int = 1, **settings: str | int) -> str:
        return create_topic(broker.address, unique(name), partitions, **settings)

    return created


def create_topic(address: str, name: str, partitions: int = 1, **settings: str | int) -> str:
    """Creates a topic, waits until it can be used, and gives its name; settings are Kafka's, with underscores for dots."""
    configs = {key.replace("_", "."): str(value) for key, value in settings.items()}
    with closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
        admin.create_topics({name: {"num_partitions": partitions, "configs": configs}}, wait_for_metadata=True)
    return name
