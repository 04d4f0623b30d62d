from __future__ import annotations

from datetime import timedelta

import pytest

from bms.core.durations import in_words, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45m", 2700), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400), ("90 s", 90)],
)
def test_reads(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "h",
        "-1h",
        "0m",
        "1w",
        "2h later",
        "1h,30m",
        "9" * 20 + "d",
        "9" * 400 + "d",
        "0.0000001s",
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="write for example|too long"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (3660, "1 h 1 min"), (90061, "1 d 1 h"), (7200, "2 h")],
)
def test_says(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
