"""meters.yaml: what it makes, and every mistake at its place."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from bms.config.resolving.energy.formulas import parse
from bms.config.site import MeterRole
from bms.core.equipment import Medium
from tests.config.sites import Draft

FILE = "meters.yaml"


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft(tmp_path)


def test_what_the_template_makes(draft: Draft) -> None:
    site = draft.site()
    main = site.metering["plant.meter-main.energy"]
    assert (main.name, main.role, main.medium) == (
        "plant.meter-main",
        MeterRole.IMPORT,
        Medium.ELECTRICITY,
    )
    assert (main.register_size, main.most_per_h, main.rated) == (
        Decimal(1_000_000),
        Fraction(945),
        True,
    )
    water = site.metering["plant.water-main"]
    assert (water.medium.unit, water.polled, water.virtual) == ("m3", False, False)
    half = site.metering["plant.half-of-main"]
    assert half.terms == ((Fraction(1, 2), main.id),)
    load = site.metering["plant.load"]
    assert (load.role, load.terms) == (MeterRole.LOAD, ((Fraction(1), main.id),))
    # Inputs stand before what uses them.
    assert list(site.metering).index(main.id) < list(site.metering).index("plant.load")


def test_the_file_is_optional(draft: Draft) -> None:
    site = draft.remove(FILE).site()
    assert list(site.metering) == ["plant.meter-main.energy", "plant.load"]
    assert not site.metering["plant.meter-main.energy"].rated


def test_a_resolution_and_ratios(draft: Draft) -> None:
    draft.add(
        FILE,
        "meters:\n  plant.meter-main:\n    resolution: 0.5\n    ratios:\n"
        "      - {from: 2026-03-01, factor: 80}\n      - {from: 2025-01-01, factor: 40}\n",
    )
    site = draft.site()
    assert site.meters["plant.meter-main.energy"].resolution == 0.5
    spec = site.metering["plant.meter-main.energy"]
    assert [factor for _, factor in spec.ratios] == [40, 80]
    assert [spec.ratio(ms) for ms in (0, spec.ratios[0][0], spec.ratios[1][0])] == [1, 40, 80]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("plant.meter-mian: {rated_kw: 3}", "2:3", "did you mean 'plant.meter-main'"),
        ("meter-main: {rated_kw: 3}", "2:3", "write <base>.meter-main"),
        ("plnt.x: {medium: gas}", "2:3", "did you mean 'plant'"),
        ("plant.X: {medium: gas}", "2:3", "is not an id"),
        ("plant.ahu-01: {rated_kw: 3}", "2:3", "has no counter"),
        ("plant.meter-main: {rated_m3h: 3}", "2:22", "write rated_kw"),
        ("plant.meter-main: {formula: a}", "2:22", "has a register"),
        ("plant.meter-main: {rated: 3}", "2:22", "did you mean 'rated_kw'"),
        ("plant.meter-main: {rated_kw: -3}", "2:32", "greater than 0"),
        ("plant.meter-main: {parent: nobody}", "2:30", "no meter 'plant.nobody'"),
        ("plant.w: {medium: steam}", "2:21", "steam"),
        ("plant.v: {formula: meter-main + }", "2:22", "is no term"),
        ("plant.v: {formula: meter-main meter-main}", "2:22", "is no term"),
        ("plant.v: {formula: 0..5 * meter-main}", "2:22", "not a number"),
        ("plant.v: {formula: meter-man}", "2:22", "did you mean 'plant.meter-main'"),
        ("plant.v: {formula: ahu-01}", "2:22", "has no counter"),
        ("plant.v: {formula: v + meter-main}", "2:22", "leads back to itself"),
        ("plant.v: {formula: meter-main, rated_kw: 1}", "2:34", "does not belong here"),
        ("plant.w: {medium: water, rated_kw: 1}", "2:28", "write rated_m3h"),
        ("plant.w: {medium: water}\n  plant.v: {formula: meter-main + w}", "3:22", "do not add up"),
        ("plant.w: {medium: water, parent: meter-main}", "2:36", "measures in kWh"),
        (
            "plant.a: {medium: gas, parent: b}\n  plant.b: {medium: gas, parent: a}",
            "2:34",
            "leads back",
        ),
        (
            "plant.meter-main: {ratios: [{from: 2026-01-01, factor: 2}, "
            "{from: 2026-01-01, factor: 3}]}",
            "2:69",
            "two ratios",
        ),
        ("plant.meter-main: {ratios: [{from: morgen, factor: 2}]}", "2:38", "date"),
    ],
)
def test_every_mistake_at_its_place(draft: Draft, text: str, place: str, message: str) -> None:
    (problem,) = draft.add(FILE, f"meters:\n  {text}\n").problems()
    assert problem.startswith(f"{FILE}:{place}"), problem
    assert message in problem


def test_a_counter_may_say_its_size_and_resolution(draft: Draft) -> None:
    draft.edit(
        "devices/example-meter.yaml",
        "type: uint32, scale: 0.01, unit: kWh",
        "type: float32, unit: kWh, register_size: 999, resolution: 0.1",
    ).remove(FILE)
    spec = draft.site().metering["plant.meter-main.energy"]
    assert (float(spec.resolution), spec.register_size) == (0.1, Decimal(999))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("scale: 0.1, unit: kW}", "scale: 0.1, unit: kW, register_size: 5}", "is no counter"),
        ("scale: 0.01, unit: kWh", "scale: 0.01, unit: kWh, resolution: 5", "its scale is"),
    ],
)
def test_only_counters_have_a_size(draft: Draft, old: str, new: str, message: str) -> None:
    problems = draft.edit("devices/example-meter.yaml", old, new).problems()
    assert any(message in problem for problem in problems), problems


def test_formulas() -> None:
    assert parse("- pv-1 + 2 * x.meter-main -0.5*a", "b") == [
        (Fraction(-1), "b.pv-1"),
        (Fraction(2), "x.meter-main"),
        (Fraction(-1, 2), "b.a"),
    ]
