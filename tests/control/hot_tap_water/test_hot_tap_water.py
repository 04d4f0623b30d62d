"""Hot tap water: heat, sources in order, circulation, disinfection, and nobody scalded."""

from __future__ import annotations

import pytest

from tests.control.hot_tap_water.bathhouse import SENSORS, Bathhouse
from tests.control.parts import BASE


def day_of_use(seconds: float) -> float:
    """Two showers' worth an hour by day, nothing at night; local time."""
    hour = (16.0 + seconds / 3600.0) % 24.0
    return 0.25 if 6.0 <= hour < 22.0 else 0.0


def test_a_store_is_kept_hot_with_the_cheapest_source() -> None:
    house = Bathhouse(temp_c=61.0, sources=[{"machine": "hp", "hottest_c": 65.0},
                                            {"machine": "eh"}])  # fmt: skip
    house.draw = day_of_use
    house.live(48)
    assert house.draws > 0
    assert house.cold_draws == 0
    assert house.kwh["hp"] > 50.0
    assert house.kwh["eh"] == 0.0
    assert house.active() == set()
    assert "hp" in house.reason("hp.enable") or "hot enough" in house.reason("hp.enable")


def test_what_the_heat_pump_cannot_reach_the_heater_adds() -> None:
    house = Bathhouse(temp_c=40.0)
    house.live(6)
    assert min(house.store.temps_c) > 59.0
    assert house.kwh["hp"] > 0.0
    assert house.kwh["eh"] > 0.0


def test_off_lets_the_store_fall_and_heats_all_of_it_once_a_day() -> None:
    house = Bathhouse(temp_c=63.0, setback_c=40.0)
    house.mode("off")
    hot = 0
    for _ in range(72):
        house.live(1)
        hot += house.store.temps_c[-1] >= 60.0
    assert 3 <= hot < 60
    assert house.store.temps_c[0] < 63.0


@pytest.mark.case(
    "P70",
    when="All temperature sensors of a hot-water store are bad",
    then="Its heat is off within a minute, whoever asks for it; an alarm says that its own "
    "thermostat has to hold it",
)
def test_without_a_sensor_the_heat_is_off() -> None:
    house = Bathhouse(temp_c=55.0)
    house.live(0.1, 10)
    assert house.heats()
    house.bad |= {f"{BASE}.store.{role}" for role in SENSORS}
    house.operator.values[f"{BASE}.eh.enable"] = 1
    house.live(0.1, 10)
    assert house.heats() == set()
    assert "own thermostat" in house.text("b.store:sensor")
    house.bad.clear()
    house.operator.values.clear()
    house.live(0.5, 10)
    assert house.heats()
    assert house.active() == set()


@pytest.mark.case(
    "P70",
    when="One sensor of a store is bad or has frozen",
    then="The others decide, the store gets neither cold nor too hot, and an alarm names the store",
)
@pytest.mark.parametrize("role", SENSORS)
def test_a_frozen_sensor_neither_overheats_nor_cools_the_store(role: str) -> None:
    house = Bathhouse(temp_c=61.0)
    house.draw = day_of_use
    house.live(1)
    house.lies[role] = 55.0 if role != "top_temp" else 62.0
    hottest = 0.0
    for _ in range(48):
        house.live(1)
        hottest = max(hottest, *house.store.temps_c)
    assert hottest < 72.0
    assert house.scalded == 0
    assert house.cold_draws == 0


@pytest.mark.case(
    "P71",
    when="The first heat source fails, or cannot make the water hot enough",
    then="The next one in the order of cost heats in its place, and an alarm names the failed one",
)
def test_the_next_source_stands_in_for_one_that_fails() -> None:
    house = Bathhouse(temp_c=50.0)
    house.live(0.05, 10)
    assert house.heats() == {"hp"}
    house.put("hp.fault", 1)
    house.live(0.2, 10)
    assert house.heats() == {"eh"}
    assert "b.hp:proof" in house.active()


