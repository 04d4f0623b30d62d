"""Three hours of a demand limit as a table: `python -m tests.control.demand.peak_hours` writes it.

Looked at by a person when it was made. A change of it is a change of who is shed when: say why in
the commit.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.control.demand.boundary_rig import Boundary, Lamp

GOLDEN = Path(__file__).parent / "golden" / "peak_hours.csv"
LAMPS = (
    Lamp("lights", 40.0, keys={"longest_s": 3600}),
    Lamp("chargers", 90.0),
    Lamp("heater", 60.0, level=2, metered=False),
    Lamp("fans", 50.0, level=3),
)


def table() -> str:
    """The rows: every minute, what is bought, how the interval will end, what is shed."""
    boundary = Boundary(
        LAMPS,
        lambda s: 500.0 + (190.0 if 1700 <= s < 7000 else 0.0) + (60.0 if 3000 <= s < 5200 else 0),
        sun_kw=lambda s: 80.0 if s < 4300 else 15.0,
        limit_kw=800.0,
    )
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["minute", "power_kw", "demand_kw", "forecast_kw", "shed", "avoided_kw"])
    for minute in range(1, 181):
        boundary.run(60.0, 5.0)
        rows.writerow(
            [
                minute,
                round(float(boundary.values["b.meter-main.power"])),
                round(boundary.fact("demand_kw")),
                round(boundary.fact("forecast_kw")),
                " ".join(sorted(boundary.shed)),
                round(boundary.fact("avoided_kw")),
            ]
        )
    return text.getvalue()


if __name__ == "__main__":
    GOLDEN.write_text(table(), encoding="utf-8")
