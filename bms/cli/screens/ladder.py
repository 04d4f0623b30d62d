"""The answer to "why?": the priority ladder of a point, and what the field shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bms.cli.screens.tables import NOTE, quality_text, screen_table, value_text
from bms.texts.language import say, told


def why_screen(answer: Mapping[str, Any]) -> list[RenderableType]:
    """The priority ladder with the winner first, what the field shows, and the group behind it."""
    field = answer["field"]
    good = field["quality"] == "good"
    shown = f"{value_text(field['value'])} {field['unit']}".strip() if good else "—"
    facts = [quality_text(field["quality"])]
    if field["age_s"] is not None:
        facts.append(say("{age_s:.0f} s old", age_s=field["age_s"]))
    facts += [told(field["detail"])] if field["detail"] else []
    head = Text.assemble(
        (answer["point"], "bold"),
        " ",
        say(
            "at {time}  field: {field_value} ({details})",
            time=answer["time"],
            field_value=shown,
            details=", ".join(facts),
        ),
    )
    lines: list[RenderableType] = [head]
    if answer["note"]:
        lines.append(Text(told(answer["note"]), NOTE))
    if answer["winner"] is None:
        lines.append(
            Text(
                say("nothing commands it")
                if answer["commandable"]
                else say("measured, not commanded")
            )
        )
    else:
        lines.append(_ladder(answer))
    for ladder in answer["behind"]:
        lines += [Text(), Text.assemble(say("behind it:"), " ", (ladder["point"], "bold"))]
        lines.append(
            Text(say("nothing commands it")) if ladder["winner"] is None else _ladder(ladder)
        )
    return lines


def _ladder(answer: Mapping[str, Any]) -> Table:
    table = screen_table("", "slot", "value", "by", "reason", "until")
    for label, command in [(say("wins"), answer["winner"])] + [("", c) for c in answer["losers"]]:
        table.add_row(
            label,
            f"{command['priority']} {_slot(command['slot'])}",
            value_text(command["value"]),
            command["source"],
            told(command["reason"]),
            command["expires"] or "",
        )
    return table


def _slot(name: str) -> str:
    names = {
        "life_safety_manual": say("life safety by hand"),
        "life_safety": say("life safety"),
        "equipment": say("equipment"),
        "min_on_off": say("minimum on/off"),
        "restart": say("restart"),
        "operator": say("operator"),
        "demand": say("demand limit"),
        "sequence": say("sequence"),
        "overlay": say("overlay"),
        "optimiser": say("optimiser"),
        "schedule": say("schedule"),
        "default": say("default"),
    }
    return names.get(name, name.replace("_", " "))
