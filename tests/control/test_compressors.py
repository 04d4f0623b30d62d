from __future__ import annotations

import pytest

from bms.control import STRATEGIES
from bms.core.decisions import OutputRules
from tests.control.parts import Rig, group, machine


def station(count: int = 4, **parameters: float) -> Rig:
    members = [machine(f"ac-{i}", "air_compressor") for i in range(1, count + 1)]
    rig = Rig(
        group("compressors", members, [machine("hdr", "air_header")], header="hdr", **parameters)
    )
    rig.put("hdr.pressure", 680.0)
    return rig


def units(rig: Rig) -> int:
    return len(rig.running("air_compressor"))


def test_low_pressure_adds_a_unit_after_each_delay_up_to_all() -> None:
    rig = station()
    rig.mode("on")
    rig.step(0)
    assert rig.writes() == [(0, "ac-1", 1)]
    rig.put("hdr.pressure", 640.0)
    rig.run(100)
    assert rig.writes() == [(0, "ac-1", 1), (21, "ac-2", 1), (41, "ac-3", 1), (61, "ac-4", 1)]


def test_a_short_dip_adds_nothing() -> None:
    rig = station()
    rig.mode("on")
    rig.step(0)
    for start in range(0, 200, 40):
        rig.put("hdr.pressure", 640.0)
        rig.run(start + 15)
        rig.put("hdr.pressure", 660.0)
        rig.run(start + 40)
    assert units(rig) == 1


def test_high_pressure_sheds_the_most_run_down_to_the_minimum() -> None:
    rig = station(min_units=2)
    rig.mode("on")
    rig.step(0)
    rig.put("hdr.pressure", 640.0)
    rig.run(50)
    assert units(rig) == 4
    rig.put("hdr.pressure", 720.0)
    rig.run(2000)
    shed = [(t, u) for t, u, v in rig.writes() if v == 0]
    assert [t for t, _ in shed] == [351, 651]
    assert {u for _, u in shed} == {"ac-1", "ac-2"}
    assert units(rig) == 2


def test_it_works_at_quarter_hour_steps() -> None:
    rig = station()
    rig.mode("on")
    rig.put("hdr.pressure", 640.0)
    for seconds in (0, 900, 1800, 2700):
        rig.step(seconds)
    assert [t for t, _, _ in rig.writes()] == [0, 900, 1800, 2700]
    rig.put("hdr.pressure", 720.0)
    rig.run(6300, 900)
    assert units(rig) == 1


def test_the_schedules_cap_holds_and_is_named() -> None:
    rig = station()
    rig.mode("on")
    rig.give("max_units", 2)
    rig.put("hdr.pressure", 640.0)
    rig.run(300)
    assert units(rig) == 2
    assert "2 of at most 2 units ← weekly" in rig.reason("ac-1.enable")
    rig.give("max_units", 1)  # a Sunday begins
    rig.step(301)
    assert units(rig) == 1


def test_critical_pressure_releases_the_cap_until_the_extra_unit_is_shed() -> None:
    rig = station(critical_kpa=600)
    rig.mode("on")
    rig.give("max_units", 1)
    rig.step(0)
    rig.put("hdr.pressure", 590.0)
    rig.run(60)
    assert units(rig) == 1
    rig.run(61)
    assert units(rig) == 2
    assert "b.g:pressure" in rig.active()
    assert "cap of 1 released" in rig.reason("ac-1.enable")
    rig.put("hdr.pressure", 680.0)
    rig.run(1000)
    assert units(rig) == 2  # shedding it at once would bring the pressure down again
    rig.put("hdr.pressure", 710.0)
    rig.run(1400)
    assert units(rig) == 1
    assert rig.active() == set()


def test_a_released_cap_below_the_minimum_comes_back() -> None:
    rig = station(min_units=2)
    rig.mode("on")
    rig.give("max_units", 1)
    rig.step(0)
    assert units(rig) == 1
    rig.put("hdr.pressure", 590.0)
    rig.run(62)
    assert units(rig) == 2
    rig.put("hdr.pressure", 720.0)
    rig.run(1000)
    assert units(rig) == 1
    assert rig.active() == set()


