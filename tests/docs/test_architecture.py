"""ARCHITECTURE.md and CONTRIBUTING.md say of the house what its checks say."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.docs.commands import ROOT
from tests.house import MOST_FILES, MOST_LINES, MOST_PARAMETERS

TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `bms/(\w+)/` \| (.*) \| ?(\S.*?|) ?\|$", re.MULTILINE)


def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {found["name"]: found for found in settings["tool"]["importlinter"]["contracts"]}


def test_the_table_names_the_rooms_in_the_order_of_the_layers() -> None:
    layers = contracts()["inside bms, arrows point down, and every module has its room"]["layers"]
    rooms = [room.strip() for layer in layers for room in layer.split("|")]
    assert [name for name, *_ in ROW.findall(TEXT)] == [r for r in rooms if r != "__main__"]


def test_a_room_is_called_pure_if_the_contract_holds_it_to_that() -> None:
    held = set(contracts()["decisions are pure"]["source_modules"])
    for room, _, pure in ROW.findall(TEXT):
        assert (f"bms.{room}" in held) == (pure == "yes"), room
        for part in re.findall(r"`(\w+)/`", pure):
            assert f"bms.{room}.{part}" in held


def test_every_sub_room_is_named() -> None:
    for room, what, _ in ROW.findall(TEXT):
        folder = ROOT / "bms" / room
        parts = {p.name for p in folder.iterdir() if (p / "__init__.py").exists()}
        assert parts <= set(re.findall(r"`(\w+)/`", what)), room


def test_modules_named_without_their_folder_are_there() -> None:
    for name in set(re.findall(r"`(\w+\.py)`", TEXT)):
        assert any(ROOT.glob(f"*/**/{name}")), name


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= 225


def test_the_limits_of_the_house_are_told() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    limits = f"{MOST_LINES} lines a module, {MOST_PARAMETERS} parameters a function, "
    assert f"{limits}{MOST_FILES} files a folder" in told
