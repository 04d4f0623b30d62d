"""Commands about meters: what they measured, and what a person has to tell about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    SITE,
    ErrorGroup,
    clock_now,
    instant,
    load_for,
    print_json,
    show,
    table_of,
)
from bms.cli.energy.meter_entries import METER, correct, find_meter_of, replace, withdraw
from bms.cli.energy.meter_import import import_
from bms.cli.screens.labels import label_text, legend, shares_text
from bms.texts.language import say, told

if TYPE_CHECKING:
    from bms.config.site import MeterSpec, Site

FROM = click.option("--from", "start", help="First day or instant.  [default: this month]")
TO = click.option("--to", "end", help="End, not included.  [default: now]")


@click.group(cls=ErrorGroup)
def meter() -> None:
    """Look at meters and their energy; tell of replaced meters, corrections, readings by hand."""


def _asked_of(
    site: Site, name: str, start: str | None, end: str | None
) -> tuple[MeterSpec, dict[str, Any]]:
    """A meter, and what is asked of it: times are by its own clock."""
    spec = find_meter_of(site, name)
    return spec, {"meter": name, **_period(spec.zone, start, end)}


def _period(zone: str, start: str | None, end: str | None) -> dict[str, datetime | None]:
    return {
        "start": instant(zone, start, "--from") if start else None,
        "end": instant(zone, end, "--to") if end else None,
    }


@meter.command("list")
@SITE
@AS_JSON
def list_(site: Path, as_json: bool) -> None:
    """Every meter with its energy of this month."""
    from bms.operations.requests.energy_requests import ListMeters
    from bms.operations.use_cases.energy_cases import list_meters

    answer = list_meters(load_for(site, ENERGY), ListMeters(), clock_now())
    if as_json:
        print_json(answer.plain())
        return
    table = table_of(None, "meter", "kind", "role", "month", "amount", "", "coverage", "until", "")
    for row in answer.shown():
        table.add_row(
            row["meter"],
            _kind_text(row["kind"]),
            row["role"],
            row["month"],
            _amount(row["amount"]),
            row["unit"],
            f"{row['coverage_pct']:.1f} %",
            (row["known_until"] or "—")[:16].replace("T", " "),
            "" if row["rated"] else say("no rating: a swapped register may pass for energy"),
        )
    show(table)


@meter.command("show")
@SITE
@METER
@FROM
@TO
@AS_JSON
def show_(site: Path, name: str, start: str | None, end: str | None, as_json: bool) -> None:
    """One meter: settings, energy, what happened to its register, and what people said."""
    from bms.operations.requests.energy_requests import ShowMeter
    from bms.operations.use_cases.energy_cases import show_meter

    loaded = load_for(site, ENERGY)
    _, asked = _asked_of(loaded, name, start, end)
    answer = show_meter(loaded, ShowMeter(**asked), clock_now())
    if as_json:
        print_json(answer.plain())
        return
    view = answer.shown()
    table = table_of(None, "", "")
    titles = {
        "meter": say("meter"),
        "kind": say("kind"),
        "medium": say("medium"),
        "role": say("role"),
        "resolution": say("resolution"),
        "register_size": say("register size"),
        "most_per_h": say("most per h"),
        "formula": say("formula"),
        "parent": say("parent"),
        "ratios": say("ratios"),
    }
    for key in ("meter", "kind", "medium", "role", "resolution", "register_size", "most_per_h"):
        value = _kind_text(view[key]) if key == "kind" else view[key]
        table.add_row(titles[key], "—" if value is None else str(value))
    for key in ("formula", "parent", "ratios"):
        if view[key]:
            table.add_row(titles[key], str(view[key]))
    table.add_row(say("period"), f"{view['from']} .. {view['to']}")
    table.add_row(say("amount"), f"{_amount(view['amount'])} {view['unit']}")
    table.add_row(say("coverage"), f"{view['coverage_pct']:.2f} %")
    table.add_row(say("labels"), shares_text(view["shares_pct"]))
    show(table, *legend(view["shares_pct"]))
    if view["events"]:
        events = table_of(say("events"), "from", "to", "event", "label", "amount", "because")
        for event in view["events"]:
            events.add_row(
                event["from"][:16],
                event["to"][:16],
                _event_text(event["event"]),
                label_text(event["label"]),
                _amount(event["amount"]),
                told(event["reason"]),
            )
        show(events)
    if view["entries"]:
        show(_entries_table(view["entries"]))


def _entries_table(entries: Sequence[Mapping[str, Any]]) -> object:
    table = table_of(say("entries"), "no.", "what", "from", "to", "who", "why", "")
    for entry in entries:
        table.add_row(
            str(entry["entry"]),
            _entry_text(entry),
            entry["from"][:16],
            entry["to"][:16],
            entry["who"],
            told(entry["why"]),
            say("withdrawn") if entry["withdrawn"] else "",
        )
    return table


@meter.command()
@SITE
@METER
@FROM
@TO
@click.option(
    "--by", "step", type=click.Choice(["15m", "day", "month"]), default="15m", show_default=True
)
@AS_JSON
def intervals(
    site: Path, name: str, start: str | None, end: str | None, step: Any, as_json: bool
) -> None:
    """The energy of each quarter hour, day or month."""
    from bms.operations.requests.energy_requests import AskIntervals
    from bms.operations.use_cases.energy_cases import intervals as ask_intervals

    loaded = load_for(site, ENERGY)
    spec, asked = _asked_of(loaded, name, start, end)
    answer = ask_intervals(loaded, AskIntervals(**asked, by=step), clock_now())
    if as_json:
        print_json(answer.plain())
        return
    table = table_of(None, "from", spec.medium.unit, "coverage", "label")
    labels: set[str] = set()
    for row in answer.shown():
        labels |= {row["label"]} if "label" in row else row["shares_pct"].keys()
        table.add_row(
            row["start"][:16].replace("T", " "),
            _amount(row["amount"]),
            f"{row['coverage_pct']:.1f} %",
            label_text(row["label"]) if "label" in row else shares_text(row["shares_pct"]),
        )
    show(table, *legend(labels))


@meter.command()
@SITE
@METER
@FROM
@TO
@AS_JSON
def demand(site: Path, name: str, start: str | None, end: str | None, as_json: bool) -> None:
    """The greatest 15-minute demand of each month, and how much of the month is known."""
    from bms.operations.requests.energy_requests import AskDemand
    from bms.operations.use_cases.energy_cases import demand as ask_demand

    loaded = load_for(site, ENERGY)
    spec, asked = _asked_of(loaded, name, start, end)
    answer = ask_demand(loaded, AskDemand(**asked), clock_now())
    if as_json:
        print_json(answer.plain())
        return
    table = table_of(None, "month", spec.medium.rate_unit, "quarter hour", "known")
    for row in answer.shown():
        table.add_row(
            row["month"],
            _amount(row["peak"]),
            (row["start"] or "—")[:16].replace("T", " "),
            f"{row['filled_pct']:.1f} %",
        )
    show(table)
    if any(row["peak"] is None for row in answer.shown()):
        click.echo(
            say(
                "— where no quarter hour is measured by itself: readings lie further apart, and "
                "how the energy between them divides is not known"
            )
        )


@meter.command()
@SITE
@FROM
@TO
@AS_JSON
def tree(site: Path, start: str | None, end: str | None, as_json: bool) -> None:
    """Sub-meters behind their meters, and what is not metered apart."""
    from bms.operations.requests.energy_requests import AskMeterTree
    from bms.operations.use_cases.energy_cases import meter_tree

    loaded = load_for(site, ENERGY)
    asked = AskMeterTree(**_period(loaded.file.zone, start, end))
    answer = meter_tree(loaded, asked, clock_now())
    if as_json:
        print_json(answer.plain())
        return
    nodes = answer.shown()
    if not nodes:
        click.echo(say("no meter has a parent: write 'parent' into meters.yaml"))
        return
    table = table_of(None, "meter", "amount", "", "coverage", "not metered apart", "")
    _add_nodes(table, nodes, "")
    show(table)


def _add_nodes(table: Any, nodes: Sequence[Mapping[str, Any]], indent: str) -> None:
    for node in nodes:
        rest = "" if not node["children"] else _amount(node["residual"])
        table.add_row(
            indent + node["meter"],
            _amount(node["amount"]),
            node["unit"],
            f"{node['coverage_pct']:.1f} %",
            rest,
            say("less than nothing: check ratios and the tree") if node["impossible"] else "",
        )
        _add_nodes(table, node["children"], indent + "  ")


def _amount(value: float | None) -> str:
    return "—" if value is None else f"{value:,.2f}"


def _entry_text(entry: Mapping[str, Any]) -> str:
    """What somebody said about a meter: a replacement, a reading, a correction, a withdrawal."""
    words = {
        "replacement": say("replacement"),
        "reading": say("reading"),
        "intervals": say("intervals"),
        "correction": say("correction"),
        "withdrawal": say("withdrawal"),
    }
    details: dict[str, Callable[[Any], str]] = {
        "final": lambda value: say("final {reading}", reading=value),
        "initial": lambda value: say("initial {reading}", reading=value),
        "value": lambda value: say("value {reading}", reading=value),
        "amount": lambda value: say("amount {reading}", reading=value),
        "label": lambda value: say("label {name}", name=label_text(value)),
    }
    said = [told_as(entry[key]) for key, told_as in details.items() if entry.get(key) is not None]
    kind = words.get(entry["kind"], entry["kind"])
    return f"{kind}: {', '.join(said)}" if said else kind


def _kind_text(kind: str) -> str:
    words = {
        "formula": say("formula"),
        "polled": say("polled"),
        "read by hand": say("read by hand"),
    }
    return words.get(kind, kind)


def _event_text(event: str) -> str:
    words = {
        "gap": say("gap"),
        "jump": say("jump"),
        "quarantine": say("quarantine"),
        "replacement": say("replacement"),
        "reset": say("reset"),
        "rollover": say("rollover"),
    }
    return words.get(event, event)


for entry in (replace, correct, withdraw, import_):
    meter.add_command(entry)
