"""The numbers of texts."""

from __future__ import annotations

from stream_monitor.watching.words import Words


def test_beyond_the_limit_all_texts_are_one_and_none_is_kept_for_it() -> None:
    words = Words(3)
    assert [words.code(f"text {i}") for i in range(6)] == [0, 1, 2, 3, 3, 3]
    assert words.state() == ["text 0", "text 1", "text 2", "text 3"]
    again = Words(3)
    again.restore(words.state())
    for one in (words, again):
        assert one.code("text 1") == 1
        assert one.code("text 5") == 3
        assert one.known("text 5") is None
