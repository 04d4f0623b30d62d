"""Earth Hour restores itself, whatever happens meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.config.load import load
from bms.control import STRATEGIES, assemble
from schedules.model.context import NOTHING
from tests.config.sites import write
from tests.control.lighting.year import EARTH_HOUR, MARCH_28, Grounds, Lit, grounds_site


def at(text: str) -> datetime:
    return MARCH_28 + timedelta(hours=int(text[:2]), minutes=int(text[3:]))


def burns(lit: Lit) -> bool:
    levels = set(lit.levels.values())
    assert len(levels) == 1
    return levels != {0.0}


@pytest.mark.case(
    "P58",
    when="During Earth Hour the controller restarts, its clock jumps, or the schedule is edited.",
    then="Landscape and decorative lamps stay off until 21:30 and come back then, by themselves.",
)
@pytest.mark.parametrize("happens", ["nothing", "restart", "away", "jump", "edit"])
def test_earth_hour_restores_itself(tmp_path: Path, happens: str) -> None:
    site = grounds_site(tmp_path, EARTH_HOUR)
    lit = Lit(site, Grounds(), at("19:00"))
    lit.run(at("20:29"))
    assert burns(lit)
    lit.run(at("20:31"))
    assert not burns(lit)
    if happens == "restart":
        lit = Lit(site, Grounds(), at("21:00"), lit.engine.states())
    elif happens == "away":  # over the end of the hour
        lit = Lit(site, Grounds(), at("22:00"), lit.engine.states())
        assert burns(lit)
    elif happens == "jump":  # an hour ahead, and back
        lit.now = at("21:45")
        lit.run(at("21:47"))
        assert burns(lit)
        lit.now = at("20:50")
    elif happens == "edit":
        path = tmp_path / "schedules/g.yaml"
        text = path.read_text().replace("22:30", "22:45")
        edited = load(write(tmp_path, {"schedules/g.yaml": text}), STRATEGIES)
        lit.engine.replace(assemble(edited, (), NOTHING))
    if happens != "away":
        lit.run(at("21:29"))
        assert not burns(lit)
    lit.run(max(lit.now, at("21:31")))
    assert burns(lit)
    lit.run(at("22:29"))
    assert burns(lit)
    lit.run(at("22:50"))
    assert not burns(lit)


def test_an_hour_that_is_taken_out_of_the_file_is_over_at_once(tmp_path: Path) -> None:
    lit = Lit(grounds_site(tmp_path, EARTH_HOUR), Grounds(), at("20:00"))
    lit.run(at("20:45"))
    assert not burns(lit)
    without = grounds_site(tmp_path, "")
    lit.engine.replace(assemble(without, (), NOTHING))
    lit.run(at("20:46"))
    assert burns(lit)
