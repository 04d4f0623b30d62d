"""Commands that look for devices. They only read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bms.cli.common import AS_JSON, ErrorGroup, clock_now, print_json, show, table_of
from bms.cli.grouped import grouped
from bms.core.errors import BmsError, InvalidInput, Unreachable
from bms.texts.language import say, told
from bms.texts.messages import message_of, msg
from bms.texts.system_errors import os_cause

_OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the draft here."
)
_RATE = click.option(
    "--rate", type=click.FloatRange(0.1, 1000), default=10.0, show_default=True,
    help="Requests per second to each host.",
)  # fmt: skip


@click.group(cls=ErrorGroup)
def scan() -> None:
    """Find devices without changing anything, and draft the files for them."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How units are asked, as the options say."""

    rtu: bool
    any_transaction_id: bool
    timeout: float
    rate: float


@scan.command()
@click.argument("host", nargs=-1, required=True)
@click.option("--units", default="1-247", show_default=True, help="1, 1-10 or 1,5,7-9.")
@click.option("--port", type=click.IntRange(1, 65535), default=502, show_default=True)
@click.option("--rtu", is_flag=True, help="RTU frames over TCP, as serial gateways pass on.")
@click.option(
    "--any-transaction-id",
    is_flag=True,
    help="For devices that do not repeat the transaction id of the request in their answers.",
)
@click.option("--timeout", type=click.FloatRange(0.05, 30), default=0.5, show_default=True)
@_RATE
@_OUTPUT
@AS_JSON
@grouped("asking", Asking)
def modbus(
    host: tuple[str, ...],
    units: str,
    port: int,
    asking: Asking,
    output: Path | None,
    as_json: bool,
) -> None:
    """Ask every unit of HOST (name, address, or a network such as 10.0.3.0/24) what it is."""
    from bms.field.commissioning import survey as scanning

    places, numbers = scanning.hosts(host, port), scanning.units(units)
    found: list[scanning.Answering] = []
    rtu, ids = asking.rtu, not asking.any_transaction_id

    def report(text: str) -> None:
        click.echo(told(text), err=True)

    async def run() -> None:
        async for one in scanning.scan_modbus(
            places, numbers, rtu=rtu, transaction_ids=ids, timeout_s=asking.timeout,
            rate_hz=asking.rate, now=clock_now, report=report,
        ):  # fmt: skip
            found.append(one)
            report(
                say(
                    "{place} unit {unit}: {title}",
                    place=f"{one.host}:{one.port}",
                    unit=one.found.unit,
                    title=told(one.found.title),
                )
            )

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        report(say("stopped; this is what was found so far"))
    found.sort(key=lambda one: (one.host, one.port, one.found.unit))
    if as_json:
        print_json([_modbus_view(one) for one in found])
    elif found:
        table = table_of(None, "host", "unit", "is", "device file", "SunSpec")
        for one in found:
            models = " ".join(str(model) for model, _ in one.found.sunspec)
            where, title = f"{one.host}:{one.port}", told(one.found.title)
            if one.found.refused:
                title = say("answers, reads nothing: {refusal}", refusal=one.found.refused)
            table.add_row(where, str(one.found.unit), title, one.device or "—", models)
        show(table)
    if not found:
        raise BmsError(
            msg(
                "nothing answered: look at the address, --port and --units, try a longer "
                "--timeout, --rtu if a serial gateway passes bytes on, and --any-transaction-id "
                "for devices that do not repeat it"
            )
        )
    _save(output, scanning.draft(found, rtu=rtu, transaction_ids=ids, told=told), as_json=as_json)


@scan.command()
@click.argument("url")
@click.option("--depth", type=click.IntRange(1, 20), default=6, show_default=True)
@click.option("--max-nodes", type=click.IntRange(1, 100_000), default=2000, show_default=True)
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=4.0, show_default=True)
@_RATE
@_OUTPUT
@AS_JSON
def opcua(
    url: str, depth: int, max_nodes: int, timeout: float, rate: float, output: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Browse the server at URL: what security it offers, and which variables it has."""
    from bms.config.shapes.links import opcua_url
    from bms.field.commissioning import server_survey as scanning
    from drivers.errors import ConnectionLost, DriverError, NoAnswer

    try:
        url = opcua_url(url)
    except ValueError as error:
        raise InvalidInput(message_of(error)) from None
    try:
        browsed = asyncio.run(
            scanning.scan_opcua(
                url, timeout_s=timeout, depth=depth, most=max_nodes, rate_hz=rate, now=clock_now()
            )
        )
    except (ConnectionLost, NoAnswer) as error:
        raise Unreachable(
            msg("{url} does not answer: {cause}", url=url, cause=message_of(error))
        ) from None
    except DriverError as error:
        raise BmsError(
            msg(
                "{url} does not let itself be browsed without security: {error}",
                url=url,
                error=error,
            )
        ) from None
    if as_json:
        print_json(
            {
                "endpoints": browsed.endpoints,
                "complete": browsed.complete,
                "variables": [_variable_view(variable) for variable in browsed.variables],
            }
        )
    else:
        click.echo(say("offers: {endpoints}", endpoints=", ".join(browsed.endpoints)))
        table = table_of(None, "variable", "node", "type", "value", "")
        for variable in browsed.variables:
            access = say("writable") if variable.writable else ""
            value = f"{variable.value!s:.40}"
            table.add_row(variable.path, variable.pasted, variable.type, value, access)
        show(table)
        if not browsed.complete:
            click.echo(say("there is more: raise --depth or --max-nodes"), err=True)
    _save(output, scanning.draft_opcua(browsed, told), as_json=as_json)


def _save(output: Path | None, text: str, *, as_json: bool) -> None:
    if output is None:
        if not as_json:
            click.echo(text)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput(
            msg("cannot write {output}: {cause}", output=output, cause=os_cause(error))
        ) from None
    click.echo(say("draft: {output}", output=output), err=True)


def _modbus_view(one: Any) -> dict[str, Any]:
    return {
        "host": one.host,
        "port": one.port,
        "unit": one.found.unit,
        "identification": one.found.identification,
        "sunspec": [{"model": model, "address": at} for model, at in one.found.sunspec],
        "refused": str(one.found.refused),
        "device": one.device,
    }


def _variable_view(variable: Any) -> dict[str, Any]:
    return {
        "path": variable.path,
        "title": variable.title,
        "namespace": variable.namespace,
        "node": variable.node,
        "paste": variable.pasted,
        "type": variable.type,
        "value": variable.value,
        "writable": variable.writable,
    }
