"""`bms compare`: what one way of running a plant saves against another."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    ProgressBar,
    duration_of,
    instant,
    pairs,
    print_json,
    show,
)
from bms.core.errors import InvalidInput
from bms.texts.language import told
from bms.texts.messages import msg
from bms.texts.problems import suggestion

if TYPE_CHECKING:
    from bms.config.site import Site
    from bms.reports.saving.comparison import Comparison
    from drivers.plant import Plant


@click.command()
@SITE
@click.option("--baseline", required=True, help="A variant of the site, or . for its own files.")
@click.option(
    "--candidate",
    "candidates",
    required=True,
    multiple=True,
    help="One that should be better; may be repeated.",
)
@click.option("--from", "start", required=True, help="First day or instant, e.g. 2026-07-01.")
@click.option("--to", "end", required=True, help="End, not included.")
@click.option("--plant", help="module:Class.  [default: the site's own plant]")
@click.option("--option", "options", multiple=True, help="name=value handed to the plant.")
@click.option("--step", default="5m", show_default=True, help="Simulated time per cycle.")
@click.option("--base", "bases", multiple=True, help="Count only this base; may be repeated.")
@click.option("--band", help="Hold all zones against one band, e.g. 20:26 degC.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the history of both runs here.  [default: nowhere]",
)
@AS_JSON
def compare(
    site: Path,
    baseline: str,
    candidates: tuple[str, ...],
    into: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Run variants of a site on the same plant and weather, and say what the candidates save.

    A variant is a directory SITE/variants/NAME with files that stand in place of the site's own.
    A saving counts only at equal service.
    """
    from bms.config.site_variants import load_variant
    from bms.control import STRATEGIES

    names = (baseline, *candidates)
    sites = [load_variant(site, name, STRATEGIES) for name in names]
    for base in asked["bases"]:
        if base not in sites[0].bases:
            raise InvalidInput(
                msg(
                    "no base '{base}'; {suggestion}",
                    base=base,
                    suggestion=suggestion(base, sites[0].bases),
                )
            )
    with ExitStack() as stack:
        if into is None:
            into = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bms-compare-")))
        # Two runs of one name are two runs still.
        numbers = range(1, len(candidates) + 1)
        places = [into / "baseline", *(into / f"candidate-{number}" for number in numbers)]
        found = _run(sites, names, places, asked, quiet=as_json)
    if as_json:
        print_json([_plain(one) for one in found])
        return
    from bms.cli.screens.comparison_table import comparison_table, verdict_of

    show(comparison_table(found))
    for one in found:
        verdict = verdict_of(one)
        name = one.candidate.name
        click.echo(verdict if len(found) == 1 else f"{name}: {verdict}")


def _run(
    sites: list[Site],
    names: Sequence[str],
    places: Sequence[Path],
    asked: dict[str, Any],
    *,
    quiet: bool,
) -> list[Comparison]:
    from bms.app.trials.contest import Contestant, Span
    from bms.app.trials.contest import compare as run_both
    from bms.field.plants import make_plant, plant_of
    from bms.reports.saving.yardstick import Limits

    zone = sites[0].file.zone
    since, until = instant(zone, asked["start"], "--from"), instant(zone, asked["end"], "--to")
    if until <= since:
        raise InvalidInput(msg("--to must lie after --from"))
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    given = pairs(asked["options"])
    plant = asked["plant"]

    def make(site: Site) -> Plant:
        return make_plant(plant, since, given) if plant else plant_of(site, since, given)

    baseline, *candidates = (Contestant(*parts) for parts in zip(names, sites, places, strict=True))
    with ProgressBar(since, until, quiet=quiet) as progress:
        return asyncio.run(
            run_both(
                baseline,
                candidates,
                Span(since, until, duration_of(asked["step"], "--step")),
                make,
                limits=Limits(band_c=_band(asked["band"])),
                bases=frozenset(asked["bases"]),
                progress=progress,
            )
        )


def _band(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        band = float(low), float(high)
    except ValueError:
        colon = ""
        band = 0.0, 0.0
    if not colon or not band[0] < band[1]:
        raise InvalidInput(msg("--band: '{text}' is no band; write 20:26", text=text))
    return band


def _plain(found: Comparison) -> dict[str, Any]:
    """As programs read it."""
    plain = asdict(found)
    plain["start"], plain["end"] = found.start.isoformat(), found.end.isoformat()
    plain["saved_pct"] = {
        "electricity": found.saved_pct("electricity_kwh"),
        "gas": found.saved_pct("gas_kwh"),
    }
    plain["equal_service"] = not found.lacking
    plain["lacking"] = [told(reason) for reason in found.lacking]
    return plain
