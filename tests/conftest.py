"""What every test may ask for: one real broker for the whole run, and names and topics of its own."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from kafka.admin import KafkaAdminClient
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from consumers.broker.node import Broker

_RUN = secrets.token_hex(3)
_NUMBERS = itertools.count(1)


_TOGETHER = {
    "broker": ("tests/cli/test_cli.py", "tests/demo/", "tests/kafka/", "tests/test_broker.py"),
    "contract": ("tests/detectors/test_contract.py",),
}
"""Tests that run in one process, in the order in which they begin: those with a broker wait a lot, and share it."""


class _LongestFirst(LoadScopeScheduling):  # type: ignore[misc]
    """Tests that share a broker or what they compute run in one process; the others wherever there is time, after them."""

    def _split_scope(self, nodeid: str) -> str:
        return next((name for name, tests in _TOGETHER.items() if nodeid.startswith(tests)), nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        for name in reversed(_TOGETHER):
            if name in self.workqueue:
                self.workqueue.move_to_end(name, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Marks of groups have no effect with pytest 9.2 and pytest-xdist 3.8."""
    return _LongestFirst(config, log)


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
