"""Keeps the catalogues of messages: `python -m tests.messages` (make messages).

Finds every template that the code can say, adds the new ones to the `bms.po` without a
translation, takes out what nothing says now, and compiles the `bms.mo` that is shipped.
"""

from __future__ import annotations

import ast
import inspect
import json
import string
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

Template: TypeAlias = "str | tuple[str, str]"
"""A template, or those of a message with a count: for one, and for any other number."""

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "bms" / "texts" / "locale" / "zh" / "LC_MESSAGES" / "bms.po"
PACKAGES = ("bms", "drivers", "schedules", "simulators")
_TABLES = ("_table", "table_of", "screen_table")
_KEYWORDS = {"msg": None, "say": None, "plural": (1, 2), **dict.fromkeys(_TABLES)}
HELP = "bms/cli/__init__.py"
"""Where help and click's own words are said."""
_CLICK: tuple[Template, ...] = (
    "Usage:", "Options", "Commands", "Show this message and exit.", "Show the version and exit.",
    "Missing argument", "Missing option", "Missing command.", "No such option {name!r}.",
    "No such command {name!r}.", "Error: {message}", "Aborted!",
    "Try '{command} {option}' for help.", "{name}: {message}", "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}", "default: {default}", "required", "env var: {var}",
    "Option {name!r} does not take a value.", "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.", "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a file.", "{name} {filename!r} is a directory.",
    "{name} {filename!r} is not readable.",
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
)  # fmt: skip
"""What click says most; the rest of its words stay English."""


@cache
def extracted() -> Catalog:
    """Every template that the code can say, with the files that say it."""
    found = Catalog()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            with path.open("rb") as file:
                for line, template, _, _ in extract(_calls, file, _KEYWORDS):
                    if _has_words(template):
                        found.add(template, locations=[(place, line)])
    for text in (*_help(_main()), *_CLICK):
        found.add(text, locations=[(HELP, 1)])
    return found


def templates() -> dict[Template, str]:
    """Every template, and the file that says it first."""
    return {_template(message): message.locations[0][0] for message in _messages(extracted())}


def catalogue(path: Path = CATALOGUE) -> Catalog:
    """What is translated: as `bms.po` has it."""
    with path.open("rb") as file:
        kept = read_po(file, domain="bms")
    kept.project, kept.version = "bms", ""
    kept.last_translator = kept.language_team = kept.msgid_bugs_address = "bms"
    return kept


def compiled(path: Path = CATALOGUE) -> Catalog:
    """What is shipped: the `bms.mo` beside a `bms.po`."""
    with path.with_suffix(".mo").open("rb") as file:
        return read_mo(file)


def translations(kept: Catalog) -> dict[Template, tuple[str, ...]]:
    """The translations of every template: one, or one for each plural form; empty if missing."""
    return {_template(message): _strings(message) for message in _messages(kept)}


def fields(*templates: str) -> set[str]:
    """The names of the arguments that templates show."""
    parsed = (place for text in templates for place in string.Formatter().parse(text))
    return {name for _, name, _, _ in parsed if name is not None}


def _messages(found: Catalog) -> Iterator[Message]:
    return (message for message in found if message.id)


def _template(message: Message) -> Template:
    made: str | list[str] | tuple[str, ...] = message.id
    return made if isinstance(made, str) else (made[0], made[1])


def _strings(message: Message) -> tuple[str, ...]:
    if message.fuzzy:  # of another form before, as a message without a count
        return ("",)
    said = message.string
    return tuple(said) if isinstance(said, (list, tuple)) else (said or "",)


def _has_words(template: str | tuple[str, ...]) -> bool:
    text = template if isinstance(template, str) else template[0]
    words = "".join(literal for literal, *_ in string.Formatter().parse(text))
    return any(character.isalpha() for character in words)


def _calls(
    file: Any, keywords: Collection[str], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Any]:
    """An extraction method of Babel's: line, name, texts and comments of the calls of `keywords`.

    Babel's own reads tokens, not syntax: it takes `say("on" if here else "off")` for "onoff".
    """
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _TABLES:
                for argument in node.args:
                    yield from ((node.lineno, name, text, []) for text in _texts(argument))
            elif name == "plural":
                one_and_many = tuple(next(_texts(argument), None) for argument in node.args)
                yield node.lineno, name, one_and_many, []
            elif name in keywords:
                for argument in node.args[:1]:
                    yield from ((node.lineno, name, text, []) for text in _texts(argument))


def unfound() -> list[str]:
    """Calls whose template is not written in them: their messages would stay English."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
                if isinstance(node, ast.Call) and name in ("msg", "say", "plural"):
                    wanted = node.args[: 2 if name == "plural" else 1]
                    if not all(_is_written(argument) for argument in wanted):
                        found.append(place)
    return found


def _is_written(argument: ast.expr) -> bool:
    if isinstance(argument, ast.IfExp):
        return _is_written(argument.body) and _is_written(argument.orelse)
    return isinstance(argument, ast.Constant)


def _texts(argument: ast.expr) -> Iterator[str]:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        if argument.value:
            yield argument.value
    elif isinstance(argument, ast.IfExp):
        yield from _texts(argument.body)
        yield from _texts(argument.orelse)


def _main() -> click.Command:
    from bms.cli import main

    return main


def _help(command: click.Command) -> Iterator[str]:
    from bms.cli.speaking import lang_option

    for param in (*command.params, lang_option()):
        if isinstance(param, click.Option) and param.help:
            yield param.help
    if command.help:
        yield inspect.cleandoc(command.help)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _help(inner)


def main() -> int:
    """Bring the catalogue up to date; 1 if translations are missing."""
    kept = catalogue()
    kept.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    for message in _messages(kept):
        message.flags.discard("python-format")  # "% of" looks like one
    with CATALOGUE.open("wb") as file:
        write_po(file, kept, width=0, sort_output=True, ignore_obsolete=True, include_lineno=False)
    with CATALOGUE.with_suffix(".mo").open("wb") as file:
        write_mo(file, kept)
    found = translations(kept)
    missing = [template for template, said in found.items() if not all(said)]
    for template in missing:
        print(f"{templates()[template]}: {json.dumps(template, ensure_ascii=False)}")
    print(f"{len(found)} messages, {len(missing)} without a translation")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
