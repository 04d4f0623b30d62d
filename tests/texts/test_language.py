"""Messages in Chinese and English: complete, with the same arguments, in the right language."""

from __future__ import annotations

import gettext
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.config.writing.render import render, width
from bms.texts.language import CATALOGUES, DOMAIN, language, language_of, say, speaking
from bms.texts.messages import msg
from schedules.files.folder import load
from tests import messages
from tests.operations.editing.sites import AIR, TEXT, write_site


def test_every_message_has_a_translation_with_the_same_arguments() -> None:
    known = messages.read_po()
    wanted = messages.templates()
    assert {key: place for key, place in wanted.items() if not known.get(key)} == {}
    assert sorted(known.keys() - wanted.keys()) == []  # nothing that nobody says any more
    assert [key for key in wanted if messages.fields(key) != messages.fields(known[key])] == []


def test_the_compiled_catalogue_is_the_one_that_is_written() -> None:
    shipped = messages.CATALOGUE.with_suffix(".mo").read_bytes()
    assert shipped == messages.compiled(messages.read_po()), "run make messages"
    found = gettext.translation(DOMAIN, CATALOGUES, ["zh"])
    assert found.gettext("mode") == "模式"


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


def retold(text: str) -> str:
    with speaking("zh"):
        return say(text)


def test_english_that_was_kept_or_sent_is_said_in_chinese_again() -> None:
    assert retold("weekly mon-fri 08:00-18:00 (summer), schedules/air.yaml:7") == (
        "每周 mon-fri 08:00-18:00 (summer), schedules/air.yaml:7"
    )
    assert retold("group on ← otherwise, schedules/air.yaml:4") == (
        "群控组 on ← 其余时间, schedules/air.yaml:4"
    )
    assert retold("calendar cn 国庆节: as mon 08:00-18:00, schedules/air.yaml:9") == (
        "日历 cn 国庆节：按 mon 08:00-18:00, schedules/air.yaml:9"
    )
    assert retold("no group 'b.ari'; did you mean 'b.air'? allowed: b.air").startswith(
        "没有群控组「b.ari」"
    )
    assert retold("schedules/air.yaml:7:12: there is no time 25:00") == (
        "schedules/air.yaml:7:12: 没有 25:00 这个时刻"
    )
    text = "on for 2 min of at least 5 min, then off wanted by override:3 (override by li: test)"
    assert retold(text) == "on 已 2 min，至少 5 min，之后按 override:3 为 off（li 强制：test）"


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("running mean 22.4 degC, at or above 22 for 3 days",
         "滑动平均 22.4 ℃，不低于 22，已 3 天"),
        ("b.air: pressure below 600 kPa for 60 s; the cap of 2 units is released",
         "b.air：压力低于 600 kPa 已 60 秒; 2 台上限已解除"),
        ("edited schedules are not in force, the last good ones still are: "
         "schedules/air.yaml:7:48: there is no time 25:00; times are 00:00 to 24:00 (and 2 more)",
         "编辑后的时间表未生效，仍按上一版运行：schedules/air.yaml:7:48: 没有 25:00 这个时刻; "
         "时刻为 00:00 到 24:00（另有 2 个）"),
        ("while on and 60 min after: overlay epidemic full until 2026-12-12 11:31 by li: a case",
         "on 期间及之后 60 分钟：叠加层 epidemic full，直到 2026-12-12 11:31，li：a case"),
        ("no outdoor temperature for 48 h: by the dates", "48 小时没有室外温度：按日期"),
    ],
)  # fmt: skip
def test_reasons_of_several_parts_are_said_whole(text: str, chinese: str) -> None:
    assert retold(text) == chinese


@pytest.mark.parametrize(
    "words", ["mode", "water from pump 3 to 4", "nothing was changed", "by the dates", "{x} {", ""]
)
def test_what_people_wrote_stays_as_they_wrote_it(words: str) -> None:
    assert retold(f"override by wang: {words}") == f"wang 强制：{words}"
    assert words in retold(f"extension 3 of room by wang: {words}")
    assert retold(f"no group '{words}'") == f"没有群控组「{words}」"


def test_a_number_s_place_takes_only_numbers() -> None:
    assert retold("load 420 kW above 90 % of 500 kW") == "负荷 420 kW，高于 500 kW 的 90 %"
    assert retold("load much kW above 90 % of 500 kW") == "load much kW above 90 % of 500 kW"
