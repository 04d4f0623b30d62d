"""The Chinese catalogue: complete, with the places of its templates, and what is shipped."""

from __future__ import annotations

import gettext

import pytest

from bms.texts.language import CATALOGUES, DOMAIN
from tests import messages

_MEANINGLESS = {
    "args", "data", "found", "len", "obj", "other", "part", "repr", "result", "same", "some",
    "thing", "value", "what", "which", "x",
}  # fmt: skip
"""Names of places that a translator cannot read. `text` is what somebody wrote, to be quoted."""


def test_every_template_has_a_translation() -> None:
    said = messages.translations(messages.catalogue())
    wanted = messages.templates()
    assert {key: place for key, place in wanted.items() if not all(said.get(key, [""]))} == {}
    assert [key for key in said if key not in wanted] == []  # nothing that nobody says now
    assert [m.id for m in messages.catalogue() if m.fuzzy and m.id] == []


def test_every_template_is_written_where_it_is_said() -> None:
    known = {
        "bms/texts/language.py",  # say() itself
        "bms/cli/speaking.py",  # help, which is found by walking the commands
        "bms/cli/common.py",  # headers of tables, which are found at the table
        "bms/cli/screens/tables.py",
        "simulators/serve.py",  # another say(): for programs
    }
    assert [place for place in messages.unfound() if place not in known] == []


def test_a_translation_shows_what_its_template_shows() -> None:
    said = messages.translations(messages.catalogue())
    wrong = {}
    for template, translated in said.items():
        many = template if isinstance(template, str) else template[1]
        for text in translated:
            if messages.fields(many) != messages.fields(text):
                wrong[template] = text
    assert wrong == {}


def test_a_count_has_as_many_forms_as_the_language() -> None:
    kept = messages.catalogue()
    assert (kept.num_plurals, str(kept.locale)) == (1, "zh")
    assert {len(said) for said in messages.translations(kept).values()} == {1}


def test_what_is_shipped_is_what_is_written() -> None:
    written = messages.translations(messages.catalogue())
    shipped = messages.translations(messages.compiled())
    assert shipped == {key: said for key, said in written.items() if all(said)}, "make messages"
    found = gettext.translation(DOMAIN, CATALOGUES, ["zh"])
    assert found.gettext("Usage:") == "用法："


def test_a_place_is_named_by_a_noun() -> None:
    poor = {}
    for template, place in messages.templates().items():
        texts = (template,) if isinstance(template, str) else template
        names = {name for name in messages.fields(*texts) if _poor(name)}
        if names and place != messages.HELP:  # click names its own
            poor[template] = place
    assert poor == {}


def _poor(name: str) -> bool:
    return name in _MEANINGLESS or len(name) < 2 or name != name.lower() or name[-1].isdigit()


@pytest.mark.parametrize("name", ["value", "name2", "len", "x", "COLUMNS"])
def test_a_place_that_says_nothing_is_refused(name: str) -> None:
    assert _poor(name)
