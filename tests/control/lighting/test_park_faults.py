"""Faults of lamps and their sensors in the demo park, provoked by a command, named by an alarm."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bms.app.simulate import simulate
from bms.field.plants import make_plant
from bms.historian.log.embedded import History
from simulators.faults.fault_script import script
from simulators.faults.faulted import FaultedPlant
from tests.acceptance.days import demo_site, local
from tests.acceptance.park import PLANT

START = local("2026-07-08 17:00")  # a Wednesday


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("", ""),
        ("hand_on binjiang.light-2", "binjiang.light-2:running"),  # as a welded contactor
        ("trip binjiang.light-2", "binjiang.light-2:proof"),
        ("bad tonglu.bay-03.occupied", "tonglu.park-1:presence"),
        ("show binjiang.photocell.dark 1", "binjiang.photocell:contradicts"),
        ("freeze binjiang.light-1.illuminance", "binjiang.light-1:light"),
    ],
)
async def test_a_fault_of_lamps_is_named(tmp_path: Path, fault: str, named: str) -> None:
    faults = script([{"at": "30m", "fault": fault}] if fault else [], START)
    plant = FaultedPlant.around(make_plant(PLANT, START, {}), START, faults)
    end = START + timedelta(hours=30)
    step = timedelta(minutes=5)
    await simulate(demo_site(), plant, start=START, end=end, step=step, into=tmp_path)
    with History(tmp_path, read_only=True) as history:
        keys = {row.key for row in history.alarms(START, end)}
    mine = {
        key
        for key in keys
        if key.startswith(("binjiang.light", "binjiang.photo", "tonglu.park", "tonglu.aisle"))
    }
    assert mine == ({named} if named else set())
