"""How the links are doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from bms.cli.screens.tables import ABNORMAL, screen_table
from bms.texts.language import say, told


def links_screen(links: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """How each link is doing, and under it what does not answer."""
    table = screen_table(
        "link", "state", "points good", "requests", "errors", "p50 / p95 / p99 ms", "connects",
        "skipped", "last good", "detail",
    )  # fmt: skip
    for link in links:
        if link["shadow"]:
            state = say("online, shadow") if link["online"] else say("offline, shadow")
        else:
            state = say("online") if link["online"] else say("offline")
        table.add_row(
            f"{link['id']} ({link['endpoint']})",
            Text(state, style="" if link["online"] else ABNORMAL),
            f"{link['good']} / {link['points']}",
            str(link["requests"]),
            f"{link['error_pct']:.1f} %",
            " / ".join("—" if ms is None else f"{ms:.1f}" for ms in link["latency_ms"]),
            str(link["connects"]),
            str(link["overruns"]),
            (link["last_good"] or "—")[:19].replace("T", " "),
            told(link["detail"]) or _skew(link["clock_skew_s"]),
        )  # fmt: skip
        for unit in link["units"]:
            if not unit["online"]:
                silent = Text(say("silent"), style=ABNORMAL)
                table.add_row(
                    say("  unit {unit}", unit=unit["unit"]), silent, *[""] * 7, told(unit["detail"])
                )
    return [table]


def _skew(seconds: float | None) -> str:
    if seconds is None or abs(seconds) < 1:
        return ""
    if seconds > 0:
        return say("its clock is {seconds:.0f} s ahead", seconds=seconds)
    return say("its clock is {seconds:.0f} s behind", seconds=-seconds)
