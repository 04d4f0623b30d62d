"""What shadow mode would have written, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from bms.cli.screens.tables import NOTE, screen_table, value_text
from bms.texts.language import say, told
from bms.texts.messages import joined, msg, plural


def shadow_screen(rows: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """What would have been written, and how often the field did the same."""
    table = screen_table("time", "point", "would write", "field shows", "same", "because")
    for row in rows:
        agrees = {None: "—", True: say("yes"), False: say("no")}[row["agrees"]]
        table.add_row(
            row["time"][:19].replace("T", " "),
            row["point"],
            say("release") if row["value"] is None else value_text(row["value"]),
            "—" if row["field"] is None else value_text(row["field"]),
            Text(agrees, style=NOTE if row["agrees"] is False else ""),
            f"{row['source']}: {told(row['reason'])}" if row["source"] else told(row["reason"]),
        )
    compared = [row["agrees"] for row in rows if row["agrees"] is not None]
    unsent = plural(
        "{count} command was not sent", "{count} commands were not sent", count=len(rows)
    )
    if compared:
        same = msg(
            "{equal} of {commands} as the field was",
            equal=sum(compared),
            commands=len(compared),
        )
        unsent = joined("; ", unsent, same)
    lines = [Text(told(unsent))]
    guessed = sum(not row["noted"] for row in rows)
    if guessed:
        lines.append(
            Text(
                say(
                    "{commands} of them may have been sent: an earlier version did not note it",
                    commands=guessed,
                ),
                style=NOTE,
            )
        )
    return [table, Text(), *lines]
