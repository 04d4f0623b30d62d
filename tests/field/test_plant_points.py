"""What a plant does not have is found before anything runs, with the place in the file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.app.composition import composed
from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.errors import InvalidInput, NotAvailable
from bms.field.plant_points import plant_problems, with_plant_problems
from bms.field.plants import make_plant
from bms.operations.editing.reloading import read_again
from simulators.parks.demo.park import Park
from tests.field.test_plants import FILES, Emulator, write_site

NOW = datetime(2026, 7, 6, tzinfo=UTC)
RATED = {"meters.yaml": "meters: {hall.meter: {rated_kw: 50}}\n"}
MISSPELT = RATED | {"devices/fan.yaml": FILES["devices/fan.yaml"].replace("_y'", "_yy'")}
SPAN = ("--from", "2026-07-06", "--to", "2026-07-07")


class Lacking:
    """A plant of a package that is not there."""

    def __init__(self, start: datetime) -> None:
        raise ImportError("the twin is not installed: pip install twin")


class Blind(Emulator):
    """One that imports what nobody has."""

    def __init__(self, start: datetime, power_kw: str) -> None:
        import no_such_module_at_all  # type: ignore[import-not-found]  # noqa: F401


class Counted(Emulator):
    """One that knows how often it was made."""

    made = 0

    def __init__(self, start: datetime, power_kw: str) -> None:
        super().__init__(start, power_kw)
        Counted.made += 1


@pytest.mark.case(
    "P49",
    when="A site file names a point that an in-process plant does not have.",
    then="`bms check` and `bms simulate` refuse it with file, line and the names that are alike. "
    "A controller that runs such a site raises an alarm for it.",
)
async def test_a_misspelt_point_of_a_plant_is_refused(tmp_path: Path) -> None:
    site = write_site(tmp_path, **MISSPELT)
    for words in (["check", str(site)], ["simulate", str(site), *SPAN]):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 2
        assert "devices/fan.yaml:7:18" in done.output
        assert "no point hall_fan-1_yy" in done.output
        assert "did you mean 'hall_fan-1_y'" in done.output
    async with composed(load(site, STRATEGIES), SystemClock()) as app:
        (unmet,) = app.runtime.site.unmet
        assert unmet.withholds == "hall.fan-1.status"


@pytest.mark.case(
    "P49",
    when="While a controller runs, an edit names a point that an in-process plant does not have.",
    then="`bms reload` refuses it as `bms check` does, and the site runs on as it was.",
)
def test_a_reload_asks_the_plants_again(tmp_path: Path) -> None:
    site = write_site(tmp_path, **RATED)
    running = with_plant_problems(load(site, STRATEGIES), NOW)
    assert not running.unmet
    path = site / "devices/fan.yaml"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("_y'", "_yy'"), encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_again(running, STRATEGIES, (), NOW)
    assert "no point hall_fan-1_yy" in str(refused.value.problems[0])
    path.write_text(good, encoding="utf-8")
    assert not read_again(running, STRATEGIES, (), NOW).files


def test_what_a_running_plant_lacks_is_told_after_other_edits_too(tmp_path: Path) -> None:
    links = FILES["links.yaml"].replace(
        "tests.field.test_plants:Emulator", "tests.field.test_plant_points:Counted"
    )
    site = write_site(tmp_path, **MISSPELT | {"links.yaml": links})
    running = with_plant_problems(load(site, STRATEGIES), NOW)
    (lacking,) = running.unmet
    file = site / "site.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "# nothing but a comment\n", encoding="utf-8")
    made = Counted.made
    assert made
    change = read_again(running, STRATEGIES, (), NOW)
    assert (change.files, change.site.unmet) == (("site.yaml",), (lacking,))
    assert Counted.made == made  # the plant that runs is not made a second time


def test_one_line_that_stands_for_many_machines_is_one_problem(tmp_path: Path) -> None:
    many = {
        "equipment/hall.yaml": FILES["equipment/hall.yaml"].replace("fan-1:", '"fan-{1..3}":'),
    }
    (first, *others) = plant_problems(load(write_site(tmp_path, **RATED | many), STRATEGIES), NOW)
    assert "nor 1 others like it" in first.message
    assert {problem.file for problem in (first, *others)} == {"devices/fan.yaml"}


def test_a_command_for_what_the_plant_only_measures_is_refused(tmp_path: Path) -> None:
    text = FILES["devices/fan.yaml"].replace("hall_{equipment}_u'", "hall_{equipment}_y'")
    site = load(write_site(tmp_path, **RATED | {"devices/fan.yaml": text}), STRATEGIES)
    (problem,) = plant_problems(site, NOW)
    assert "hall_fan-1_y cannot be written" in problem.message


def test_a_missing_package_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="pip install twin"):
        make_plant("tests.field.test_plant_points:Lacking", NOW, {})
    with pytest.raises(NotAvailable, match="needs the module 'no_such_module_at_all'"):
        make_plant(f"{__name__}:{Blind.__name__}", NOW, {"power_kw": "1"})
    links = FILES["links.yaml"].replace(
        "tests.field.test_plants:Emulator", "tests.field.test_plant_points:Blind"
    )
    done = CliRunner().invoke(
        main, ["check", str(write_site(tmp_path, **RATED | {"links.yaml": links}))]
    )
    assert done.exit_code == 2
    assert "links.yaml:2:38: the plant needs the module 'no_such_module_at_all'" in done.output


def test_options_may_name_files_of_the_site(tmp_path: Path) -> None:
    links = FILES["links.yaml"].replace("'12'", "'{site}'")
    site = load(write_site(tmp_path, **RATED | {"links.yaml": links}), STRATEGIES)
    (problem,) = plant_problems(site, NOW)
    assert str(tmp_path) in problem.message


def test_asking_a_plant_for_its_points_leaves_its_state_alone(tmp_path: Path) -> None:
    state = tmp_path / "park.json"
    Park(NOW, state=str(state)).close()
    assert not state.exists()


def test_the_demo_park_has_every_point_of_its_site() -> None:
    from bms.field.plant_points import require_points
    from tests.acceptance.park import SITE

    require_points(load(SITE, STRATEGIES), Park(NOW))


def test_a_study_without_a_point_does_not_begin(tmp_path: Path) -> None:
    from bms.field.plant_points import require_points

    site = load(write_site(tmp_path, **MISSPELT), STRATEGIES)
    with pytest.raises(InvalidInput, match="the plant has 1 problem") as refused:
        require_points(site, Emulator(NOW, "1"))
    assert refused.value.problems[0].file == "devices/fan.yaml"
