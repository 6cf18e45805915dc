"""The loopback ports of one Kafka node, and how free ones are found."""

import random
import socket
from typing import NamedTuple


class Ports(NamedTuple):
    """A port for each listener: clients, the broker itself, the controller."""

    client: int
    internal: int
    controller: int


def free_ports(client: int | None = None) -> Ports:
    """Ports that nobody listens on, from below the range that the system gives to outgoing connections."""
    candidates = random.SystemRandom().sample(range(20_000, 32_000), 200)
    free = filter(_is_free, candidates)
    return Ports(client or next(free), next(free), next(free))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