@pytest.mark.case(
    "P72",
    when="Hot water is no longer used",
    then="It circulates for 15 minutes more, and never stands in the pipes for over 24 hours",
)
def test_circulation_follows_use_and_never_lets_water_stand_for_a_day() -> None:
    house = Bathhouse(temp_c=62.0)
    house.live(1)
    assert house.circulates()
    house.mode("off")
    house.live(0.2)
    assert house.circulates()
    house.live(0.2)
    assert not house.circulates()
    house.live(7 * 24, 120)
    assert 20 * 3600 < house.longest_stood_s <= 24 * 3600


@pytest.mark.case(
    "P72",
    when="A circulation pump fails",
    then="The other one runs in its place, and an alarm names the one that failed",
)
def test_the_other_circulation_pump_stands_in() -> None:
    house = Bathhouse(temp_c=62.0)
    house.dead.add("circ-1")
    house.live(0.1, 5)
    assert house.get("circ-2.enable")
    assert "b.circ-1:proof" in house.active()


@pytest.mark.case(
    "P73",
    when="The weekly disinfection is due",
    then="Outlets are proven shut or a mixing valve is proven first; then the whole store and the "
    "return are held hot for half an hour, and outlets open when the store scalds nobody",
)
@pytest.mark.parametrize(("mixing", "outlets"), [(True, True), (True, False), (False, True)])
def test_a_disinfection_is_whole_and_scalds_nobody(*, mixing: bool, outlets: bool) -> None:
    house = Bathhouse(temp_c=61.0, mixing=mixing, outlets=outlets,
                      disinfection={"weekday": 3, "within_h": 8.0})  # fmt: skip
    house.draw = lambda seconds: 0.05
    hottest = coldest_of_hot = 0.0
    for _ in range(24 * 4):
        house.live(0.25)
        hottest = max(hottest, house.store.temps_c[0])
        coldest_of_hot = max(coldest_of_hot, house.store.temps_c[-1])
    assert coldest_of_hot >= 70.0
    assert hottest < 76.0
    assert house.scalded == 0
    assert "b.store:disinfection" not in {key for _, _, key in house.alarms}
    if outlets and not mixing:
        house.live(48)
        assert house.get("outlets.enable") == 1


@pytest.mark.case(
    "P74",
    when="The mixing valve fails, or the outlets open, while a store is hot enough to scald",
    then="Heat goes off at once at slot 5, outlets shut, nothing circulates, and an alarm of the "
    "highest level warns",
)
def test_a_lost_interlock_ends_a_disinfection_at_once() -> None:
    house = Bathhouse(temp_c=69.0, mixing=True, outlets=True,
                      disinfection={"weekday": 3})  # fmt: skip
    house.draw = lambda seconds: 0.05
    house.live(11, 60)
    assert house.store.temps_c[0] > 66.0
    house.outlets_stick, house._shut = True, 0.0
    house.mix_fails = True
    house.step(house.seconds + 5)
    house.step(house.seconds + 5)
    assert house.heats() == set()
    assert not house.circulates()
    assert not house.get("outlets.enable")
    assert "b.store:scald" in house.active()
    award = house.engine.why("b.eh.enable")
    assert award is not None
    assert int(award.winner.priority) == 5


@pytest.mark.case(
    "P74",
    when="Neither a mixing valve nor shut outlets can be proven when a disinfection is due",
    then="It is not begun; an alarm says why, and it is tried again the next night",
)
def test_without_its_interlock_a_disinfection_is_not_begun() -> None:
    house = Bathhouse(temp_c=61.0, mixing=False, outlets=True,
                      disinfection={"weekday": 3})  # fmt: skip
    house.outlets_stick = True
    house.draw = lambda seconds: 0.05
    house.live(24)
    assert house.store.temps_c[0] < 66.5
    assert "neither a mixing valve" in house.text("b.store:disinfection")
    house.outlets_stick = False
    house.live(36)
    assert "b.store:disinfection" not in house.active()
    assert house.scalded == 0


def test_a_person_cannot_make_a_store_scald() -> None:
    house = Bathhouse(temp_c=61.0, mixing=False, outlets=False)
    house.operator.values[f"{BASE}.eh.enable"] = 1
    house.draw = lambda seconds: 0.02
    house.live(24)
    assert max(house.store.temps_c) < 67.0
    assert house.scalded == 0
