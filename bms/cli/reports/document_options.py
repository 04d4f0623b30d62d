"""What commands that make a report have in common: its formats, and where they go."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from bms.cli.common import show
from bms.core.errors import InvalidInput
from bms.texts.language import language, say
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from bms.texts.system_errors import os_cause

FORMATS: Final = ("html", "xlsx", "csv", "json")
FORMAT = click.option(
    "--format",
    "formats",
    help="html, xlsx, csv, json, several with commas.  [default: a table on the screen]",
)
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write into.  [default: here]",
)


def formats_of(text: str | None) -> tuple[str, ...]:
    """The formats that were asked for. Raises InvalidInput for one that there is not."""
    asked = tuple(dict.fromkeys(word.strip().lower() for word in (text or "").split(",") if word))
    for word in asked:
        if word not in FORMATS:
            hint = suggestion(word, FORMATS)
            raise InvalidInput(msg("no format '{format}'; {hint}", format=word, hint=hint))
    return asked


def hand_out(document: Any, formats: tuple[str, ...], out: Path | None) -> None:
    """Show a report, or write it in each format. Raises InvalidInput if it cannot be written."""
    from bms.reports.documents.faces import FACES
    from bms.storage.durable import write_whole

    if not formats:
        from bms.cli.screens.document_screen import document_screen

        show(*document_screen(document))
        return
    folder = out or Path()
    for name in formats:
        file = f"{document.kind}-{document.subject.key}-{document.period}.{language()}.{name}"
        path = folder / file
        body = FACES[name](document, language())
        try:
            write_whole(path, body)
        except OSError as error:
            raise InvalidInput(
                msg("cannot write {path}: {cause}", path=path, cause=os_cause(error))
            ) from error
        click.echo(say("written: {path}", path=path))
