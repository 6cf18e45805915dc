"""What the demo looks like, on the smallest terminals too."""

from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

from rich.console import Console

from consumers.demo.story import Story
from consumers.demo.view import View, screen

NEWS = [f"2019-04-01 03:1{i}  warning   car_value 29,877 -> 46,078 (+0.79 sd)" for i in range(6)]


def reading(name: str, statistic: float | None, firing: bool = False) -> dict[str, Any]:
    kind = name if name in ("score", "loss") else "feature"
    known = {"signal": kind, "name": name, "version": "", "detector": "page_hinkley"}
    return known | {"statistic": statistic, "threshold": 0.126, "firing": firing}


def story(*readings: dict[str, Any]) -> Story:
    status = {"clock": "2019-04-01T03:16:00.000Z", "signals": list(readings)}
    return Story(predictions=15_000, labels=13_000, status=status)


FULL = story(
    *(reading(name, 0.1) for name in ("debt_to_income_ratio", "driver_tenure", "loan_length", "score", "loss", "loss")),
    reading("car_value", 0.4, firing=True),
)


def rendered(console: Console, shown: Story) -> str:
    with console.capture() as capture:
        console.print(screen(shown, NEWS))
    return capture.get()


def test_the_screen_fits_a_terminal_of_80_columns_and_24_lines() -> None:
    lines = rendered(Console(width=80, file=StringIO()), FULL).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)


def test_a_bar_passes_its_mark_when_the_statistic_passes_the_threshold() -> None:
    quiet, loud = (rendered(Console(width=80, file=StringIO()), story(reading("car_value", value))) for value in (0.12, 0.16))
    assert "█│█" not in quiet
    assert "█│█" in loud


def test_a_signal_without_a_statistic_has_an_empty_bar() -> None:
    assert "█" not in rendered(Console(width=80, file=StringIO()), story(reading("car_value", None)))


def test_the_screen_shows_how_far_the_reference_is_before_there_are_signals() -> None:
    learning = Story(status={"clock": None, "signals": [], "warming_up": {"features": {"rows": 1_200, "wanted": 2_000}}})
    assert "learning the reference: 1,200 of 2,000 rows" in rendered(Console(width=80, file=StringIO()), learning)


def test_a_terminal_that_knows_only_ascii_gets_only_ascii() -> None:
    console = Console(width=80, file=TextIOWrapper(BytesIO(), encoding="ascii"))
    assert rendered(console, FULL).isascii()


def test_no_color_is_respected() -> None:
    coloured = Console(width=80, file=StringIO(), force_terminal=True, color_system="standard", _environ={})
    plain = Console(width=80, file=StringIO(), force_terminal=True, color_system="standard", _environ={"NO_COLOR": "1"})
    assert "31m" in rendered(coloured, FULL)
    assert "31m" not in rendered(plain, FULL)


def test_where_there_is_no_terminal_news_are_plain_lines_and_nothing_else() -> None:
    out = StringIO()
    with View(Console(file=out), live=True) as view:
        view.show(FULL, NEWS)
        view.show(FULL, [])
    assert out.getvalue().splitlines() == NEWS
