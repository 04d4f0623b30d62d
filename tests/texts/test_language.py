"""Messages in Chinese and English: in the language of the reader, everywhere."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.config.writing.render import render, width
from bms.texts.language import language, language_of, say, speaking, told
from bms.texts.messages import msg
from schedules.files.folder import load
from tests.operations.editing.sites import AIR, TEXT, write_site


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "BMS_LANG": "zh"}, "zh"),
    ],
)
def test_the_language_is_that_of_the_system(environment: dict[str, str], expected: str) -> None:
    assert language_of(environment) == expected


def test_a_message_is_english_text_until_it_is_said() -> None:
    inner = msg(
        "did you mean '{near}'? {listed}", near="on", listed=msg("allowed: {names}", names="on")
    )
    whole = msg("{error}; {hint}", error=msg("unknown key '{name}'", name="x"), hint=inner)
    assert whole == "unknown key 'x'; did you mean 'on'? allowed: on"
    assert pickle.loads(pickle.dumps(whole)).arguments["error"].template == "unknown key '{name}'"
    with speaking("zh"):
        assert say(inner) == "是否想写「on」？可用：on"
        assert say("{count} of nobody's", count=3) == "3 of nobody's"
        assert say("") == ""
    assert (language(), say(inner)) == ("en", str(inner))


def test_problems_have_their_mark_under_wide_characters_in_both_languages() -> None:
    text = TEXT.replace('mode: "on"', 'mode: "on", 温度: 高')
    _, problems = load({AIR: text})
    assert len(problems) == 1
    english = render(problems, {AIR: text}).splitlines()
    with speaking("zh"):
        chinese = render(problems, {AIR: text}).splitlines()
    assert english[1] == chinese[1]
    mark = english[2].index("^")
    assert mark == chinese[2].index("^")
    assert width(english[1][: english[1].index("高")]) == mark
    assert "需要数值" in chinese[0]
    assert "needs a number" in english[0]


def bms(*words: object, **env: str) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env=env)


def test_the_language_of_the_command_line_may_stand_anywhere(tmp_path: Path) -> None:
    site = write_site(tmp_path / "site", TEXT.replace("18:00", "25:00"))
    for words in (("--lang", "zh", "check", site), ("check", site, "--lang", "zh")):
        said = bms(*words, BMS_LANG="en")
        assert said.exit_code == 2
        assert "schedules/air.yaml:8:29: 没有 25:00 这个时刻" in said.output
    assert "there is no time 25:00" in bms("check", site, BMS_LANG="en").output
    assert "没有 25:00" in bms("check", site, BMS_LANG="zh").output
    assert language() == "en"


def test_help_and_the_words_of_click_are_chinese(tmp_path: Path) -> None:
    for words in (
        ("--lang", "zh", "schedule", "set", "-h"),
        ("schedule", "set", "--lang", "zh", "-h"),
    ):
        said = bms(*words, BMS_LANG="en").output
        assert "用法：" in said
        assert "时段开始时刻" in said
        assert "更改某 DAY 的一个时段" in said
    assert "缺少参数" in bms("check", BMS_LANG="zh").output
    assert "Usage:" in bms("--help", BMS_LANG="en").output


def test_a_message_is_said_whole_with_the_messages_in_it() -> None:
    reason = msg("override by {owner}: {reason}", owner="li", reason="test")
    held = msg("on for {so_far} of at least {minimum}", so_far="2 min", minimum="5 min")
    text = msg("{held}, then off wanted by {source} ({reason})", held=held, source="override:3",
               reason=reason)  # fmt: skip
    assert text == "on for 2 min of at least 5 min, then off wanted by override:3 " \
        "(override by li: test)"  # fmt: skip
    with speaking("zh"):
        assert told(text) == "已开 2 min，至少 5 min，之后按 override:3 关（li 强制：test）"


@pytest.mark.parametrize(
    "words", ["mode", "water from pump 3 to 4", "nothing was changed", "by the dates", "{x} {", ""]
)
def test_what_people_wrote_stays_as_they_wrote_it(words: str) -> None:
    with speaking("zh"):
        assert told(words) == words
        reason = msg("override by {owner}: {reason}", owner="wang", reason=words)
        assert told(reason) == f"wang 强制：{words}"
        assert say("no group '{name}'", name=words) == f"没有群控组「{words}」"


def test_what_an_older_version_kept_in_english_stays_readable() -> None:
    with speaking("zh"):
        assert told("load 420 kW above 90 % of 500 kW") == "load 420 kW above 90 % of 500 kW"