def test_a_bad_pressure_keeps_the_units_that_run_within_the_cap() -> None:
    rig = station()
    rig.mode("on")
    rig.put("hdr.pressure", 640.0)
    rig.run(50)
    assert units(rig) == 3
    rig.bad.add("b.hdr.pressure")
    rig.put("hdr.pressure", 100.0)
    rig.run(500)
    assert units(rig) == 3
    assert rig.active() == {"b.g:pressure-sensor"}
    rig.give("max_units", 2)
    rig.step(501)
    assert units(rig) == 2
    rig.bad.clear()
    rig.put("hdr.pressure", 680.0)
    rig.step(502)
    assert rig.active() == set()


def test_the_lead_is_relieved_when_it_has_run_long_enough() -> None:
    rig = station(2, rotate_h=1.0)
    rig.mode("on")
    rig.run(4 * 3600, 60)
    switched = [(t, u) for t, u, v in rig.writes() if v == 1]
    assert [u for _, u in switched] == ["ac-1", "ac-2", "ac-1"]
    # An hour ahead after one hour; the other needs two to be an hour ahead in its turn.
    assert [round(t / 3600) for t, _ in switched] == [0, 1, 3]


def test_a_faulty_unit_is_replaced_at_once() -> None:
    rig = station()
    rig.mode("on")
    rig.step(0)
    rig.put("ac-1.fault", 1)
    rig.step(1)
    assert rig.running("air_compressor") == {"ac-2"}
    assert rig.active() == {"b.ac-1:fault"}


def test_a_unit_that_an_operator_took_is_left_alone() -> None:
    rig = station()
    rig.mode("on")
    rig.operator.values["b.ac-1.enable"] = 0
    rig.step(0)
    assert rig.running("air_compressor") == {"ac-2"}
    rig.operator.values["b.ac-1.enable"] = 1
    rig.step(1)
    assert rig.running("air_compressor") == {"ac-1"}


def test_a_unit_held_off_by_its_minimum_time_gives_way_to_another() -> None:
    members = [machine(f"ac-{i}", "air_compressor") for i in (1, 2)]
    rig = Rig(
        group("compressors", members, [machine("hdr", "air_header")], header="hdr"),
        rules=lambda e: OutputRules(min_off_s=300),
    )
    rig.put("hdr.pressure", 680.0)
    rig.mode("on")
    rig.step(0)
    rig.mode("off")
    rig.step(1)
    rig.mode("on")
    rig.run(60)
    assert rig.running("air_compressor") == {"ac-2"}


def test_dryers_run_with_the_group() -> None:
    members = [machine("ac-1", "air_compressor"), machine("dry", "air_dryer")]
    rig = Rig(group("compressors", members, [machine("hdr", "air_header")], header="hdr"))
    rig.mode("on")
    rig.step(0)
    assert rig.get("dry.enable") == 1
    rig.mode("off")
    rig.step(1)
    assert rig.get("dry.enable") == 0


@pytest.mark.parametrize(
    ("members", "others", "parameters", "where"),
    [
        (["air_dryer"], ["air_header"], {"min_units": 0}, ("members",)),
        (["air_compressor"], ["water_loop"], {}, ("parameters", "header")),
        (["air_compressor"], [], {}, ("parameters", "header")),
        (["air_compressor"], ["air_header"], {"low_kpa": 800}, ("parameters", "low_kpa")),
        (["air_compressor"], ["air_header"], {"critical_kpa": 660}, ("parameters", "critical_kpa")),
        (["air_compressor"], ["air_header"], {"min_units": 2}, ("parameters", "min_units")),
    ],
)
def test_what_does_not_fit_is_found_at_loading(
    members: list[str],
    others: list[str],
    parameters: dict[str, float],
    where: tuple[str, ...],
) -> None:
    made = group(
        "compressors",
        [machine(f"m-{i}", kind) for i, kind in enumerate(members)],
        [machine("hdr", kind) for kind in others],
        header="hdr",
        **parameters,
    )
    assert [at for at, _ in STRATEGIES["compressors"].check(made)] == [where]
