"""Causes are the segments that have risen where others have not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from stream_monitor.performance.explanation import Counts, causes, rose_at_first

REGIONS, DEVICES = ("eu", "us", "asia"), ("ios", "android", "web")
Rate = Callable[[str, str], float]


def counts(before: Rate, after: Rate, rows: int = 900) -> tuple[list[Counts], Counts]:
    """Regions, devices and their crossings, as many rows in each crossing before as after, errors at exact rates."""
    cells = {
        (region, device): Counts("", rows, round(rows * before(region, device)), rows, round(rows * after(region, device)))
        for region, device in product(REGIONS, DEVICES)
    }
    segments = [added(f"region={name}", [cell for (region, _), cell in cells.items() if region == name]) for name in REGIONS]
    segments += [added(f"device={name}", [cell for (_, device), cell in cells.items() if device == name]) for name in DEVICES]
    segments += [cell._replace(segment=f"region={region},device={device}") for (region, device), cell in cells.items()]
    return segments, added("", list(cells.values()))


def added(name: str, cells: list[Counts]) -> Counts:
    return Counts(name, *(sum(column) for column in list(zip(*cells))[1:5]))


def found(before: Rate, after: Rate, rows: int = 900) -> list[str]:
    return [cause.segment for cause in causes(*counts(before, after, rows))]


def usual(region: str, device: str) -> float:
    return 0.1


def test_one_segment_that_fell_explains_everything() -> None:
    (cause,) = causes(*counts(usual, lambda region, device: 0.3 if region == "eu" else 0.1))
    assert cause.segment == "region=eu"
    assert (cause.before, cause.after, cause.n_after) == (0.1, 0.3, 2700)
    assert cause.share == pytest.approx(1)
    assert cause.z > 10


def test_where_all_fell_alike_no_segment_is_a_cause() -> None:
    assert found(usual, lambda region, device: 0.3) == []
    assert found(usual, lambda region, device: 0.35 if region == "eu" else 0.3) == []
    worse = {"eu": 0.6, "us": 0.3, "asia": 0.3}
    assert found(lambda region, device: worse[region] - 0.2, lambda region, device: worse[region]) == []


def test_a_crossing_that_fell_is_named_in_place_of_what_it_lies_in() -> None:
    assert found(usual, lambda region, device: 0.5 if (region, device) == ("eu", "ios") else 0.1) == ["region=eu,device=ios"]


def test_two_crossings_of_a_segment_are_named_in_place_of_it() -> None:
    after = lambda region, device: 0.5 if region == "eu" and device != "web" else 0.1  # noqa: E731
    assert found(usual, after) == ["region=eu,device=android", "region=eu,device=ios"]


def test_a_segment_that_fell_is_named_in_place_of_its_crossings() -> None:
    alike, unlike = {"ios": 0.5, "android": 0.4, "web": 0.45}, {"ios": 0.6, "android": 0.2, "web": 0.2}
    assert found(usual, lambda region, device: alike[device] if region == "eu" else 0.1) == ["region=eu"]
    assert found(usual, lambda region, device: unlike[device] if region == "eu" else 0.1) == ["region=eu"]


def test_crossings_that_are_known_remain_until_what_is_beside_them_has_risen_beyond_doubt() -> None:
    def named(beside: int, *known: str) -> list[str]:
        eu = [Counts("region=eu,device=ios", 160, 16, 24, 14), Counts("region=eu,device=web", 320, 32, 40, beside)]
        rest = [Counts("region=us,device=ios", 320, 32, 40, 4), Counts("region=us,device=web", 640, 64, 80, 8)]
        segments = [*eu, *rest, added("region=eu", eu), added("region=us", rest)]
        return [cause.segment for cause in causes(segments, added("", [*eu, *rest]), known=known)]

    whole, part = "region=eu", "region=eu,device=ios"
    assert named(4) == named(4, whole) == named(4, part) == [part]
    assert named(8) == named(8, whole) == [whole]
    assert named(8, part) == [part]
    assert named(16, part) == [whole]


def test_a_segment_that_is_known_remains_while_it_is_not_clear_that_only_crossings_of_it_have_risen() -> None:
    after = lambda region, device: {"ios": 0.6, "android": 0.5, "web": 0.135}[device] if region == "eu" else 0.1  # noqa: E731
    segments, total = counts(usual, after)
    crossings = ["region=eu,device=ios", "region=eu,device=android"]
    assert [cause.segment for cause in causes(segments, total)] == crossings
    assert [cause.segment for cause in causes(segments, total, known=crossings)] == crossings
    assert [cause.segment for cause in causes(segments, total, known=["region=eu"])] == ["region=eu"]


def test_a_crossing_with_too_few_rows_to_be_sure_of_does_not_split_its_segment() -> None:
    cells = [
        Counts("region=br,device=ios", 240, 24, 240, 72), Counts("region=br,device=web", 60, 6, 60, 15),
        Counts("region=us,device=ios", 2000, 200, 2000, 200), Counts("region=us,device=web", 2000, 200, 2000, 200),
    ]  # fmt: skip
    segments = [*cells, added("region=br", cells[:2]), added("region=us", cells[2:])]
    assert [cause.segment for cause in causes(segments, added("", cells))] == ["region=br"]


def test_chance_differences_within_what_fell_alike_are_no_causes() -> None:
    rng, named = np.random.default_rng(3), 0
    for _ in range(200):
        segments = [
            Counts(f"store={i}", 150, float(rng.binomial(150, 0.1)), 150, float(rng.binomial(150, 0.2))) for i in range(40)
        ]
        named += bool(causes(segments, added("", segments)))
    assert named <= 200 * 0.03


def test_a_mixture_of_what_fell_and_what_did_not_is_no_cause() -> None:
    segments = [
        Counts("currency=EUR", 4000, 400, 4000, 1200), Counts("currency=USD", 4000, 400, 4000, 600),
        Counts("currency=GBP", 150, 15, 150, 36),
    ]  # fmt: skip
    assert [cause.segment for cause in causes(segments, added("", segments))] == ["currency=EUR"]


def test_two_segments_that_fell_are_named_by_how_much_they_explain() -> None:
    after = {"eu": 0.5, "us": 0.3, "asia": 0.1}
    first, second = causes(*counts(usual, lambda region, device: after[region]))
    assert [first.segment, second.segment] == ["region=eu", "region=us"]
    assert [first.share, second.share] == pytest.approx([2 / 3, 1 / 3])


def test_a_segment_that_fell_less_than_another_is_named_after_it() -> None:
    segments = [
        Counts("region=eu", 3600, 612, 1800, 630), Counts("region=us", 4800, 816, 2400, 528),
        Counts("region=asia", 2400, 408, 1200, 204), Counts("region=latam", 1200, 204, 600, 102),
    ]  # fmt: skip
    assert [cause.segment for cause in causes(segments, added("", segments))] == ["region=eu", "region=us"]


def test_where_one_segment_fell_chance_names_no_other_after_it() -> None:
    rng, named = np.random.default_rng(4), 0
    for _ in range(200):
        sizes = rng.integers(200, 1200, 10)
        before, after = rng.binomial(sizes, 0.17), rng.binomial(sizes, [0.5, *[0.17] * 9])
        segments = [
            Counts(f"store={i}", *map(float, one)) for i, one in enumerate(zip(sizes, before, sizes, after, strict=True))
        ]
        named += [cause.segment for cause in causes(segments, added("", segments))] != ["store=0"]
    assert named <= 200 * 0.02


def test_a_segment_that_got_better_is_no_cause() -> None:
    after = {"eu": 0.5, "us": 0.05, "asia": 0.1}
    assert found(usual, lambda region, device: after[region]) == ["region=eu"]


def test_a_segment_that_stayed_as_it_was_is_no_cause_where_another_got_better() -> None:
    segments = [
        Counts("region=eu", 1000, 100, 1000, 400), Counts("region=us", 8000, 800, 8000, 810),
        Counts("region=asia", 1000, 290, 1000, 10),
    ]  # fmt: skip
    assert [cause.segment for cause in causes(segments, added("", segments))] == ["region=eu"]


def test_a_segment_that_fails_altogether_where_nothing_ever_failed_is_a_cause() -> None:
    assert found(lambda region, device: 0.0, lambda region, device: 1.0 if region == "eu" else 0.0) == ["region=eu"]


def test_a_total_that_did_not_rise_has_no_causes() -> None:
    after = {"eu": 0.2, "us": 0.0, "asia": 0.0}
    assert found(usual, lambda region, device: after[region]) == []
    assert causes([], Counts("", 10, 1, 10, 9)) == []


def test_a_bystander_with_more_of_the_fallen_rows_is_no_cause() -> None:
    """Half of the rows of ios are of eu, and a quarter of the others: ios rises twice as much as they do, by eu alone."""
    segments = [
        Counts("region=eu", 3000, 300, 3000, 1200), Counts("region=us", 6000, 600, 6000, 600),
        Counts("device=ios", 3000, 300, 3000, 690), Counts("device=web", 6000, 600, 6000, 1110),
    ]  # fmt: skip
    assert [cause.segment for cause in causes(segments, Counts("", 9000, 900, 9000, 1800))] == ["region=eu"]


def test_a_segment_that_is_new_is_compared_with_all_rows_before() -> None:
    segments = [Counts("region=eu", 5000, 500, 5000, 500), Counts("region=br", 0, 0, 1000, 600)]
    (cause,) = causes(segments, Counts("", 5000, 500, 6000, 1100))
    assert (cause.segment, cause.before, cause.after) == ("region=br", 0.1, 0.6)
    assert cause.share == pytest.approx(1)


def test_a_segment_that_is_as_good_as_new_is_named_though_a_few_of_its_rows_count_as_before() -> None:
    def named(before: int) -> list[str]:
        segments = [
            Counts("region=br", before, before // 2, 330, 165), Counts("region=eu", 740, 91, 380, 47),
            Counts("region=us", 740, 91, 380, 47),
        ]  # fmt: skip
        return [cause.segment for cause in causes(segments, added("", segments))]

    assert named(2) == named(16) == named(40) == ["region=br"]
    assert named(120) == []


def test_the_crossing_of_a_new_segment_that_fails_is_named_in_place_of_it() -> None:
    new = [Counts("region=br,device=ios", 0, 0, 200, 160), Counts("region=br,device=web", 0, 0, 200, 20)]
    old = [Counts("region=eu,device=ios", 2000, 200, 2000, 200), Counts("region=eu,device=web", 2000, 200, 2000, 200)]
    segments = [*new, *old, added("region=br", new), added("region=eu", old)]
    assert [cause.segment for cause in causes(segments, added("", [*new, *old]))] == ["region=br,device=ios"]


def test_a_handful_of_rows_proves_nothing() -> None:
    few, rest = Counts("region=mt", 10, 1, 12, 9), Counts("region=eu", 5000, 500, 5000, 620)
    assert causes([few, rest], added("", [few, rest])) == []


def test_chance_alone_names_segments_as_rarely_as_it_says() -> None:
    rng, named = np.random.default_rng(1), 0
    for _ in range(300):
        sizes = rng.integers(20, 200, 40)
        before, after = rng.binomial(sizes, 0.1), rng.binomial(sizes, 0.1)
        segments = [
            Counts(f"key{i % 4}={i}", *map(float, one)) for i, one in enumerate(zip(sizes, before, sizes, after, strict=True))
        ]
        total = added("", segments)
        named += bool(causes(segments, total._replace(loss_after=total.loss_after + 1)))
    assert named <= 300 * 0.02


def test_losses_without_a_bound_are_judged_by_their_squares() -> None:
    rng = np.random.default_rng(2)

    def drawn(name: str, after: float) -> Counts:
        one, other = rng.exponential(20, 500), rng.exponential(after, 500)
        return Counts(name, 500, one.sum(), 500, other.sum(), (one**2).sum(), (other**2).sum())

    segments = [drawn("region=eu", 40), drawn("region=us", 20), drawn("region=br", 21)]
    total = Counts("", *(sum(column) for column in list(zip(*segments))[1:]))
    (cause,) = causes(segments, total)
    assert cause.segment == "region=eu"
    assert 4 < cause.z < 14


def test_no_more_are_named_than_asked() -> None:
    rows = [Counts(f"store={i}", 500, 50, 500, 300 if i < 8 else 50) for i in range(40)]
    named = causes(rows, added("", rows), most=3)
    assert [cause.segment for cause in named] == ["store=0", "store=1", "store=2"]


def test_what_is_left_of_a_crossing_is_no_cause_beside_a_segment_that_it_may_contain() -> None:
    """The errors of a region become more, and most of its rows are of customers that are not looked at."""
    eu, us = Counts("region=eu", 3000, 300, 3000, 1200), Counts("region=us", 5000, 500, 5000, 500)
    rest = Counts("region=(other),cust=(other)", 4000, 400, 4000, 1000)
    pairs = [Counts("region=us,cust=1", 3000, 300, 3000, 300), Counts("region=eu,cust=1", 1000, 100, 1000, 400)]
    assert [one.segment for one in causes([eu, us, *pairs, rest], added("", [eu, us]))] == ["region=eu"]
    assert [one.segment for one in causes([*pairs, rest], added("", [eu, us]))] == [rest.segment, "region=eu,cust=1"]
    far = [Counts("region=(other)", 4000, 400, 4000, 1300), us._replace(n_before=4000, n_after=4000)]
    few = [Counts("region=br,device=ios", 3000, 300, 3000, 1200), Counts("region=us,device=ios", 5000, 500, 5000, 500)]
    assert [one.segment for one in causes([*far, *few], added("", few))] == ["region=br,device=ios"]


def test_what_rose_after_the_first_rows_of_a_change_is_told_from_what_rose_with_it() -> None:
    later, first = Counts("region=eu", 3000, 300, 3000, 900), Counts("region=eu", 3000, 300, 700, 70)
    (cause,) = causes([later, Counts("region=us", 3000, 300, 3000, 300)], Counts("", 6000, 600, 6000, 1200))
    assert not rose_at_first(cause, first)
    assert rose_at_first(cause, first._replace(loss_after=140))
    assert rose_at_first(cause, first._replace(n_after=20, loss_after=2))
    assert rose_at_first(cause, first._replace(n_after=0, loss_after=0))
