"""Chinese sentences with what stands in their places: spaces, and full-width marks."""

from __future__ import annotations

import re

import pytest

from bms.texts.chinese import filled
from bms.texts.language import speaking, told
from bms.texts.messages import Message, joined, msg, plural
from bms.texts.problems import Problem
from tests import messages

CHINESE = "[\u4e00-\u9fff]"


@pytest.mark.parametrize(
    ("template", "arguments", "said"),
    [
        ("有{count}", {"count": "1 个问题"}, "有 1 个问题"),
        ("有 {count}", {"count": "1 个问题"}, "有 1 个问题"),
        ("站点{site}有误", {"site": "demo"}, "站点 demo 有误"),
        ("站点 {site} 有误", {"site": "demo"}, "站点 demo 有误"),
        ("站点{site}有误", {"site": "冷站"}, "站点冷站有误"),
        ("站点「{site}」有误", {"site": "demo"}, "站点「demo」有误"),
        ("{count}个", {"count": 3}, "3 个"),
        ("{share:.1f}%以上", {"share": 3.14}, "3.1%以上"),
        ("{name!r}有误", {"name": "x"}, "'x'有误"),
        ("{one}{other}", {"one": "冷站", "other": "A1"}, "冷站 A1"),
        ("{one}; {other}", {"one": "坏了", "other": "请修"}, "坏了；请修"),
        ("{one}; {other}", {"one": "坏了", "other": "x=1"}, "坏了；x=1"),
        ("{one}; {other}", {"one": "x=1", "other": "请修"}, "x=1；请修"),
        ("{one}; {other}", {"one": "坏了。", "other": "x"}, "坏了。；x"),
        ("{one}; {other}", {"one": "x", "other": "y"}, "x; y"),
        ("{one}, {other}", {"one": "坏了", "other": "请修"}, "坏了，请修"),
        ("{one}, {other}", {"one": "ch-1", "other": "ch-2"}, "ch-1, ch-2"),
        ("{{{name}}}", {"name": "x"}, "{x}"),
        ("{name}", {"name": "1号楼A座"}, "1号楼A座"),
        ("没有", {}, "没有"),
        ("{name}有", {"name": ""}, "有"),
    ],
)
def test_what_stands_in_a_place_has_its_space(
    template: str, arguments: dict[str, object], said: str
) -> None:
    assert filled(template, arguments) == said


def test_sentences_one_behind_the_other_have_a_chinese_mark_between() -> None:
    both = joined("; ", msg("remove it"), msg("correct it"))
    with speaking("zh"):
        assert ";" not in told(both)
        assert "；" in told(both)
    assert told(both) == "remove it; correct it"


def test_a_problem_says_what_to_do_behind_a_chinese_mark() -> None:
    problem = Problem("site.yaml", 1, 2, msg("remove it"), msg("correct it"))
    with speaking("zh"):
        assert re.fullmatch(f"site.yaml:1:2: {CHINESE}+；{CHINESE}+", told(problem.sentence))


def _values(template: str) -> dict[str, object]:
    """A number for each place that formats one, else a word: both stand badly at a character."""
    from datetime import UTC, datetime
    from string import Formatter

    found: dict[str, object] = {}
    for _, name, spec, _ in Formatter().parse(template):
        if name is not None:
            date = "%" in (spec or "") and not (spec or "").endswith("%")
            number = 7 if (spec or "").endswith(("d", "x", "X", "b", ",")) else 7.0
            word = "A1" if (spec or "").endswith("s") or not spec else number
            found[name] = datetime(2026, 7, 1, tzinfo=UTC) if date else word
    return found


def test_no_sentence_of_the_catalogue_puts_a_word_at_a_character() -> None:
    catalogue = messages.translations(messages.catalogue())
    texts = {text for texts in catalogue.values() for text in texts if text}
    assert len(texts) > 1000
    wrong = []
    for text in texts:
        said = filled(text, _values(text))
        marks = re.sub(r"\[[^\]]*\]|（[^）]*）|'[^']*'|“[^”]*”", "", text)
        if re.search(f"{CHINESE}(A1|7)|(A1|7){CHINESE}", said) or re.search(
            f"{CHINESE}[;,] ?|[;,] ?{CHINESE}", marks
        ):
            wrong.append(text)
    assert wrong == []


def test_a_count_in_a_sentence_is_said_with_its_space() -> None:
    count = plural("{count} problem", "{count} problems", count=1)
    whole = msg("the site '{directory}' has {count}", directory="demo", count=count)
    assert isinstance(whole, Message)
    with speaking("zh"):
        assert re.search(f"(?<!{CHINESE})1 个问题", told(whole))
