"""A day of offices and of a few rows of a car park, as it was when it was judged right.

After a change that is meant to change it: `python -m tests.control.lighting.test_golden_day`.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from bms.config.site import Site
from tests.control.lighting.year import (
    START,
    Garage,
    Lit,
    Offices,
    Place,
    garage_site,
    office_site,
)

GOLDEN = Path(__file__).with_name("golden") / "day.txt"
SHOWN = ("lamps-", "row-000", "row-001", "row-060", "lane-00")
TUESDAY = START + timedelta(days=110)


def told(directory: Path) -> str:
    """Every change of the lamps that are shown, with its reason."""
    lines: list[str] = []
    places: list[tuple[Site, Place]] = [
        (office_site(directory / "office", "lighting"), Offices()),
        (garage_site(directory / "garage", "lighting"), Garage()),
    ]
    for site, place in places:
        lit = Lit(site, place, TUESDAY)
        levels: dict[str, float] = {}
        while lit.now < TUESDAY + timedelta(days=1):
            lit.run(lit.now + timedelta(minutes=1))
            for name, level in lit.levels.items():
                if name.startswith(SHOWN) and levels.get(name) != level:
                    levels[name] = level
                    award = lit.engine.why(f"p.{name}.enable")
                    reason = "" if award is None else award.winner.reason
                    clock = (lit.now + timedelta(hours=8)).strftime("%H:%M")
                    lines.append(f"{clock} {name} {level:g} {reason.partition(' ←')[0]}")
    return "\n".join(lines) + "\n"


def test_the_day_is_as_it_was(tmp_path: Path) -> None:
    assert told(tmp_path) == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        GOLDEN.write_text(told(Path(where)), encoding="utf-8")
