"""No pump draws air, lets a tank run over or takes the fire reserve, whoever commands it."""

from __future__ import annotations

import pytest

from tests.control.parts import BASE
from tests.control.water_supply.waterworks import Waterworks


def by_hand(works: Waterworks, name: str, reason: str = "override by li: test") -> None:
    works.operator.values[f"{BASE}.{name}.enable"] = 1
    works.operator.reason = reason


@pytest.mark.case(
    "P68",
    when="A person starts a pump whose tank is full, or whose tank is empty",
    then="It is held off at slot 5, above minimum times, and the reason names the level",
)
def test_a_full_tank_holds_off_what_fills_it() -> None:
    works = Waterworks(level_pct=88.0)
    by_hand(works, "p-1")
    works.live(3, 5)
    assert works.basin.overflow_m3 == 0.0
    assert works.most_pct < 97.0
    assert not works.get("p-1.enable")
    assert "b.tank:overflow" in works.active()
    award = works.engine.why("b.p-1.enable")
    assert award is not None
    assert int(award.winner.priority) == 5
    assert "is full" in award.winner.reason


def test_an_empty_pit_holds_off_what_draws_from_it() -> None:
    works = Waterworks("sump", level_pct=30.0)
    by_hand(works, "p-1")
    works.live(3, 5)
    assert works.basin.missing_m3 == 0.0
    assert works.least_pct > 8.0
    assert not works.get("p-1.enable")


def test_an_empty_tank_holds_off_its_boosters() -> None:
    works = Waterworks(level_pct=30.0, booster=True)
    works.dead = {"p-1", "p-2"}
    by_hand(works, "booster")
    works.live(6, 5)
    assert works.basin.missing_m3 == 0.0
    assert not works.get("booster.enable")
    assert "b.tank:dry" in works.active()


@pytest.mark.case(
    "P68",
    when="A level transmitter freezes while pumps move water",
    then="It is not believed; the floats hold the level, and an alarm names it",
)
def test_a_frozen_transmitter_is_found_by_what_pumps_move() -> None:
    works = Waterworks(level_pct=60.0)
    works.use_m3h = 2.0
    works.live(2)
    works.lies["water_level"] = 65.0
    works.live(48)
    assert works.basin.overflow_m3 == 0.0
    assert works.basin.missing_m3 == 0.0
    assert works.least_pct > 8.0
    assert "b.tank:level" in works.active()


def test_a_frozen_transmitter_without_floats_never_lets_a_tank_run_over() -> None:
    works = Waterworks(instruments=("water_level",), level_pct=69.0)
    works.use_m3h = 1.0
    works.live(0.2)
    assert works.on()
    works.lies["water_level"] = 71.0
    works.live(12)
    assert works.basin.overflow_m3 == 0.0
    assert "stood still" in works.text("b.tank:level") or "nothing tells" in works.text(
        "b.tank:level"
    )
    works.lies.clear()
    works.live(12)
    assert works.active() == set()


@pytest.mark.case(
    "P68",
    when="A float sticks, and the transmitter and the other floats contradict it",
    then="What most of them show counts; the float is named after five minutes",
)
@pytest.mark.parametrize(("stuck", "shown"), [("overflow_float", 1.0), ("dry_float", 0.0),
                                              ("high_float", 1.0), ("low_float", 0.0)])  # fmt: skip
@pytest.mark.parametrize("kind", ["tank", "sump"])
def test_a_float_that_sticks_is_outvoted(stuck: str, shown: float, kind: str) -> None:
    works = Waterworks(kind, level_pct=60.0)
    works.lies[stuck] = shown
    works.use_m3h = 3.0
    works.live(36)
    assert works.basin.overflow_m3 == 0.0
    assert works.basin.missing_m3 == 0.0
    assert f"b.{kind}:level" in {key for _, _, key in works.alarms}


@pytest.mark.case(
    "P68",
    when="Nothing tells the level",
    then="A tank gets no more than surely fits, a pit is pumped two minutes in each quarter hour, "
    "and an alarm names it",
)
@pytest.mark.parametrize("kind", ["tank", "sump"])
def test_without_any_level_pumps_go_by_what_is_sure(kind: str) -> None:
    works = Waterworks(kind, level_pct=50.0)
    works.use_m3h = 1.0
    works.live(1)
    works.bad |= {p for p in works.values if p.startswith(f"{BASE}.{kind}.")}
    works.live(6)
    assert f"b.{kind}:level" in works.active()
    assert works.basin.overflow_m3 == 0.0
    if kind == "tank":
        assert works.most_pct > 80.0
    else:
        assert works.most_pct < 60.0
    works.bad.clear()
    works.live(1)
    assert works.active() == set()


def test_a_dry_run_contact_holds_its_pump_off() -> None:
    works = Waterworks(level_pct=69.0, more=("dry_run",))
    works.use_m3h = 4.0
    works.live(0.1, 5)
    first = next(iter(works.on()))
    works.put(f"{first}.dry_run", 1)
    works.live(0.05, 5)
    assert first not in works.on()
    assert len(works.on()) == 1
    assert f"b.{first}:dry-run" in works.active()


def reserved(**more: object) -> Waterworks:
    """12 of 40 m3 are kept: 30 %."""
    works = Waterworks(level_pct=50.0, reserve_m3=12.0, booster=True, **more)  # type: ignore[arg-type]
    works.dead = {"p-1", "p-2"}
    return works


@pytest.mark.case(
    "P69",
    when="A booster, a schedule or a person would take the fire reserve",
    then="The pumps are held off before it is touched, and an alarm tells the fire officer",
)
def test_nobody_takes_the_fire_reserve() -> None:
    works = reserved()
    by_hand(works, "booster", "override by li: we need water")
    works.live(6, 5)
    assert works.least_pct > 30.0
    assert not works.get("booster.enable")
    assert "b.tank:reserve" in works.active()
    assert "fire reserve" in works.reason("booster.enable")


@pytest.mark.case(
    "P69",
    when="An override's reason names the fire reserve",
    then="That pump may take it down to where it would run dry, and an alarm says who does",
)
def test_a_reason_that_names_it_releases_the_fire_reserve() -> None:
    works = reserved()
    by_hand(works, "booster", "override by li: fire reserve, the tank is to be cleaned")
    works.live(6, 5)
    assert works.least_pct < 15.0
    assert works.basin.missing_m3 == 0.0
    assert "is being taken" in works.text("b.tank:reserve")


@pytest.mark.case(
    "P69",
    when="Nothing tells that the water stands above the fire reserve",
    then="It is taken for gone after a minute: the pumps that draw are held off",
)
def test_a_reserve_that_is_not_known_is_not_taken() -> None:
    works = reserved()
    works.bad |= {p for p in works.values if p.startswith(f"{BASE}.tank.")}
    by_hand(works, "booster")
    works.live(6, 5)
    assert works.least_pct > 48.0


def test_pumps_fill_early_enough_that_the_reserve_is_never_met() -> None:
    works = Waterworks(level_pct=75.0, reserve_m3=20.0, economy_start_pct=20.0)
    works.mode("economy")
    works.use_m3h = 4.0
    works.live(48)
    assert works.least_pct > 57.0
    assert works.active() == set()
