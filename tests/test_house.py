"""The plan of the house, measured; and that each measure finds what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import MOST_FILES, MOST_LINES, ROOT, House, house_of, main

LAYERS = """
[[tool.importlinter.contracts]]
name = "arrows point down"
type = "layers"
containers = ["bms"]
layers = ["cli", "reports | forward", "core", "texts"]
"""
SOUND = {
    "bms/__init__.py": "'The controller.'",
    "bms/cli/__init__.py": "'Faces.'\nfrom bms.reports import growth",
    "bms/reports/__init__.py": "'Reports.'",
    "bms/reports/growth.py": "from bms.core.errors import Broken",
    "bms/forward/copy.py": "def send():\n    import drivers.base",
    "bms/core/errors.py": "from bms import texts",
    "bms/core/__init__.py": "'Words.'",
    "bms/forward/__init__.py": "'Copies.'",
    "bms/texts/__init__.py": "'Messages.'",
    "drivers/__init__.py": "'Ways to the field.'",
    "schedules/__init__.py": "'What is in force.'",
    "simulators/__init__.py": "'Plants.'",
    "drivers/base.py": "from bms.texts import say\nfrom drivers import errors",
    "drivers/errors.py": "from . import base",
    "schedules/day.py": "from bms.texts import say",
    "simulators/plant.py": "import drivers.base",
}


def house_with(directory: Path, **files: str) -> House:
    """A small sound house with some files more, or others (`__` in a name stands for `/`)."""
    (directory / "pyproject.toml").write_text(LAYERS, encoding="utf-8")
    more = {f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    for name, text in {**SOUND, **more}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return house_of(directory)


def faults(house: House) -> list[str]:
    return [fault for fault in house.faults() if "SAME_MEANING names" not in fault]


def test_this_house_stands() -> None:
    assert house_of(ROOT).faults() == []


def test_a_sound_house_has_no_faults(tmp_path: Path) -> None:
    house = house_with(tmp_path)
    assert faults(house) == []
    assert len(house.rooms) == 8
    assert set(house.arrows) == {
        ("bms.cli", "bms.reports"),
        ("bms.reports", "bms.core"),
        ("bms.forward", "drivers"),
        ("bms.core", "bms.texts"),
        ("drivers", "bms.texts"),
        ("schedules", "bms.texts"),
        ("simulators", "drivers"),
    }


@pytest.mark.parametrize(
    ("place", "text", "fault"),
    [
        ("bms__core__up", "def f():\n    from bms.reports import growth", "bms.core → bms.reports"),
        ("bms__core__relative", "from ..reports import growth", "bms.core → bms.reports"),
        ("bms__reports__side", "import bms.forward.copy", "bms.reports → bms.forward"),
        ("drivers__up", "from bms.core.errors import Broken", "drivers → bms.core"),
        ("schedules__side", "import drivers.base", "schedules → drivers"),
        ("bms__texts__say", "import schedules.day", "bms.texts → schedules"),
        ("bms__core__plant", "import simulators.plant", "bms.core → simulators"),
        ("simulators__up", "import bms.texts", "simulators → bms.texts"),
    ],
)
def test_an_arrow_that_runs_up_is_found(tmp_path: Path, place: str, text: str, fault: str) -> None:
    found = faults(house_with(tmp_path, **{place: text}))
    assert any(fault in line and "runs up" in line for line in found), found


def test_a_circle_is_found(tmp_path: Path) -> None:
    house = house_with(tmp_path, bms__core__back="def f():\n    from bms.cli import main")
    assert house.circles == [["bms.cli", "bms.core", "bms.reports"]]
    assert "a circle of rooms: bms.cli, bms.core, bms.reports" in faults(house)


def test_a_loose_module_in_no_layer_is_found(tmp_path: Path) -> None:
    assert faults(house_with(tmp_path, bms__keeping="")) == [
        "a room in no layer of pyproject.toml: bms.keeping",
        "a loose module: bms.keeping",
    ]


def test_one_name_for_two_modules_is_found(tmp_path: Path) -> None:
    found = faults(house_with(tmp_path, schedules__growth="", drivers__errors=""))
    assert found == [
        "one name, several modules: growth: bms/reports/growth.py, schedules/growth.py"
    ]


def test_a_long_module_is_found(tmp_path: Path) -> None:
    assert faults(house_with(tmp_path, drivers__long="\n" * (MOST_LINES - 1))) == []
    found = faults(house_with(tmp_path, drivers__long="\n" * MOST_LINES))
    assert found == [f"too long: drivers/long.py: {MOST_LINES + 1} lines; at most {MOST_LINES}"]


def test_a_function_of_many_parameters_is_found(tmp_path: Path) -> None:
    eight = "class A:\n    def f(self, a, b, c, d, e, *, f, g, h): ..."
    assert faults(house_with(tmp_path, drivers__a=eight)) == []
    found = faults(house_with(tmp_path, drivers__a="def f(a, b, c, d, /, e, f, g, *, h, i): ..."))
    assert found == ["too many parameters: drivers/a.py:1 f: 9; at most 8"]


def test_a_crowded_folder_is_found(tmp_path: Path) -> None:
    crowd = {f"schedules__day_{number}": "" for number in range(MOST_FILES)}
    assert faults(house_with(tmp_path, **crowd)) == [
        f"schedules/: {MOST_FILES + 1} files; more than {MOST_FILES} want sub-rooms"
    ]


def test_a_room_that_does_not_say_what_it_is_for_is_found(tmp_path: Path) -> None:
    assert faults(house_with(tmp_path, drivers__deep__wire="")) == [
        "drivers/deep/__init__.py does not say what the room is for"
    ]
    (tmp_path / "drivers/deep/__init__.py").write_text("'The wire.'\n", encoding="utf-8")
    assert faults(house_of(tmp_path)) == []


def test_too_many_rooms_and_arrows_are_found(tmp_path: Path) -> None:
    rooms = [f"room_{number}" for number in range(20)]
    below: dict[str, str] = {}
    for number, room in enumerate(rooms):
        below[f"bms__{room}__at_{number}"] = "\n".join(
            f"import bms.{other}.at_{n}" for n, other in enumerate(rooms) if n > number
        )
    found = faults(house_with(tmp_path, **below))
    assert "28 rooms; at most 24" in found
    assert "197 arrows between rooms; at most 130" in found


def test_another_tree_is_measured_and_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house_with(tmp_path, bms__keeping="")
    assert main([str(tmp_path)]) == 0
    assert "loose modules in bms/        1" in capsys.readouterr().out
