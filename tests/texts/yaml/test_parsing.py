"""YAML text into data and problems: places, odd input, full-width punctuation, model errors."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bms.texts.messages import msg
from bms.texts.problems import Document, Origin, suggestion
from bms.texts.yaml.parsing import full_width, read, validate


def _problems(text: str) -> list[str]:
    return [str(problem) for problem in read("f.yaml", text)[1]]


def _document(text: str) -> Document:
    document, problems = read("f.yaml", text)
    assert document is not None
    assert problems == []
    return document


# --- data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("07:30", "07:30"),
        ("2026-01-01", "2026-01-01"),
        ("2026-10-01..2026-10-07", "2026-10-01..2026-10-07"),
        ("true", True),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-3.5e2", -350.0),
        (".5", 0.5),
        ("1_000", "1_000"),
        ("'26'", "26"),
        ('"true"', "true"),
        ("空调：一号", "空调：一号"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    data = _document(f"a: {text}\n").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_version_directive_does_not_bring_back_yaml_1_1() -> None:
    assert _document("%YAML 1.1\n---\na: off\n").data == {"a": "off"}


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "\ufeff"])
def test_text_without_content_is_an_empty_mapping(text: str) -> None:
    assert _document(text).data == {}


@pytest.mark.parametrize(("text", "data"), [("- 1\n", [1]), ("hello", "hello"), ("--- 5", 5)])
def test_top_level_may_be_anything(text: str, data: object) -> None:
    assert _document(text).data == data


def test_places_are_lines_and_characters_from_one() -> None:
    document = _document("\ufeff空: 😀\nb:\r\n  - {空: [1, 😀, 3]}\n")
    assert document.at(("空",)) == Origin("f.yaml", 1, 4)
    assert document.at(("空",), key=True) == Origin("f.yaml", 1, 1)
    assert document.at(("b", 0, "空", 2)) == Origin("f.yaml", 3, 16)
    assert document.at(("b", 0, "空", 9)) == document.at(("b", 0, "空"), key=True)
    assert document.at(("nowhere",)) == Origin("f.yaml", 1, 1)
    assert str(document.problem(("b", 0, "空"), msg("wrong"), "hint", key=True)) == (
        "f.yaml:3:6: wrong; hint"
    )


# --- problems --------------------------------------------------------------------------------

_ALIAS = "write the value out, or put text that begins with '*' in quotes"
_FW = "cannot be used here; write"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "a:\n\tb: 1\n",
            [
                "f.yaml:2:1: found character '\\t' that cannot start any token; "
                "a tab cannot indent; use spaces"
            ],
        ),
        (
            "a: 1\r\nb: \x00\n",
            [
                "f.yaml:2:4: not valid YAML: unacceptable character #x0000: "
                "special characters are not allowed"
            ],
        ),
        (
            "a: &x {b: 1}\nc: *x\n",
            [f"f.yaml:2:4: an alias (*x) cannot be used here; {_ALIAS}"],
        ),
        ("a: &x [*x]\n", [f"f.yaml:1:8: an alias (*x) cannot be used here; {_ALIAS}"]),
        ("a: *nope\n", [f"f.yaml:1:4: an alias (*nope) cannot be used here; {_ALIAS}"]),
        (
            "a: [*]\n",
            [
                "f.yaml:1:6: expected alphabetic or numeric character, but found ']'; "
                "put text that begins with '*' or '&' in quotes"
            ],
        ),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            ["f.yaml:3:3: a merge key (<<) cannot be used; write the keys out"],
        ),
        (
            "a: 1\n---\nb: 2\n---\nc: 3\n",
            [
                "f.yaml:2:1: a second document begins here; "
                "write one document per file, without '---'"
            ],
        ),
        (
            "[" * 300,
            ["f.yaml:1:51: nested more than 50 levels deep; close brackets earlier"],
        ),
        (
            "a: " + "9" * 10_000,
            [f"f.yaml:1:4: {'9' * 20}… is not a finite number; write an ordinary number"],
        ),
        ("a: -.inf\n", ["f.yaml:1:4: -.inf is not a finite number; write an ordinary number"]),
        ("a: .nan\n", ["f.yaml:1:4: .nan is not a finite number; write an ordinary number"]),
        (
            "a: !!python/object:os.system x\n",
            ["f.yaml:1:4: a tag ('!') cannot be used here; leave it out, or quote the text"],
        ),
        (
            "a: 1\nb:\n  {x: 1}\na: {x: [1]}\nb: 3\n",
            [
                "f.yaml:4:1: 'a' is already given on line 1; remove one of the two",
                "f.yaml:5:1: 'b' is already given on line 2; remove one of the two",
            ],
        ),
        ("? [a]\n: 1\n", ["f.yaml:1:3: a key must be a plain word; write 'key: value'"]),
        ('a: 1\nb: "c\n', ["f.yaml:2:4: this quote is never closed; close it"]),
        (
            "a: [1,\nb: 3\n",
            [
                "f.yaml:3:1: expected ',' or ']', but got '<stream end>'; "
                "close the bracket that was opened on line 1"
            ],
        ),
        ('a: "\\q"\n', ["f.yaml:1:6: found unknown escape character 'q'"]),
        (
            "a: 1\n b: 2\n",
            [
                "f.yaml:2:3: mapping values are not allowed here; "
                "check the indentation, or put text with ': ' in quotes"
            ],
        ),
        (
            "a: @x\n",
            ["f.yaml:1:4: found character '@' that cannot start any token; put the text in quotes"],
        ),
        (
            "%YAML 3.0\n---\na: 1\n",
            ["f.yaml:1:1: found incompatible YAML document (version 1.* is required)"],
        ),
    ],
)
def test_every_problem_is_at_its_place_with_a_hint(text: str, problems: list[str]) -> None:
    assert _problems(text) == problems


def test_an_escape_beyond_unicode_is_a_problem() -> None:
    document, problems = read("f.yaml", 'a: "\\UFFFFFFFF"\n')
    assert document is None
    assert len(problems) == 1


@given(
    st.text(
        st.sampled_from("ab1 :-,?&*!|>'\"%@`{}[]#\\\n\r\t.~<=\x00\x85\u2028\ufeff：，｛“　空😀"),
        max_size=40,
    )
)
def test_no_text_raises_and_every_problem_is_inside_the_text(text: str) -> None:
    document, problems = read("f.yaml", text)
    assert document is not None or problems
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert problem.message
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 2
    if document is not None:
        for origin in [*document.keys.values(), *document.values.values()]:
            assert origin.line <= len(lines)


# --- full-width punctuation ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("mode： on\n", [(1, 5, "'：'", "':'")]),
        ("\ufeffmode： on\n", [(1, 5, "'：'", "':'")]),
        ("a: 1\r\nmode：on，x\n", [(2, 5, "'：'", "':'")]),
        ("标题：空调，一号\n", [(1, 3, "'：'", "':'")]),
        (
            "a: ｛b： 1， c: 2｝  # ，：\n",
            [
                (1, 4, "'｛'", "'{'"),
                (1, 6, "'：'", "':'"),
                (1, 9, "'，'", "','"),
                (1, 15, "'｝'", "'}'"),
            ],
        ),
        (
            "a:\n  - {from: 07:30， to: 18:00,\n     x： 1}\n",
            [(2, 17, "'，'", "','"), (3, 7, "'：'", "':'")],
        ),
        (
            "a: [一，二]\nb: 【1】\n",
            [(1, 6, "'，'", "','"), (2, 4, "'【'", "'['"), (2, 6, "'】'", "']'")],
        ),
        ("a: “on”\n", [(1, 4, "'“'", "'\"'"), (1, 7, "'”'", "'\"'")]),
        ("a:　b\n", [(1, 3, "'　'", "a space")]),
        ("　a: b\n", [(1, 1, "'　'", "a space")]),
        ("mon－fri: []\n－ a\n", [(1, 4, "'－'", "'-'"), (2, 1, "'－'", "'-'")]),
        ("＃ note\n", [(1, 1, "'＃'", "'#'")]),
        ("a: |\n  x：y\nb： 1\n", [(3, 2, "'：'", "':'")]),
        ("- a: >-  # ：\n    x：y\n\n    z：\n  b： 1\n", [(5, 4, "'：'", "':'")]),
        ("- |\n  x：y\n- x：\n", [(3, 4, "'：'", "':'")]),
        ('a: "x\n  y：z\n  "\nb： 1\n', [(4, 2, "'：'", "':'")]),
        ('{"a"： 1}\n', [(1, 5, "'：'", "':'")]),
    ],
)
def test_full_width_where_syntax_belongs(
    text: str, places: list[tuple[int, int, str, str]]
) -> None:
    expected = [
        f"f.yaml:{line}:{column}: full-width character {character} {_FW} {wanted}, "
        "or put the text in quotes"
        for line, column, character, wanted in places
    ]
    assert _problems(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "title: 空调：一号，二号（大）【东】“新”\n",
        "title: {zh: 一期　冷站, en: Plant}  # 全角：，｛\n",
        "a: '：，'\nb: \"x：\\\"，\"\nc: 'it''s：'\n",
        "a: it's，ok\nb: 5，6\n",
        'a: "x\n  ，y \\\n  ：z"\n',
        "note: |\n  一：二\n\n  三，四\nlast: 一#二，\n",
        "- |\n  x：y\n- title: 空调：一号\n",
    ],
)
def test_full_width_in_text_is_left_alone(text: str) -> None:
    assert full_width("f.yaml", text) == []


# --- models ----------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Cat(_Strict):
    kind: Literal["cat"]
    lives: int


class _Dog(_Strict):
    kind: Literal["dog"]
    tricks: list[str] = []


class _Colour(Enum):
    RED = "red"
    BLUE = "blue"


class _Owner(_Strict):
    name: str = Field(alias="called", pattern=r"^[a-z]+$")
    colour: _Colour = _Colour.RED
    even: int = 0

    @field_validator("even")
    @classmethod
    def _check(cls, value: int) -> int:
        if value % 2:
            raise ValueError("Not even")
        return value


class _Farm(_Strict):
    pets: dict[
        Annotated[str, Field(pattern=r"^[a-z]+$")],
        Annotated[_Cat | _Dog, Field(discriminator="kind")],
    ] = {}
    owners: list[_Owner] = []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "pet: {}\n",
            ["f.yaml:1:1: unknown key 'pet'; did you mean 'pets'? allowed: owners, pets"],
        ),
        (
            "pets:\n  Tom 1: {kind: cat, lives: 9}\n",
            ["f.yaml:2:3: 'Tom 1' is not allowed here; it has to match ^[a-z]+$"],
        ),
        (
            "pets: {tom: {kind: cot}}\n",
            ["f.yaml:1:20: unknown kind 'cot'; did you mean 'cat'? allowed: cat, dog"],
        ),
        ("pets: {tom: {lives: 9}}\n", ["f.yaml:1:8: 'kind' is missing; add it"]),
        ("pets: {tom: {kind: cat}}\n", ["f.yaml:1:8: 'lives' is missing; add it"]),
        (
            "pets: {rex: {kind: dog, trick: [sit]}}\n",
            ["f.yaml:1:25: unknown key 'trick'; did you mean 'tricks'? allowed: kind, tricks"],
        ),
        (
            "pets: {rex: {kind: dog, tricks: [sit, 5]}}\n",
            ["f.yaml:1:39: 5: input should be a valid string"],
        ),
        (
            "pets: {rex: 5}\n",
            ["f.yaml:1:13: keys with values belong here; write 'key: value' lines"],
        ),
        ("- 1\n", ["f.yaml:1:1: keys with values belong here; write 'key: value' lines"]),
        (
            "owners:\n  - {called: A}\n  - {name: b}\n",
            [
                "f.yaml:2:14: 'A' is not allowed here; it has to match ^[a-z]+$",
                "f.yaml:3:5: 'called' is missing; add it",
                "f.yaml:3:6: unknown key 'name'; allowed: called, colour, even",
            ],
        ),
        (
            "owners: [{called: a, colour: bleu}]\n",
            [
                "f.yaml:1:30: 'bleu': input should be 'red' or 'blue'; "
                "did you mean 'blue'? allowed: blue, red"
            ],
        ),
        ("owners: [{called: a, even: 3}]\n", ["f.yaml:1:28: 3: not even"]),
        ("owners:\n", ["f.yaml:1:1: input should be a valid list"]),
    ],
)
def test_model_errors_name_the_place_and_the_way_out(text: str, problems: list[str]) -> None:
    model, found = validate(_Farm, _document(text))
    assert model is None
    assert sorted(map(str, found)) == problems


def test_part_of_a_document_and_data_in_its_place() -> None:
    document = _document(
        "a:\n  - pets: {tom: {kind: cat, lives: 9}}\n  - pets: {tom: {lives: 9}}\n"
    )
    model, problems = validate(_Farm, document, ("a", 0))
    assert model is not None
    assert problems == []
    assert model.pets["tom"].kind == "cat"
    _, problems = validate(_Farm, document, ("a", 1))
    assert [str(p) for p in problems] == ["f.yaml:3:12: 'kind' is missing; add it"]
    _, problems = validate(_Farm, document, ("a", 0), data={"owners": 1})
    assert [(p.line, p.column) for p in problems] == [(2, 5)]


def test_suggestions() -> None:
    assert (
        suggestion("sumer", ["winter", "summer"])
        == "did you mean 'summer'? allowed: summer, winter"
    )
    assert suggestion("zzz", ["winter"]) == "allowed: winter"
    assert suggestion("x", []) == "nothing is defined here"
    many = [f"n{i:02}" for i in range(20)]
    assert suggestion("qqq", many).endswith("n11, …")


@pytest.mark.case(
    "C17",
    when="A file has a tab before a comment, or an anchor that nobody uses",
    then="It is read, and it can be edited by command",
)
@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: 1\t# c\n", {"a": 1}),
        ("a: 1 \t \n", {"a": 1}),
        ("\t# c\n\t\na: 1\n", {"a": 1}),
        ("a:\t# c\n  - b: 1\t\t# c\n\t# c\n  - c: 2\n", {"a": [{"b": 1}, {"c": 2}]}),
        ("a:\t1\n", {"a": 1}),
        ("a: [1,\t2]\t# c\n", {"a": [1, 2]}),
        ("a: |\t# c\n  x\ty\n\t# c\n", {"a": "x\ty\n"}),
        ("a: 'b\t# c'\t# d\n", {"a": "b\t# c"}),
        ("a: &x 1\n", {"a": 1}),
        ("a: &x {b: &y 1}\t# c\n", {"a": {"b": 1}}),
    ],
)
def test_a_tab_that_separates_and_an_unused_anchor_are_read(text: str, data: object) -> None:
    document, problems = read("f.yaml", text)
    assert problems == []
    assert document is not None
    assert document.data == data


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "a:\t# c\n\tb: 1\n", "\ta: 1\n"])
def test_a_tab_cannot_indent(text: str) -> None:
    document, (problem,) = read("f.yaml", text)
    assert document is None
    assert problem.line == text.rstrip().count("\n") + 1
    assert "use spaces" in problem.hint
