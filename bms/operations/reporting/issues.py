"""Reports as they were issued, on the disk: `reports/<kind>/<subject>/<period>/issue-<n>/`.

An issue is never changed. The same figures are the same issue, whatever made them; other figures
make a new one, which names what changed. A further format or language of an issue is added to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bms.core.errors import DiskError
from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import (
    Document,
    Figure,
    Headlines,
    Kind,
    Name,
    Row,
    Table,
    Text,
)
from bms.reports.documents.faces import Face
from bms.reports.documents.json_face import plain_document
from bms.reports.documents.spelling import DASH, number, plain
from bms.storage.durable import write_whole
from bms.texts.language import speaking
from bms.texts.messages import from_json, msg, plural, to_json
from bms.texts.system_errors import os_cause

FOLDER: Final = "reports"
_FIGURES: Final = "figures.json"
"""What an issue says, for comparing with the next: it makes a folder an issue."""
_ISSUE: Final = re.compile(r"issue-([0-9]{1,6})")
MOST_CHANGES: Final = 12


@dataclass(frozen=True, slots=True)
class Issued:
    """What was issued, or found as it was issued before."""

    document: Document
    """With the number of its issue, and what it changed."""
    new: bool
    """Whether this made the issue."""
    files: tuple[Path, ...]


def file_name(document: Document, form: str, language: str) -> str:
    """`month-binjiang-2026-03.zh.html`."""
    return f"{document.kind}-{document.subject.key}-{document.period}.{language}.{form}"


def issue(
    document: Document, reports: Path, faces: Mapping[str, Face], languages: Sequence[str]
) -> Issued:
    """Issue a report in some formats and languages; an issue with the same figures stands.

    Raises DiskError if the disk does not take it.
    """
    folder = reports / document.kind / document.subject.key / document.period
    try:
        return _issued(document, folder, faces, languages)
    except OSError as error:
        raise DiskError(
            msg("{path}: cannot be written: {cause}", path=folder, cause=os_cause(error))
        ) from error


def _issued(
    document: Document, folder: Path, faces: Mapping[str, Face], languages: Sequence[str]
) -> Issued:
    figures = figures_of(document)
    last, kept = _last(folder)
    new = kept is None or kept["figures"] != figures
    changes: tuple[Text, ...] = ()
    if new:
        changes = tuple(_changes(document, kept["figures"])) if kept is not None else ()
        last += 1
    else:
        assert kept is not None
        changes = tuple(from_json(change) for change in kept["changes"])
    made = replace(document, issue=last, changes=changes)
    place = folder / f"issue-{last}"
    if new:
        kept_text = json.dumps(
            {"figures": figures, "changes": [to_json(str_of(c)) for c in changes]},
            ensure_ascii=False,
            sort_keys=True,
        )
        write_whole(place / _FIGURES, kept_text.encode())
    files = []
    for form, face in faces.items():
        for language in languages:
            path = place / file_name(made, form, language)
            if not path.exists():
                write_whole(path, face(made, language))
            files.append(path)
    return Issued(made, new, tuple(files))


def str_of(text: Text) -> str:
    """A text as a message is kept."""
    return text.key if isinstance(text, Name) else text


def _last(folder: Path) -> tuple[int, Mapping[str, Any] | None]:
    """The number of the newest issue, 0 before the first, and what it said."""
    numbers = [
        int(found[1])
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (found := _ISSUE.fullmatch(path.name)) is not None and (path / _FIGURES).exists()
    ]
    if not numbers:
        return 0, None
    last = max(numbers)
    try:
        kept = json.loads((folder / f"issue-{last}" / _FIGURES).read_text(encoding="utf-8"))
        return last, {"figures": dict(kept["figures"]), "changes": list(kept["changes"])}
    except (ValueError, KeyError, TypeError):
        return last, None


def figures_of(document: Document) -> dict[str, Any]:
    """Everything that an issue says, by section, in keys that never change."""
    with speaking("en"):
        plain = plain_document(document)
    return {"answer": plain["answer"], "sections": plain["sections"]}


def _changes(document: Document, before: Mapping[str, Any]) -> Iterator[Text]:
    old = dict(_old_figures(before))
    found: list[Text] = []
    seen = set()
    for place, title, now, decimals in _new_figures(document):
        seen.add(place)
        then = old.get(place)
        if place not in old:
            found.append(msg("{figure}: new, {after}", figure=title, after=_shown(now, decimals)))
        elif then != _value(now):
            found.append(
                msg(
                    "{figure}: {before} before, {after} now",
                    figure=title,
                    before=DASH if then is None else number(then, decimals),
                    after=_shown(now, decimals),
                )
            )
    gone = len(old.keys() - seen)
    yield from found[:MOST_CHANGES]
    more = len(found) - MOST_CHANGES
    if more > 0:
        yield plural("and 1 more figure", "and {count} more figures", count=more)
    if gone:
        yield plural("1 figure is gone", "{count} figures are gone", count=gone)
    if not found and not gone:
        yield msg("only texts and remarks changed")


def _shown(figure: Figure, decimals: int) -> str:
    return DASH if figure.value is None else number(figure.value, decimals)


def _value(figure: Figure) -> Any:
    return None if figure.value is None else plain(figure.value)


def _old_figures(before: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], Any]]:
    for section in before.get("sections", ()):
        for part in section.get("parts", ()):
            for item in part.get("figures", ()):
                yield (section["key"], item["key"], ""), item["value"]
            for row in part.get("rows", ()):
                for column, cell in row["cells"].items():
                    if isinstance(cell, dict):
                        yield (part["table"], row["key"], column), cell["value"]


def _new_figures(
    document: Document,
) -> Iterator[tuple[tuple[str, str, str], Text, Figure, int]]:
    """Every figure by its place, with what it is called."""
    for section in document.sections:
        for part in section.parts:
            if isinstance(part, Headlines):
                for item in part.figures:
                    place = section.key, item.key, ""
                    yield place, str_of(item.title), item.figure, item.decimals
            elif isinstance(part, Table):
                yield from _of_table(part)


def _of_table(table: Table) -> Iterator[tuple[tuple[str, str, str], Text, Figure, int]]:
    for row, cells in zip(table.rows, worked_out(table), strict=True):
        for column, cell in zip(table.columns, cells, strict=True):
            if isinstance(cell, Figure):
                title = msg(
                    "{row}, {column}", row=_row_title(table, row), column=str_of(column.title)
                )
                yield (table.key, row.key, column.key), title, cell, column.decimals


def _row_title(table: Table, row: Row) -> str:
    first = next((c for c in table.columns if c.kind is Kind.TEXT), None)
    cell = None if first is None else row.cells.get(first.key)
    return str_of(cell) if isinstance(cell, (str, Name)) else row.key
