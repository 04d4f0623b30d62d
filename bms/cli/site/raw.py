"""Commands for one raw register or node, for commissioning."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from bms.cli.common import AS_JSON, SITE, changed, clock_now, load_explored, print_json
from bms.core.errors import InvalidInput, Silent, Unreachable
from bms.texts.clean import harmless
from bms.texts.language import say, told
from bms.texts.messages import msg

_UNIT = click.option("--unit", type=click.IntRange(0, 255), help="Modbus unit (device) id.")
_TYPE = click.option(
    "--type", "type", help="int16, uint32, float32, string …  [default: all that it may be]"
)
_WORDS = click.option(
    "--word-order", type=click.Choice(["big", "little"]), default="big", show_default=True
)
_BYTES = click.option(
    "--byte-order", type=click.Choice(["big", "little"]), default="big", show_default=True
)


@click.command()
@SITE
@click.argument("link")
@click.argument("place")
@_UNIT
@click.option(
    "--count",
    type=click.IntRange(1, 2000),
    help="Registers or bits.  [default: what --type needs, else 2 registers or 1 bit]",
)
@_TYPE
@_WORDS
@_BYTES
@AS_JSON
def read(site: Path, link: str, place: str, as_json: bool, **options: Any) -> None:
    """Read one place of a device: holding:40, input:7, coil:3, discrete:0, or an OPC-UA node.

    Addresses count from 0, as on the wire: register 40001 is holding:0. Through the running
    controller if there is one, so that a device with a single connection is not disturbed.
    """
    from bms.api.client import ask
    from bms.operations.requests.raw_requests import READ, ReadRaw
    from bms.operations.use_cases.raw_cases import link_of, read_directly

    if options["type"] is None and not options["count"] and place.startswith(("holding", "input")):
        options["count"] = 2
    loaded = load_explored(site, to_write=False)
    asked = ReadRaw(link=link_of(loaded, link).id, place=place, **options)
    try:
        found = ask(loaded.state_dir, READ, asked)
    except Silent:
        raise
    except Unreachable:
        found = asyncio.run(read_directly(loaded, asked, clock_now))
    if as_json:
        print_json(found.plain())
        return
    from bms.config.writing.render import width

    def line(name: str, value: object, columns: int) -> None:
        click.echo(harmless(f"{name}{' ' * (columns - width(name))} {value}"))

    shown = found.shown()
    likely = shown.pop("likely", "")
    labels = {
        "unit": say("unit"), "place": say("place"), "registers": say("registers"),
        "bits": say("bits"), "value": say("value"), "node": say("node"), "type": say("type"),
        "status": say("status"), "source_time": say("source time"),
    }  # fmt: skip
    for name, value in shown.items():
        if name == "may_be":
            for kind, guess in value.items():
                line(f"  {_reading(kind)}", _plain(guess), 48)
        else:
            values = value if isinstance(value, list | tuple) else (value,)
            text = " ".join(map(_plain, values))
            if name == "value" and likely:
                text = say("{shown}, if it is {reading}", shown=text, reading=_reading(likely))
            line(labels[name], text, 12)


@click.command(context_settings={"ignore_unknown_options": True})
@SITE
@click.argument("link")
@click.argument("place")
@click.argument("value")
@_UNIT
@click.option(
    "--type",
    "kind",
    help="int16, uint32, float32, string …  [default: uint16; of an OPC-UA node its own]",
)
@_WORDS
@_BYTES
@click.option("--reason", required=True, help="Why; it goes into the audit.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@AS_JSON
def write(
    site: Path, link: str, place: str, value: str, reason: str, yes: bool, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Write VALUE to one place of a device by hand: asks first, reads back, keeps it in the audit.

    The controller, if it commands the point, will command it again: use an override for that.
    """
    from bms.api.client import ask
    from bms.operations.requests.raw_requests import READ, WRITE, ReadRaw, WriteRaw
    from bms.operations.use_cases.raw_cases import link_of, read_directly, write_directly

    if not reason.strip():
        raise InvalidInput(msg("--reason: say why; it is kept"))
    loaded = load_explored(site, to_write=True)
    look = ReadRaw(link=link_of(loaded, link).id, place=place, **options)
    try:
        before = ask(loaded.state_dir, READ, look)
    except Silent:
        raise
    except Unreachable:
        before = asyncio.run(read_directly(loaded, look, clock_now))
    if not yes:
        unit = say(" of unit {unit}", unit=options["unit"]) if options["unit"] is not None else ""
        click.echo(
            say(
                "{place}{unit} on link {link} holds {registers}",
                place=place,
                unit=unit,
                link=link,
                registers=before.shown()["value"],
            ),
            err=as_json,
        )
        click.confirm(say("write {registers}?", registers=value), abort=True, err=as_json)

    asked = WriteRaw(link=link, place=place, value=value, reason=reason, **options)
    found = changed(
        loaded.state_dir,
        WRITE,
        asked,
        lambda who: asyncio.run(write_directly(loaded, asked, who, clock_now)),
    )
    if as_json:
        print_json(found.plain())
    else:
        click.echo(
            say(
                "{place} held {before}, holds {after}",
                place=place,
                before=found.shown()["before"]["value"],
                after=found.shown()["after"]["value"],
            )
        )


def _reading(name: str) -> str:
    """A way to read registers, in the reader's language."""
    from bms.field.commissioning.likely_readings import READINGS

    return told(READINGS[name].words) if name in READINGS else name


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
