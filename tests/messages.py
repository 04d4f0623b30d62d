"""Keeps the catalogues of messages: `python -m tests.messages` (make messages).

Finds every template that the code can say, adds the new ones to each `bms.po` without a
translation, takes out what nothing says any more, and compiles the `bms.mo` that is shipped.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "bms" / "texts" / "locale" / "zh" / "LC_MESSAGES" / "bms.po"
_FUNCTIONS = {"msg", "say"}
_TABLES = {"_table", "table_of", "screen_table"}
_FIELD = re.compile(r"\{(\w+)(?:![rs])?(?::[^}]*)?\}")
_CLICK = (
    "Usage:", "Options", "Commands", "Show this message and exit.", "Show the version and exit.",
    "Missing argument", "Missing option", "No such option: {name}", "No such command {name!r}.",
    "Error: {message}", "Got unexpected extra argument ({args})", "Aborted!",
    "Try '{command} {option}' for help.", "{name}: {message}", "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}", "default: {default}", "required", "env var: {var}",
)  # fmt: skip
"""What click says most; the rest of its words stay English."""


def templates() -> dict[str, str]:
    """Every template that the code can say, and where it is first said."""
    found: dict[str, str] = {}
    for package in ("bms", "schedules"):
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            for text in _in(ast.parse(path.read_text(encoding="utf-8"))):
                if re.search(r"[A-Za-z]{2}", _FIELD.sub("", text)):
                    found.setdefault(text, place)
    for text in (*_help(_main()), *_CLICK):
        found.setdefault(text, "command line")
    return found


def fields(template: str) -> list[str]:
    """The names of the arguments of a template, in order of name."""
    return sorted(set(_FIELD.findall(template)))


def _in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        wanted = node.args if name in _TABLES else node.args[:1] if name in _FUNCTIONS else []
        for argument in wanted:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


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


def read_po(path: Path = CATALOGUE) -> dict[str, str]:
    """Translations by template; empty for those that nobody has made yet."""
    found: dict[str, str] = {}
    key = ""
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("msgid "):
            key = json.loads(line[6:])
        elif line.startswith("msgstr ") and key:
            found[key] = json.loads(line[7:])
    return found


def write_po(found: dict[str, str], places: dict[str, str], path: Path = CATALOGUE) -> None:
    """The catalogue in order of template."""
    parts = [
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: zh_CN\\n"\n',
        *(
            f"#: {places[key]}\nmsgid {_quoted(key)}\nmsgstr {_quoted(found.get(key, ''))}\n"
            for key in sorted(places)
        ),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8", newline="\n")


def compiled(found: dict[str, str]) -> bytes:
    """The catalogue as gettext reads it."""
    pairs = {"": "Content-Type: text/plain; charset=UTF-8\nLanguage: zh_CN\n"}
    pairs |= {key: value for key, value in found.items() if value}
    keys = sorted(pairs, key=str.encode)
    originals = [key.encode() for key in keys]
    translations = [pairs[key].encode() for key in keys]
    at = 28 + 16 * len(keys)
    tables, texts = [], b""
    for column in (originals, translations):
        rows = b""
        for text in column:
            rows += struct.pack("<II", len(text), at + len(texts))
            texts += text + b"\0"
        tables.append(rows)
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0)
    return head + b"".join(tables) + texts


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> int:
    """Bring the catalogue up to date; 1 if translations are missing."""
    places, known = templates(), read_po()
    write_po(known, places)
    kept = {key: known.get(key, "") for key in places}
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(kept))
    missing = [key for key, value in kept.items() if not value]
    for key in missing:
        print(f"{places[key]}: {_quoted(key)}")
    print(f"{len(kept)} messages, {len(missing)} without a translation")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
