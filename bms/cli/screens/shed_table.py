"""What demand limits have shed, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from bms.cli.screens.tables import screen_table, value_text
from bms.texts.language import say, told


def shed_screen(rows: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Each stretch, and what shedding has kept off the peak of the month."""
    if not rows:
        return [Text(say("nothing was shed"))]
    table = screen_table("from", "to", "min", "point", "shed to", "because")
    for row in rows:
        table.add_row(
            row["from"][:19].replace("T", " "),
            "—" if row["to"] is None else row["to"][11:19],
            f"{row['minutes']:g}",
            row["point"],
            value_text(row["value"]),
            told(row["reason"]),
        )
    avoided = {row["group"]: row["avoided_kw"] for row in rows if row["avoided_kw"] is not None}
    lines = [
        Text(say("{group}: {avoided_kw:.0f} kW kept off the month's peak", group=group,
                 avoided_kw=kw))
        for group, kw in avoided.items()
    ]  # fmt: skip
    return [table, Text(), *lines]
