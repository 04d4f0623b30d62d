"""Seasons, modes and weekdays of site files, said in the reader's language."""

from __future__ import annotations

from datetime import date

import pytest

from bms.cli.screens.tables import named, season_text, value_text
from bms.texts.language import speaking, told
from bms.texts.words import days_word, in_season, mode_word, season_word
from schedules.files.folder import load

SCHEDULE = """\
schedule: office
governs: [b.air]
seasons: s
otherwise: {mode: "off"}
week:
  any:
    mon-fri:
      - {from: "08:00", to: "18:00", mode: "on"}
"""
SEASONS = "seasons:\n  s: {summer: [06-01..09-30], winter: [12-01..02-28], transitional: rest}\n"


@pytest.mark.case(
    "N19",
    when="Somebody reads the status, a preview or a reason in Chinese",
    then="Groups have the names that people gave them; seasons, modes and weekdays are in Chinese.",
)
def test_words_of_files_are_said_in_chinese() -> None:
    library, problems = load({"schedules/s.yaml": SCHEDULE, "schedules/seasons.yaml": SEASONS})
    assert library is not None, problems
    resolver = library.resolver("b.air", "Asia/Shanghai")
    assert resolver is not None
    running = next(s for s in resolver.preview(date(2026, 4, 6), 1) if s.entry.mode == "on")
    assert running.entry.reason == "weekly mon-fri 08:00-18:00 (transitional)"
    with speaking("zh"):
        said = told(running.entry.reason)
        assert "周一-周五" in said
        assert "过渡季" in said
        assert value_text(running.entry.mode) == "运行"
        assert season_text("winter") == "冬季"
        assert named({"zh": "冷站", "en": "Chilled water"}, "chw") == "冷站 (chw)"


def test_english_keeps_the_words_of_the_files() -> None:
    for word in ("mon", "mon-fri", "sat,sun", "daily", "mon,wed-fri"):
        assert days_word(word) == word
    assert (season_word("summer"), mode_word("off"), in_season("winter")) == (
        "summer", "off", " (winter)",
    )  # fmt: skip


def test_words_that_a_site_made_up_stay() -> None:
    with speaking("zh"):
        assert told(season_word("monsoon")) == "monsoon"
        assert told(mode_word("purge")) == "purge"
        assert told(days_word("feast-day")) != ""
    assert season_text("any") == "—"
    assert named("", "chw") == "chw"
