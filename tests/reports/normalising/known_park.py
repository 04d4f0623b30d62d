"""A site of which the truth is known: registers, past weather and production in files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from bms.config.shapes.models import EnergyBoundary
from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from tests.energy.models.known_truth import Made, made
from tests.historian.support import make_site

ZONE = ZoneInfo("Asia/Shanghai")
CENT = Decimal("0.01")
METER = "north.meter-main.energy"
DRIVERS = """\
bases:
  north:
    drivers:
      production: {file: production.csv, column: 吨}
    outdoor_past: {file: weather.csv}
"""
STEP = 0.04
OVER = datetime(2026, 1, 5, tzinfo=UTC)
MIDSUMMER = datetime(2025, 7, 10, tzinfo=UTC)


def store(site: Site, data: Made) -> None:
    """Two readings a day."""
    counts = 0
    readings = []
    for frame in (data.before, data.after):
        for day, kwh in zip(frame.days, frame.kwh, strict=True):
            start = local_midnight(day, ZONE)
            for half in (start, start + timedelta(hours=12)):
                readings.append(Reading(METER, half, counts))
                counts += round(float(kwh) * 50)
    end = local_midnight(date(2026, 1, 1), ZONE)
    readings.append(Reading(METER, end, counts))
    with History(site.state_dir) as history:
        history.append(Batch(readings=readings, meters=[Meter(METER, "north", CENT)]))


def weather(data: Made) -> str:
    rows = [
        f"{day},{temp:.6f}"
        for frame in (data.before, data.after)
        for day, temp in zip(frame.days, frame.outdoor_c, strict=True)  # type: ignore[arg-type]
    ]
    return "day,mean\n" + "\n".join(rows) + "\n"


def production(data: Made) -> str:
    rows = [
        f"{day:%Y/%m/%d},{amount:.3f},x"
        for frame in (data.before, data.after)
        for day, amount in zip(frame.days, frame.drivers["production"], strict=True)
    ]
    return "日期,吨,班\n" + "\n".join(rows) + "\n"


@dataclass
class Park:
    site: Site
    data: Made


def known_park(directory: Path) -> Park:
    """One base: a meter, and files of weather and production."""
    site = make_site(
        directory,
        {"north.meter-main": "meter"},
        {"north": EnergyBoundary(imports=["meter-main"])},
        baseline_year=2024,
    )
    data = made(27, step=STEP, production_growth=0.14, gaps=0)
    store(site, data)
    (directory / "production.csv").write_text(production(data), encoding="gb18030")
    (directory / "weather.csv").write_text(weather(data), encoding="utf-8")
    return Park(replace(site, texts={"drivers.yaml": DRIVERS}), data)
