"""`python -m simulators serve SITE --plant module:Class`: a park as real servers."""

from __future__ import annotations

import asyncio
import importlib
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
def serve(
    site: Path, plant: str, options: tuple[str, ...], endpoints: Path | None, period: float
) -> None:
    """Open one server per link of SITE, on ports that the system chooses.

    Lines on standard input cut and restore endpoints: `stop LINK`, `start LINK`.
    SIGTERM or Ctrl-C stops; the plant's state is saved if it keeps one.
    """
    from simulators.serve import serve as serve_plant

    try:
        links = read_links(site)
    except (SiteFilesError, KeyError, TypeError) as error:
        raise click.ClickException(f"cannot read the site: {error!s}") from error
    made = _plant(plant, options)
    asyncio.run(serve_plant(made, links, period_s=period, endpoints_file=endpoints))


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
