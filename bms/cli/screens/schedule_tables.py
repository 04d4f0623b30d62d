"""How a terminal shows what schedules will do, and what an edit of them changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.text import Text

from bms.cli.screens.bars import (
    FORCED,
    OFF,
    ON,
    OTHER,
    RULER,
    Part,
    day_bar,
    days_of,
    sign_of,
    within,
)
from bms.cli.screens.tables import NOTE, screen_table, setpoints_text, value_text
from bms.core.instants import local_midnight
from bms.texts.language import say, told, weekday

_OPERATOR = 8
"""The slot of overrides."""


def preview_screen(view: Mapping[str, Any]) -> list[RenderableType]:
    """One bar per day, hours running, and each stretch with its reason."""
    if not view["governed"]:
        return [
            Text(
                say(
                    "no schedule governs {group}: it is never commanded by schedule",
                    group=view["group"],
                )
            )
        ]
    lines: list[RenderableType] = []
    if view["overrides"] is None:
        lines.append(Text(say("there is no state of this site yet: overrides are not shown"), NOTE))
    lines += [
        Text(
            say(
                "override: {point} = {commanded} until {until} by {owner} ({reason})",
                point=o["point"],
                commanded=value_text(o["value"]),
                until=o["until"],
                owner=o["owner"],
                reason=o["reason"],
            ),
            NOTE,
        )
        for o in view["overrides"] or []
    ]
    lines += [
        Text(
            say(
                "calendar {name} has no {years}: its holidays are shown as ordinary days",
                name=name,
                years=", ".join(map(str, years)),
            ),
            NOTE,
        )
        for name, years in view["calendars_lack"].items()
    ]
    expected = view.get("expected_start")
    if expected is not None:
        lines.append(
            Text(
                say(
                    "expected to start at {time}: {reason}",
                    time=expected["time"],
                    reason=expected["reason"],
                ),
                NOTE,
            )
        )
    zone = ZoneInfo(view["zone"])
    stretches = [(_part(s), s) for s in view["stretches"]]
    parts = [part for part, _ in stretches]
    table = screen_table("day", RULER, "hours", "because")
    for day in days_of(parts, zone):
        running = within(parts, day, zone, lambda part: part.sign not in (" ", "·"))
        table.add_row(
            f"{weekday(day)} {day:%Y-%m-%d}",
            day_bar(parts, day, zone),
            f"{running / timedelta(hours=1):.1f}",
            "\n".join(_because(stretches, day, zone)),
        )
    return [*lines, table, Text(legend(), NOTE)]


def _part(stretch: Mapping[str, Any]) -> Part:
    forced = stretch["priority"] == _OPERATOR
    return Part(
        datetime.fromisoformat(stretch["from"]),
        datetime.fromisoformat(stretch["to"]),
        sign_of(stretch["mode"], forced=forced and stretch["mode"] != "off"),
    )


def _because(
    stretches: Sequence[tuple[Part, Mapping[str, Any]]], day: date, zone: ZoneInfo
) -> list[str]:
    """The stretches of a day that are not simply off; of a day that is off, all."""
    running: list[str] = []
    resting: list[str] = []
    midnight = local_midnight(day, zone)
    for part, stretch in stretches:
        start, end = part.start.astimezone(zone), part.end.astimezone(zone)
        # in UTC: two readings of one zone are compared by the wall clock
        if start.date() > day or end.astimezone(UTC) <= midnight:
            continue
        forced = stretch["priority"] is not None and stretch["priority"] <= _OPERATOR
        line = f"{_times(start, end, day)} {_what(stretch)}: {told(stretch['reason'])}"
        (resting if stretch["mode"] == "off" and not forced else running).append(line)
    return running or resting


def _times(start: datetime, end: datetime, day: date) -> str:
    begins = f"{start:%H:%M}" if start.date() == day else "00:00"
    ends = f"{end:%H:%M}" if end.date() == day else "24:00"
    return f"{begins}-{ends}"


def _what(stretch: Mapping[str, Any]) -> str:
    setpoints = setpoints_text(stretch["setpoints"])
    return " ".join(text for text in (value_text(stretch["mode"]), setpoints) if text)


def legend() -> str:
    """What the signs of a bar mean."""
    return say(
        "{on_mark} on   {other_mark} another mode   {off_mark} off   {forced_mark} forced by hand",
        on_mark=ON,
        other_mark=OTHER,
        off_mark=OFF,
        forced_mark=FORCED,
    )


def diff_screen(view: Mapping[str, Any]) -> list[RenderableType]:
    """Per group the hours and the estimate, then every command that becomes another."""
    if not view["groups"]:
        return [Text(say("nothing changes: every group is commanded as before"))]
    summary = screen_table("group", "first", "hours", "setpoints", "kWh", "estimated from")
    for group in view["groups"]:
        first = datetime.fromisoformat(group["changes"][0]["from"])
        summary.add_row(
            group["group"],
            f"{weekday(first)} {first:%m-%d %H:%M}",
            ", ".join(f"{_mode(m)} {hours:+.2f} h" for m, hours in group["hours_by"].items())
            or "—",
            ", ".join(_setpoints(group["changes"])) or "—",
            "—" if group["kwh"] is None else f"{group['kwh']:+,.1f}",
            _basis(group),
        )
    lines: list[RenderableType] = [summary]
    total = view["kwh"]
    lines.append(Text("" if total is None else say("in all {total:+,.1f} kWh", total=total), NOTE))
    table = screen_table("day", "from", "to", "point", "now", "then", "because")
    for group in view["groups"]:
        for change in group["changes"]:
            start = datetime.fromisoformat(change["from"])
            end = datetime.fromisoformat(change["to"])
            same_day = end.date() == start.date()
            table.add_row(
                f"{weekday(start)} {start:%Y-%m-%d}",
                f"{start:%H:%M}",
                f"{end:%H:%M}" if same_day else f"{weekday(end)} {end:%m-%d %H:%M}",
                change["point"],
                *_sides(change),
                told((change["after"] or change["before"])["reason"]),
            )
    return [*lines, table]


def _setpoints(changes: Sequence[Mapping[str, Any]]) -> list[str]:
    """`speed_pct 70/90 → 50` for each setpoint that changes: its values where it does."""
    values: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for change in changes:
        name = change["point"].rpartition(".")[2]
        if name != "mode":
            sides = values.setdefault(name, ({}, {}))
            for side, text in zip(sides, _sides(change), strict=True):
                side[text] = None
    return [f"{n} {'/'.join(a)} → {'/'.join(b)}" for n, (a, b) in sorted(values.items())]


def _sides(change: Mapping[str, Any]) -> tuple[str, str]:
    return _command(change["before"]), _command(change["after"])


def _basis(group: Mapping[str, Any]) -> str:
    power = group["power"]
    if power is None:
        return say("no meter and no rated_kw")
    used = {mode: kw for mode, kw in power["kw"].items() if mode in group["hours_by"]}
    if not used:
        return say("no change of mode; what other setpoints use is not known")
    kilowatts = ", ".join(
        say("{mode} {power_kw:.1f} kW", mode=_mode(mode), power_kw=kw) for mode, kw in used.items()
    )
    if power["basis"] == "rated":
        return say("rated: {kilowatts}", kilowatts=kilowatts)
    hours = min(power["hours"][mode] for mode in used)
    return say(
        "measured: {kilowatts} (over {hours:.0f} h or more)", kilowatts=kilowatts, hours=hours
    )


def _mode(mode: str) -> str:
    return value_text(mode) if mode else say("nobody")


def _command(command: Mapping[str, Any] | None) -> str:
    return "—" if command is None else value_text(command["value"])
