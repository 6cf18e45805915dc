"""A daemon that kills itself, as `kill -9` does, when it comes to a named point for the n-th time.

python -m tests.kafka.mortal CONFIG.json [TASK POINT N]
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from kafka import KafkaProducer

from consumers import daemon
from consumers.kafka.kafka_log import KafkaLog
from stream_monitor.config.deployment import Config

POINTS = ("reading", "beginning", "sent", "addressed", "committing", "committed", "restoring")


def die() -> NoReturn:
    """Ends this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead")


def doom(task: str, point: str, passes: int) -> None:
    """Lets this process die at a point in a task's loop, at the n-th pass."""
    owner, name, after = {
        "reading": (KafkaLog, "read", False),
        "beginning": (KafkaProducer, "begin_transaction", False),
        "sent": (KafkaProducer, "send_offsets_to_transaction", False),
        "addressed": (KafkaProducer, "send_offsets_to_transaction", True),
        "committing": (KafkaProducer, "commit_transaction", False),
        "committed": (KafkaProducer, "commit_transaction", True),
        "restoring": (KafkaLog, "state", True),
    }[point]
    whole = getattr(owner, name)
    left = [passes]

    def mortal(self: Any, *args: Any) -> Any:
        mine = self.name == task if owner is KafkaLog else f".{task}." in self.config["transactional_id"]
        left[0] -= mine
        last = mine and left[0] == 0
        if last and not after:
            _die_in(point, self)
        result = whole(self, *args)
        if last:
            die()
        return result

    setattr(owner, name, mortal)


def _die_in(point: str, self: Any) -> NoReturn:
    if point == "committing":
        # The request is on its way; whether it arrives is left to chance.
        self._transaction_manager.begin_commit()
        self._sender.wakeup()
    die()


# A child of the daemon imports this as well, under another name, and dies of the same doom if it has the task.
if __name__ in ("__main__", "__mp_main__") and sys.argv[2:]:
    doom(sys.argv[2], sys.argv[3], int(sys.argv[4]))
if __name__ == "__main__":
    sys.exit(daemon.run(Config.model_validate_json(Path(sys.argv[1]).read_bytes())))
