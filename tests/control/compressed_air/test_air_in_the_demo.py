"""The compressed air of the demo park: a burst line by command, and machines that follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simulators.faults.faulted import FaultedPlant
from simulators.parks.demo.park import Park
from tests.acceptance.days import demo_site

START = datetime(2026, 7, 6, 4, 0, tzinfo=UTC)


def test_a_burst_line_takes_air_until_it_is_mended() -> None:
    plant = FaultedPlant.around(Park(START), START)
    plant.write({f"tonglu.ac-{n}.enable": 1.0 for n in range(1, 5)})
    flows = []
    at = START
    for fault in ("", "break tonglu.air-header", ""):
        plant.clear()
        if fault:
            plant.fault(fault)
        for _ in range(30):
            at += timedelta(minutes=1)
            plant.advance(at)
        flows.append(plant.read()["tonglu.air-header.flow"])
    assert flows[1] > flows[0] + 600.0
    assert abs(flows[2] - flows[0]) < 120.0
    assert plant.read()["tonglu.air-header-2.pressure"] > 600.0


def test_the_demos_dryers_belong_to_its_compressors() -> None:
    group = demo_site().groups["tonglu.compressors"]
    kinds = [member.kind.name for member in group.members]
    assert kinds.count("air_compressor") == 4
    assert kinds.count("air_dryer") == 2
    assert "tonglu.compressors.leak_flow_m3h" in group.facts
