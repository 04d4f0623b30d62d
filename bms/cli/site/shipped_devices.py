"""The command that tells which devices are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import AS_JSON, print_json, show, table_of
from bms.core.errors import InvalidInput
from bms.texts.language import say
from bms.texts.messages import msg

if TYPE_CHECKING:
    from drivers.device_files.catalogue import DeviceType


@click.command()
@click.argument("name", metavar="DEVICE", required=False)
@AS_JSON
def devices(name: str | None, as_json: bool) -> None:
    """Device files that ship with bms; of DEVICE, its points. DEVICE may be part of a name."""
    from bms.texts.problems import suggestion
    from drivers.device_files.catalogue import shipped

    known = shipped()
    found = [known[name]] if name in known else _like(known.values(), name)
    if not found:
        raise InvalidInput(
            msg("no device '{name}'; {suggestion}", name=name, suggestion=suggestion(name, known))
        )
    if as_json:
        print_json([_plain(device) for device in found])
    elif len(found) == 1 and name is not None:
        _show_one(found[0])
    else:
        table = table_of(None, "device", "kind", "protocol", "points", "source")
        for device in found:
            table.add_row(
                device.device,
                device.kind,
                device.protocol,
                str(len(device.points)),
                device.document,
            )
        show(table)


def _like(known: Any, name: str | None) -> list[DeviceType]:
    """The devices with all of the words in their id, kind, title or source."""
    words = (name or "").lower().split()
    return [
        device
        for device in sorted(known, key=lambda device: (device.kind, device.device))
        if all(word in _words(device) for word in words)
    ]


def _words(device: DeviceType) -> str:
    title = device.title if isinstance(device.title, str) else " ".join(device.title.values())
    return f"{device.device} {device.kind} {title} {device.document}".lower()


def _show_one(device: DeviceType) -> None:
    from bms.cli.screens.tables import named

    click.echo(
        say(
            "{device}: {kind}, {protocol}; source: {document}",
            device=named(device.title, device.device),
            kind=device.kind,
            protocol=device.protocol,
            document=device.document,
        )
    )
    if device.sunspec:
        models = ", ".join(map(str, device.sunspec))
        click.echo(say("say where its SunSpec models begin: {models}", models=models))
    table = table_of(None, "point", "unit", "")
    for role, point in device.points.items():
        table.add_row(role, point.unit, say("may be commanded") if point.writable else "")
    show(table)


def _plain(device: DeviceType) -> dict[str, object]:
    return {
        "device": device.device,
        "kind": device.kind,
        "title": device.title,
        "protocol": device.protocol,
        "document": device.document,
        "sunspec": list(device.sunspec),
        "points": [
            {"role": role, "unit": point.unit, "writable": point.writable}
            for role, point in device.points.items()
        ],
    }
