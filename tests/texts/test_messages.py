"""Messages: a template and its arguments, kept, sent, and said in the reader's language."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.texts.language import marking, say, speaking, told
from bms.texts.messages import (
    Message,
    from_json,
    joined,
    made_of,
    message_of,
    msg,
    plural,
    quoted,
    remade,
    said,
    same,
    to_json,
)

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class Upper:
    """A language in which the words of templates are loud and arguments are not."""

    def one(self, template: str) -> str:
        return {"no group '{name}'": "GRUPPE '{name}' FEHLT"}.get(template, template)

    def counted(self, one: str, many: str, count: int) -> str:
        return "{count} X" if count == 1 else "{count} XS"

    def argument(self, value: object) -> object:
        return value

    def filled(self, template: str, arguments: Mapping[str, object]) -> str:
        return template.format(**arguments)


def again(message: str) -> str:
    return from_json(json.loads(json.dumps(to_json(message))))


def test_a_message_is_its_english_text_and_remembers_its_template() -> None:
    message = msg("no group '{name}'", name="air")
    assert message == "no group 'air'"
    assert said(message, Upper()) == "GRUPPE 'air' FEHLT"
    assert said(pickle.loads(pickle.dumps(message)), Upper()) == "GRUPPE 'air' FEHLT"


def test_what_somebody_wrote_is_never_translated() -> None:
    assert said("no group '{name}'", Upper()) == "no group '{name}'"
    message = msg("because: {why}", why="no group '{name}'")
    assert said(message, Upper()) == "because: no group '{name}'"


def test_a_message_within_a_message_is_said_too() -> None:
    inner = msg("no group '{name}'", name="air")
    assert said(msg("refused: {why}", why=inner), Upper()) == "refused: GRUPPE 'air' FEHLT"
    wrapped = msg("refused: {why}", why=ValueError(inner))
    assert said(wrapped, Upper()) == "refused: GRUPPE 'air' FEHLT"
    assert said(joined("; ", inner, "b {x}"), Upper()) == "GRUPPE 'air' FEHLT; b {x}"


def test_counts() -> None:
    for count, english, other in (
        (1, "1 file", "1 X"),
        (0, "0 files", "0 XS"),
        (7, "7 files", "7 XS"),
    ):
        message = plural("{count} file", "{count} files", count=count)
        assert message == english
        assert said(again(message), Upper()) == other


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (NOON, "{v:%H:%M}"), (NOON.date(), "{v:%d %b}"), (time(7, 30), "{v:%H:%M}"),
        (1.25, "{v:.1f}"), (math.inf, "{v:g}"), (math.nan, "{v:g}"), (Decimal("1.5"), "{v:g}"),
        (12345, "{v:,}"), (True, "{v}"), (None, "{v}"), (Path("a/b.yaml"), "{v}"), ("x", "{v!r}"),
    ],
)  # fmt: skip
def test_arguments_keep_what_their_format_needs(value: object, form: str) -> None:
    message = msg(f"at {form}", v=value)
    assert again(message) == message
    assert isinstance(again(message), Message)
    assert said(again(message), Upper()) == message


@given(st.recursive(
    st.builds(lambda text, n: msg("a {text} {n:g}", text=text, n=n), st.text(), st.floats()),
    lambda inner: st.builds(lambda a, b: joined("; ", a, msg("in {b}", b=b)), inner, inner),
    max_leaves=5,
))  # fmt: skip
def test_every_message_comes_back_as_it_was_kept(message: Message) -> None:
    assert again(message) == message
    assert remade("", made_of(message)) == message


def test_texts_are_the_same_if_they_were_made_of_the_same() -> None:
    made = [
        "on for 3 s", msg("on for 3 s"), msg("on for {seconds} s", seconds=3),
        msg("on for {seconds} s", seconds="3"), msg("on for {seconds} s", seconds=msg("3")),
        msg("on for {seconds:g} s", seconds=3.0), msg("{text}", text="on for 3 s"),
        plural("on for {count} s", "on for {count} s", count=3),
        msg("on for {seconds} s", seconds=3, more=None),
    ]  # fmt: skip
    for one in made:
        for other in map(again, made):
            assert one == other
            assert same(one, other) == (made_of(one) == made_of(other))


@pytest.mark.parametrize(
    "kept",
    [
        None, 3, [], {}, {"msg": 3}, {"msg": "a {b}"}, {"msg": "a {b}", "args": []},
        {"msg": "{a.__class__}", "args": {"a": "x"}}, {"msg": "{a:%H}", "args": {"a": [1]}},
        {"msg": "{count}", "many": "{count}s", "args": {"count": "x"}},
        {"msg": "{a:d}", "args": {"a": "x"}}, {"msg": "{a", "args": {"a": "x"}},
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(kept: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        from_json(kept)


def test_a_damaged_template_leaves_the_text() -> None:
    assert remade("pump failed", None) == "pump failed"
    assert remade("pump failed", "{") == "pump failed"
    assert remade("pump failed", '{"msg":"a {b}"}') == "pump failed"


def test_an_exception_says_the_message_it_was_made_with() -> None:
    message = msg("no group '{name}'", name="air")
    assert message_of(ValueError(message)) is message
    assert message_of(KeyError("x")) == "'x'"
    assert message_of(ValueError()) == ""


def test_words_of_others_are_quoted_and_never_translated() -> None:
    words = quoted("no group '{name}'")
    assert words == "no group '{name}'"
    assert said(words, Upper()) == "no group '{name}'"
    assert again(words) == words
    message = msg("no group '{name}'", name="air")
    assert quoted(message) is message


def test_a_mark_tells_arguments_from_our_words() -> None:
    with speaking("zh"), marking(lambda value: "…"):
        assert "air" not in told(msg("no group '{name}'", name="air"))
        assert told("what somebody wrote") == "…"
        assert say("yes") != "…"
    assert told(date(2026, 1, 1).isoformat()) == "2026-01-01"
