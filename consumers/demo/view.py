"""What a demo looks like while it runs: a screen that changes in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.live import Live
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from consumers.demo.events import FIRST_ROW
from consumers.demo.story import Story

_FRAME = 0.1
"""Seconds between screens."""
_LINES = 6
"""Lines of news on the screen."""
_BAR = 18
_COLUMNS: tuple[JustifyMethod, ...] = ("left", "left", "left", "right", "left")


class View:
    """Shows a story as it goes on: on a screen where there is one to draw on, else its news as lines."""

    def __init__(self, console: Console, live: bool) -> None:
        self._console = console
        able = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(console=console, auto_refresh=False) if live and able else None
        self._news: deque[str] = deque(maxlen=_LINES)
        self._shown = 0.0

    def show(self, story: Story, lines: Sequence[str]) -> None:
        """Shows what is new; a screen only where the last one is old enough."""
        self._news.extend(lines)
        if self._live is None:
            for line in lines:
                self._console.print(line, soft_wrap=True, markup=False)
        elif lines or time.monotonic() - self._shown >= _FRAME:
            self._shown = time.monotonic()
            self._live.update(screen(story, list(self._news)), refresh=True)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()


def screen(story: Story, news: Sequence[str]) -> RenderableType:
    """The whole screen: 20 lines for the demo's seven signals."""
    return Group(_head(story), Panel(_signals(story), title="signals", padding=(0, 1)), _labels(story), _news(news))


class Bar:
    """A value against its threshold, which stands at two thirds of the width."""

    def __init__(self, value: float | None, threshold: float | None, width: int, firing: bool) -> None:
        self._full, self._width = _share(value, threshold), width
        self._style = "red" if firing else "green"

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self._width, self._width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        full, empty, mark = "#.|" if options.ascii_only else "█·│"
        cells = [full if i < round(self._full * self._width) else empty for i in range(self._width)]
        cells[2 * self._width // 3] = mark
        yield Text("".join(cells), self._style)


def _head(story: Story) -> Table:
    clock = (story.status.get("clock") or "")[:16].replace("T", " ")
    rows = Table.grid(expand=True)
    rows.add_column()
    rows.add_column(justify="right")
    rows.add_row(Text("Stream Monitor: a loan model", "bold"), f"event time {clock}")
    sent = f"{story.predictions:,} predictions, {story.labels:,} labels"
    rows.add_row(sent, f"row {FIRST_ROW + story.predictions:,}, {story.rate:,.0f} events/s")
    return rows


def _signals(story: Story) -> RenderableType:
    readings = story.status.get("signals", [])
    if not readings:
        return _warming_up(story)
    table = Table.grid(padding=(0, 1))
    for justify in _COLUMNS:
        table.add_column(justify=justify, no_wrap=True)
    for reading in readings:
        table.add_row(*_reading(reading))
    return table


def _warming_up(story: Story) -> RenderableType:
    rows, wanted = max(((one["rows"], one["wanted"]) for one in story.status.get("warming_up", {}).values()), default=(0, 0))
    return f"learning the reference: {rows:,} of {wanted:,} rows"


def _reading(reading: dict[str, Any]) -> tuple[RenderableType, ...]:
    statistic, threshold, firing = reading["statistic"], reading["threshold"], reading["firing"]
    against = f"{_number(statistic)} / {_number(threshold)}"
    state = Text("DRIFT", "bold red") if firing else Text("ok", "green")
    return reading["name"], Text(reading["detector"], "dim"), Bar(statistic, threshold, _BAR, firing), against, state


def _labels(story: Story) -> Table:
    (now, before), labels = story.accuracy, story.metrics.get("labels", {})
    table = Table.grid(expand=True)
    for _ in range(3):
        table.add_column()
    table.add_row(
        f"accuracy {_percent(now)} (reference {_percent(before)}, expected {_percent(story.expected)})",
        f"label delay {_days(labels.get('delay_p50_s'))}, p95 {_days(labels.get('delay_p95_s'))}",
        f"coverage {_percent(labels.get('coverage'))}",
    )
    return table


def _news(news: Sequence[str]) -> Panel:
    lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in news]
    lines += [Text("")] * (_LINES - len(lines))
    return Panel(Group(*lines), title="alerts and retrain requests", padding=(0, 1))


def _share(value: float | None, threshold: float | None) -> float:
    if value is None or not threshold:
        return 0.0
    return min(1.0, max(0.0, value / threshold * 2 / 3))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _days(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 86_400:.1f} d"
