"""Plays the events of the demo into the topics of a Kafka that is there."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from kafka import KafkaProducer

from consumers.demo.events import TOGETHER, DemoEvent, batches, events
from consumers.kafka import kafka_client
from stream_monitor.config.config_file import load
from stream_monitor.config.deployment import Config


class Feed:
    """Writes events to the topics that the configuration's first stream is watched on."""

    def __init__(self, config: Config) -> None:
        (_, stream), *_ = config.streams.items()
        self._topics = {"predictions": stream.predictions.topic, "labels": stream.labels.topic if stream.labels else None}
        with kafka_client.reaching(config.kafka):
            self._producer = KafkaProducer(
                bootstrap_servers=list(config.kafka.bootstrap_servers), acks="all", compression_type="lz4", linger_ms=10
            )

    def send(self, events: Sequence[DemoEvent]) -> None:
        """Hands events over to be written."""
        for event in events:
            topic = self._topics[event.kind]
            if topic is not None:
                self._producer.send(topic, value=event.value, key=event.key)

    def flush(self) -> None:
        """Returns when all are written."""
        self._producer.flush()

    def close(self) -> None:
        """Writes what is left and ends the connection."""
        self._producer.close()


def feed(config: Config, speed: float) -> None:
    """Plays the whole demo, `speed` predictions a second, to whoever watches the topics."""
    with closing(Feed(config)) as sink:
        begin = time.monotonic()
        for count, together in enumerate(batches(events())):
            time.sleep(max(0.0, begin + count * TOGETHER / speed - time.monotonic()))
            sink.send(together)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of the above."""
    asked = parser().parse_args(arguments)
    feed(load(asked.config), asked.speed)


def parser() -> argparse.ArgumentParser:
    """What `python -m consumers.demo.feed` takes."""
    options = argparse.ArgumentParser(prog="python -m consumers.demo.feed", description=__doc__)
    options.add_argument("-c", "--config", type=Path, required=True, help="a configuration that names broker and topics")
    options.add_argument("--speed", type=float, default=500.0, help="predictions a second (default: 500)")
    return options


if __name__ == "__main__":
    main()
