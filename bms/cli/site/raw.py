"""Commands for one raw register or node, for commissioning."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from bms.cli.common import AS_JSON, SITE, clock_now, load_site, print_json
from bms.core.errors import InvalidInput, Unreachable
from bms.texts.language import say
from bms.texts.messages import msg
from drivers.base import Driver

_UNIT = click.option("--unit", type=click.IntRange(0, 255), help="Modbus unit (device) id.")
_TYPE = click.option(
    "--type", "kind", help="int16, uint32, float32, string …  [default: all that it may be]"
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
    from bms.field.commissioning.raw_access import look, place_of

    args = _arguments(link, place, options)
    if args["type"] is None and not options["count"] and place.startswith(("holding", "input")):
        args["count"] = 2
    found = _through("raw.read", site, args, lambda d: look(d, place_of(place, args)))
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        if name == "may_be":
            for kind, guess in value.items():
                click.echo(f"  {kind:28} {guess}")
        else:
            click.echo(f"{name:12} {' '.join(map(str, value)) if _is_list(value) else value}")


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
    from bms.field.commissioning.raw_access import look, place_of, put_audited
    from bms.people.accounts import login
    from bms.people.roles import Action, may

    if not reason.strip():
        raise InvalidInput(msg("--reason: say why; it is kept"))
    args = _arguments(link, place, options)
    before = _through("raw.read", site, args, lambda d: look(d, place_of(place, args)))
    if not yes:
        unit = say(" of unit {unit}", unit=options["unit"]) if options["unit"] is not None else ""
        click.echo(
            say(
                "{place}{unit} on link {link} holds {registers}",
                place=place,
                unit=unit,
                link=link,
                registers=before["value"],
            ),
            err=as_json,
        )
        click.confirm(say("write {registers}?", registers=value), abort=True, err=as_json)

    async def directly(driver: Driver) -> dict[str, Any]:
        may(load_site(site), login(), Action.RAW)
        return await put_audited(
            driver,
            place_of(place, args),
            value,
            load_site(site).state_dir,
            clock_now,
            who=login(),
            via="cli",
            why=reason,
            link=link,
            place_text=place,
        )

    found = _through("raw.write", site, args | {"value": value, "reason": reason}, directly)
    if as_json:
        print_json(found)
    else:
        click.echo(
            say(
                "{place} held {before}, holds {after}",
                place=place,
                before=found["before"]["value"],
                after=found["after"]["value"],
            )
        )


def _arguments(link: str, place: str, options: dict[str, Any]) -> dict[str, Any]:
    kind = options.pop("kind")
    return {"link": link, "place": place, "type": kind, **options}


def _through(
    operation: str,
    site: Path,
    args: dict[str, Any],
    directly: Callable[[Driver], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    """Ask the running controller, or the device itself where none runs."""
    from bms.api.client import ask
    from bms.field.wiring import driver_for
    from bms.texts.yaml.parsing import suggestion
    from drivers.ticker import Ticker

    loaded = load_site(site)
    link = args["link"]
    if link not in loaded.links:
        raise InvalidInput(
            msg(
                "no link '{link}'; {suggestion}",
                link=link,
                suggestion=suggestion(link, loaded.links),
            )
        )
    try:
        answer: dict[str, Any] = ask(loaded.state_dir, operation, **args)
    except Unreachable:
        pass
    else:
        return answer

    async def alone() -> dict[str, Any]:
        async with AsyncExitStack() as stack:
            driver, _ = driver_for(loaded, loaded.links[link], Ticker(), clock_now, stack)
            async with driver:
                return await directly(driver)

    return asyncio.run(alone())


def _is_list(value: object) -> bool:
    return isinstance(value, list)
