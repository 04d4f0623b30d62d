"""Every command in the documents exists as it is written, with its options and their values."""

from __future__ import annotations

import subprocess

import click
import pytest
from click.testing import CliRunner

from bms.cli import main
from docs.generate import commands
from tests.docs.commands import PAGES, ROOT, Typed, typed

TYPED = list(typed(*PAGES))
KNOWN = dict(commands(main, ()))


def test_every_make_target_exists() -> None:
    targets = {line.words[1] for line in TYPED if line.words[0] == "make"}
    assert {"demo", "test", "check", "docs", "bench"} <= targets
    for target in sorted(targets):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "line", [t for t in TYPED if t.bms is not None], ids=lambda t: " ".join(t.words[1:4])
)
def test_a_command_is_one_that_bms_knows(line: Typed) -> None:
    words = list(line.bms or ())
    path: tuple[str, ...] = ()
    while words and (*path, words[0]) in KNOWN:
        path = (*path, words.pop(0))
    command = KNOWN[path]
    if isinstance(command, click.Group):
        assert words[:1] in ([], ["--version"], ["--help"]), (line.page, line.words)
        return
    context = click.Context(command, info_name=command.name)
    values, left, _ = command.make_parser(context).parse_args(words)
    assert not left, (line.page, left)
    for param in command.params:
        given = values.get(str(param.name))
        if given in (None, ()) or not isinstance(given, str | tuple | list | int | float):
            assert not param.required, (line.page, line.words, param.name)
        elif not isinstance(param.type, click.Path):
            param.type_cast_value(context, given)


def test_every_page_for_people_has_commands() -> None:
    pages = {line.page for line in TYPED if line.bms is not None}
    for language in ("en", "zh"):
        written = {p.relative_to(ROOT).as_posix() for p in ROOT.glob(f"docs/staff/{language}/*.md")}
        assert written <= pages


def test_both_languages_have_the_same_pages_and_commands() -> None:
    def shapes(language: str) -> list[tuple[str, ...]]:
        lines = typed(*sorted(ROOT.glob(f"docs/staff/{language}/*.md")))
        return [line.words[1:3] for line in lines if line.words[1:2] != ("--lang",)]

    english, chinese = ([*dict.fromkeys(shapes(language))] for language in ("en", "zh"))
    assert english == chinese


@pytest.mark.parametrize("path", KNOWN, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    said = CliRunner().invoke(main, [*path, "--help"])
    assert said.exit_code == 0
    assert "Usage:" in said.output
