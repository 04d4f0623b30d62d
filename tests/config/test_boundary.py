"""Which meters may make a base's energy, and what follows for its load and its day."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from bms.config.site import MeterRole
from bms.core.instants import to_ms
from bms.energy.today import Day, EnergyToday
from drivers.points import Quality, Sample
from tests.config.sites import Draft

FILE = "meters.yaml"
IMPORTS = "imports: [meter-main]"


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft(tmp_path)


METERS = """meters:
  plant.tariff-1: {medium: electricity, rated_kw: 100}
  plant.tariff-2: {medium: electricity, rated_kw: 100}
  plant.incomer: {formula: tariff-1 + tariff-2}
  plant.half: {formula: 0.5 * meter-main}
  plant.water: {medium: water, rated_m3h: 3}
  plant.litres: {formula: 2 * water}
"""


@pytest.mark.case(
    "F21 imports",
    when="A base is metered by a register per tariff, or by a meter that a person reads",
    then="The sum of the tariffs, or the meter, may be its import",
)
def test_meters_without_a_register_of_their_own_may_be_imports(draft: Draft) -> None:
    draft.add(FILE, METERS).edit("site.yaml", IMPORTS, "imports: [incomer]")
    site = draft.site()
    load = site.metering["plant.load"]
    assert load.terms == ((Fraction(1), "plant.incomer"),)
    assert site.meter_named("plant.incomer").role is MeterRole.IMPORT
    assert list(site.metering).index("plant.incomer") < list(site.metering).index("plant.load")
    assert EnergyToday(site).wanted() == ["plant.tariff-1", "plant.tariff-2"]
    draft.edit("site.yaml", "imports: [incomer]", "imports: [tariff-1, tariff-2]")
    assert draft.site().metering["plant.load"].terms == (
        (Fraction(1), "plant.tariff-1"),
        (Fraction(1), "plant.tariff-2"),
    )


def test_todays_energy_follows_formulas_to_their_registers(draft: Draft) -> None:
    draft.add(FILE, METERS).edit("site.yaml", IMPORTS, "imports: [half]")
    today = EnergyToday(draft.site())
    (point,) = today.wanted()
    now = datetime(2026, 3, 2, 4, 7, tzinfo=UTC)
    day = Day(Fraction(40), to_ms(now) - 420_000, Fraction(140))
    today.offer(now, {point: Sample(point, 150.0, Quality.GOOD, now)})
    assert today.kwh(now, {point: day}) == {"plant": 25.0}


@pytest.mark.parametrize(
    ("imports", "message"),
    [
        ("incomr", "no meter 'incomr'; did you mean 'incomer'?"),
        ("incomer, tariff-2", "'tariff-2' is counted twice in this base's energy"),
        ("meter-main, half", "'half' contains 'meter-main', which this base's energy counts"),
        ("meter-main, water", "'water' measures water, not electricity"),
        ("litres", "'litres' measures water, not electricity"),
        ("ahu-01", "'ahu-01' has no energy point"),
    ],
)
def test_every_mistake_of_a_boundary(draft: Draft, imports: str, message: str) -> None:
    draft.add(FILE, METERS).edit("site.yaml", IMPORTS, f"imports: [{imports}]")
    (problem,) = draft.problems()
    assert problem.startswith("site.yaml:")
    assert message in problem


def test_a_meter_that_is_described_wrongly_is_reported_once(draft: Draft) -> None:
    draft.add(FILE, METERS.replace("tariff-1 + tariff-2", "tariff-1 +"))
    draft.edit("site.yaml", IMPORTS, "imports: [incomer]")
    (problem,) = draft.problems()
    assert problem.startswith("meters.yaml:4")
