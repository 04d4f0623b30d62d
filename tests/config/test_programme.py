"""Schedules against the site: equipment with its own schedule, places, points, overlays."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms import control
from bms.config.load import check, check_schedules, schedule_texts
from bms.config.resolving.singles import with_library
from bms.config.site import Site
from bms.config.writing.scaffold import init
from bms.control import assemble

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "simulators" / "parks" / "demo" / "site"

AHU = """\
schedule: one
governs: [{governs}]
otherwise: {{mode: "off"}}
week: {{any: {{daily: [{{from: {start}, to: "23:30", mode: "on"}}]}}}}
"""


@pytest.fixture(scope="module")
def demo() -> Site:
    site, problems = check(DEMO, control.STRATEGIES)
    assert site is not None, problems
    return site


def _check(site: Site, texts: dict[str, str]) -> list[str]:
    library, problems = check_schedules(site, control.STRATEGIES, texts)
    assert (library is None) == bool(problems)
    return [str(problem) for problem in problems]


def _texts(**files: str) -> dict[str, str]:
    return schedule_texts(DEMO) | {
        f"schedules/{name.replace('_', '-')}.yaml": text for name, text in files.items()
    }


def _one(governs: str, start: str = '"06:00"') -> str:
    return AHU.format(governs=governs, start=start)


def test_equipment_with_a_schedule_of_its_own_leaves_its_group(demo: Site) -> None:
    texts = _texts(one=_one("binjiang.ahu-3"))
    library, problems = check_schedules(demo, control.STRATEGIES, texts)
    assert library is not None, problems
    site = with_library(demo, library)
    assert [m.id for m in site.groups["binjiang.ahu"].members] == [
        f"binjiang.ahu-{n}" for n in (1, 2, 4)
    ]
    single = site.groups["binjiang.ahu-3"]
    assert (single.strategy, single.base) == ("on_off", "binjiang")
    assert single.parameters == site.groups["binjiang.ahu"].parameters
    names = [controller.name for controller in assemble(site, ())]
    assert "schedule:binjiang.ahu-3" in names
    assert len(names) == len(set(names))
    claimed = [
        (point, controller.priority)
        for controller in assemble(site, ())
        for point in controller.writes
    ]
    assert len(claimed) == len(set(claimed))
    again, _ = check_schedules(site, control.STRATEGIES, schedule_texts(DEMO))
    assert again is not None
    assert with_library(site, again).groups == demo.groups


def test_members_all_with_schedules_of_their_own_leave_no_group(demo: Site) -> None:
    texts = _texts(one=_one('"chongqing.warehouse.*"'))
    library, problems = check_schedules(demo, control.STRATEGIES, texts)
    assert library is not None, problems
    groups = with_library(demo, library).groups
    assert "chongqing.warehouse" not in groups
    assert (
        sum(len(g.members) == 1 and g.id.startswith("chongqing.ahu-") for g in groups.values())
        == 64
    )
    assert library.governed["chongqing.ahu-07"] == "one"


def test_equipment_that_is_staged_has_no_schedule_of_its_own(demo: Site) -> None:
    (problem,) = _check(demo, _texts(one=_one("binjiang.ch-1")))
    assert problem == (
        "schedules/one.yaml:2:11: 'binjiang.ch-1' is staged by group 'binjiang.chw' "
        "(chilled_water_plant); schedule the group: binjiang.chw"
    )
    (problem,) = _check(demo, _texts(one=_one("binjiang.meter-main")))
    assert "'binjiang.meter-main' belongs to no group" in problem
    (problem,) = _check(demo, _texts(one=_one("binjiang.ahu-33")))
    assert "no group 'binjiang.ahu-33'; did you mean 'binjiang.ahu'" in problem


def test_the_sun_needs_a_location(tmp_path: Path) -> None:
    init(tmp_path / "site")
    path = tmp_path / "site" / "schedules" / "offices.yaml"
    path.write_text(
        path.read_text("utf-8").replace('from: "08:30", to: "17:00"', 'from: sunrise, to: "17:00"'),
        "utf-8",
    )
    assert check(tmp_path / "site", control.STRATEGIES)[1] == []
    site_file = tmp_path / "site" / "site.yaml"
    text = site_file.read_text("utf-8")
    site_file.write_text(text.replace("    location: [30.19, 120.21]\n", ""), "utf-8")
    (problem,) = check(tmp_path / "site", control.STRATEGIES)[1]
    assert (problem.file, problem.line) == ("schedules/offices.yaml", 26)
    assert problem.message == "sunrise and sunset need the location of base 'plant'"
    for wrong, message in (
        ("[120.21, 30.19]", "120.21 is no latitude: it goes from -90 to 90"),
        ("here", "a location is [latitude, longitude] in degrees, as [30.18, 120.16]"),
        ("[a, 1]", "'a' is not a latitude in degrees"),
    ):
        site_file.write_text(text.replace("[30.19, 120.21]", wrong), "utf-8")
        problems = check(tmp_path / "site", control.STRATEGIES)[1]
        assert any(message in str(problem) for problem in problems), problems


def test_seasons_name_bases_groups_and_points_that_exist(demo: Site) -> None:
    seasons = _texts()["schedules/seasons.yaml"]

    def problems(old: str, new: str) -> list[str]:
        assert old in seasons
        return _check(demo, _texts(seasons=seasons.replace(old, new)))

    assert "no base 'fuyang'" in problems("  tonglu: cn-east", "  fuyang: cn-east")[0]
    (problem,) = problems("binjiang.showroom: showroom", "binjiang.showrom: showroom")
    assert "no group 'binjiang.showrom'; did you mean 'binjiang.showroom'?" in problem
    found = problems(
        'point: "{base}.weather.outdoor_temp"\n    # The', 'point: "{base}.weather.oat"\n    # The'
    )
    assert any(
        "base 'tonglu' has no point 'tonglu.weather.oat' to switch" in text for text in found
    )


def test_overlays_and_time_units_give_what_strategies_take(demo: Site) -> None:
    texts = _texts()
    overlays = texts["schedules/overlays.yaml"]
    found = _check(demo, _texts(overlays=overlays.replace('mode: "off"', "mode: none")))
    assert all("no mode 'none' in strategy on_off" in text for text in found)
    assert len(found) == 2
    units = texts["schedules/time-units.yaml"]
    (problem,) = _check(demo, _texts(time_units=units.replace("speed_pct: [40", "speed: [40")))
    assert "no setpoint 'speed' in strategy on_off of group 'chongqing.dressing-room'" in problem


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("speed_pct: 800", "speed_pct cannot be 800 %; write 0 to 100"),
        ("speed_pct: -1", "speed_pct cannot be -1 %; write 0 to 100"),
        ("zone_setpoint_c: 260", "zone_setpoint_c cannot be 260 degC; write 5 to 40"),
        ("speed_pct: 100, zone_setpoint_c: 5", ""),
    ],
)
def test_a_setpoint_that_nobody_can_mean_is_a_slip(demo: Site, given: str, told: str) -> None:
    text = _one("binjiang.ahu-3").replace('mode: "on"', f'mode: "on", {given}')
    found = _check(demo, _texts(one=text))
    assert [problem.partition(": ")[2] for problem in found] == ([told] if told else [])
    assert all(problem.startswith("schedules/one.yaml:4:") for problem in found)


def test_a_time_unit_may_offer_what_a_setpoint_can_be(demo: Site) -> None:
    units = _texts()["schedules/time-units.yaml"].replace("speed_pct: [40, ", "speed_pct: [-4, ")
    (problem,) = _check(demo, _texts(time_units=units))
    assert "speed_pct cannot be -4 %; write 0 to 100" in problem
