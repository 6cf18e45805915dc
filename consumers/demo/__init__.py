"""The demonstration: real data with a known change through the real program, and what it finds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager

from rich.console import Console

from consumers.broker.jars import BrokerUnavailable
from consumers.demo.embedded import Embedded
from consumers.demo.events import DATA, DemoEvent, batches, events
from consumers.demo.story import Story
from consumers.demo.summary import summary
from consumers.demo.view import View
from consumers.demo.world import World
from stream_monitor.config.config_file import load
from stream_monitor.config.deployment import Config

SPEED = 1_000.0
"""Predictions a second."""
KAFKA_SPEED = 1_000.0
"""The most through Kafka: days take a sixth of a second then, and faster ones would not be read in order."""


def demo(kafka: bool = False, speed: float = SPEED, live: bool = True) -> int:
    """Plays the demo at `speed` predictions a second (`inf`: as fast as it goes) and says what was found; an exit code."""
    console = Console(highlight=False)
    try:
        with _world(kafka, console) as world, View(console, live) as view:
            story = play(world, events(), min(speed, KAFKA_SPEED) if kafka else speed, view)
    except BrokerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    console.print(summary(story, kafka), soft_wrap=True, markup=False)
    return 0 if story.found("car_value") else 1


def play(world: World, sent: Iterable[DemoEvent], speed: float, view: View) -> Story:
    """Sends events to a world at a speed and follows what it makes of them."""
    story, begin = Story(), time.monotonic()
    for together in batches(sent):
        world.send(together)
        story.sent(together)
        _follow(world, story, view)
        time.sleep(max(0.0, begin + story.predictions / speed - time.monotonic()))
    while not world.drained(story.predictions, story.labels):
        _follow(world, story, view)
    _follow(world, story, view)
    return story


def configuration() -> Config:
    """The configuration of the demo, as its file says it."""
    return load(DATA / "monitor.yaml", {})


def _world(kafka: bool, console: Console) -> AbstractContextManager[World]:
    if not kafka:
        return Embedded(configuration())
    from consumers.demo.on_kafka import OnKafka

    console.print("Starting a Kafka of its own; the first time downloads 43 MB.")
    return OnKafka(configuration())


def _follow(world: World, story: Story, view: View) -> None:
    story.status = world.status()
    view.show(story, [line for event in world.published() if (line := story.take(event))])
