"""`python -m simulators serve SITE --plant module:Class`: a park as real servers."""

from __future__ import annotations

import asyncio
import importlib
import json
from pathlib import Path
from typing import Any

import click

from simulators.clock import utc_now
from simulators.sitefiles import SiteFilesError, read_links


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulated parks behind real Modbus TCP and OPC-UA servers on loopback."""


@main.command()
@click.argument("site", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--plant", required=True, help="module:Class of the plant.")
@click.option("--option", "options", multiple=True, help="name=value handed to the plant.")
@click.option(
    "--endpoints",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Written when ready: host and port (or url) of each link, as JSON.",
)
@click.option(
    "--period",
    type=click.FloatRange(min=0.05, max=60),
    default=1.0,
    show_default=True,
    help="Seconds between two steps of the plant.",
)
@click.option(
    "--door",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A local socket that takes orders; see `tell`.",
)
def serve(
    site: Path,
    plant: str,
    options: tuple[str, ...],
    endpoints: Path | None,
    period: float,
    door: Path | None,
) -> None:
    """Open one server per link of SITE, on ports that the system chooses.

    Lines on standard input are orders, as `tell` gives them.
    SIGTERM or Ctrl-C stops; the plant's state is saved if it keeps one.
    """
    from simulators.serve import serve as serve_plant

    try:
        links = read_links(site)
    except (SiteFilesError, KeyError, TypeError) as error:
        raise click.ClickException(f"cannot read the site: {error!s}") from error
    made = _plant(plant, options)
    asyncio.run(serve_plant(made, links, period_s=period, endpoints_file=endpoints, door=door))


@main.command()
@click.argument("blueprint", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def works(blueprint: Path, directory: Path) -> None:
    """Write the site of a plant into DIRECTORY: links, devices and equipment.

    BLUEPRINT says what it is made of; simulators/parks/works/works.yaml is an example. Groups
    and schedules are yours.
    """
    from simulators.parks.works.works_site import write_site

    try:
        write_site(blueprint, directory)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {directory / 'site'}")


@main.command()
@click.argument("plant")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--option", "options", multiple=True, help="name=value handed to the plant.")
@click.option("--year", default=2026, show_default=True, help="Whose new year is time 0.")
@click.option("--utc-offset-h", default=8.0, show_default=True, help="Of its local time.")
def fmu(
    plant: str, directory: Path, options: tuple[str, ...], year: int, utc_offset_h: float
) -> None:
    """Write PLANT (module:Class) as an FMU into DIRECTORY, for other tools to run.

    It is FMI 2.0 for co-simulation, and runs where this Python with bms is installed.
    """
    from simulators.fmu.exporting import write_fmu

    pairs = dict(option.partition("=")[::2] for option in options)
    try:
        path = write_fmu(plant, pairs, directory, year=year, utc_offset_h=utc_offset_h)
    except (ImportError, AttributeError, TypeError, ValueError, OSError) as error:
        raise click.ClickException(f"cannot write {plant} as an FMU: {error}") from error
    click.echo(f"wrote {path}")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("door", type=click.Path(path_type=Path, exists=True))
@click.argument("order", nargs=-1, required=True)
def tell(door: Path, order: tuple[str, ...]) -> None:
    """Give an order to the park that runs behind DOOR, its local socket.

    \b
    stop LINK, start LINK                 cut an endpoint, bring it back
    fault KIND TARGET [NUMBER] [for TIME] begin a fault: fault trip binjiang.ch-1 for 20m
    clear [TARGET]                        end what hits a target, or everything
    faults                                say what is wrong now

    Kinds: bias, drift, freeze, show, noise, bad, dropout (of points); trip, no_start, hand_off,
    hand_on, stick, break, reset (of machines); silent, power_dip, power_failure, reboot (of
    machines and bases); register (of counters).
    """
    from simulators.orders import tell as tell_park

    try:
        answer = tell_park(door, " ".join(order))
    except OSError as error:
        raise click.ClickException(f"no park answers at {door}: {error}") from error
    if "error" in answer:
        raise click.ClickException(str(answer["error"]))
    click.echo(json.dumps(answer))


def _plant(spec: str, options: tuple[str, ...]) -> Any:
    module, _, name = spec.partition(":")
    pairs = dict(option.partition("=")[::2] for option in options)
    try:
        factory = getattr(importlib.import_module(module), name)
        return factory(start=utc_now(), **pairs)
    except (ImportError, AttributeError, TypeError, ValueError, OSError) as error:
        raise click.ClickException(f"cannot make the plant {spec}: {error}") from error


if __name__ == "__main__":
    main()
