"""Every template said in Chinese, with its arguments marked: no English is left in it."""

from __future__ import annotations

import re
import string

import pytest

from bms.texts.language import marking, speaking, told
from bms.texts.messages import joined, msg, plural
from tests import messages
from tests.texts.words import Marked, english

_QUOTED = re.compile(r"(?<!\w)'([a-z_-]+)'")


def test_no_template_keeps_english_in_chinese() -> None:
    left = {}
    for template, texts in messages.translations(messages.catalogue()).items():
        words = [word for text in texts for word in english(_marked(text))]
        if words:
            left[template] = words
    assert left == {}


def test_a_key_in_quotes_is_never_translated() -> None:
    lost = {}
    for template, texts in messages.translations(messages.catalogue()).items():
        many = template if isinstance(template, str) else template[1]
        keys = _QUOTED.findall(many)
        gone = [key for key in keys for text in texts if f"'{key}'" not in text]
        if gone:
            lost[template] = gone
    assert lost == {}


def test_every_template_can_be_kept_and_sent() -> None:
    places = [
        name
        for template in messages.templates()
        for text in ((template,) if isinstance(template, str) else template)
        for _, name, _, _ in string.Formatter().parse(text)
        if name is not None
    ]
    assert [name for name in places if not name.isidentifier()] == []


def test_arguments_and_what_people_wrote_are_marked_and_never_translated() -> None:
    with speaking("zh"), marking(Marked):
        assert told(msg("unknown key '{name}'", name="mode")) == "未知键「⟦mode⟧」"
        assert told("mode") == "⟦mode⟧"
        assert told(msg("{number:g} is out of range", number=1.5)) == "⟦1.5⟧ 超出范围"
        counted = plural("{count} problem", "{count} problems", count=2)
        assert told(joined("; ", counted, "mode")) == "⟦2⟧ 个问题；⟦mode⟧"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("没有 point ⟦7⟧", ["point"]), ("⟦the plant⟧ 没有点", []), ("需要 'mode'", []),
        ("用 bms override list 查看", []), ("--reason：请说明", []), ("3 kWh, Modbus", []),
        ("not writable", ["not", "writable"]), ("自 now 起", ["now"]),
    ],
)  # fmt: skip
def test_words_of_ours_are_told_from_what_is_copied(text: str, words: list[str]) -> None:
    assert english(text) == words


def _marked(text: str) -> str:
    parts = string.Formatter().parse(text)
    return "".join(literal + ("⟦⟧" if name is not None else "") for literal, name, _, _ in parts)
