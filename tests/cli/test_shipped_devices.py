"""What ships with bms is found from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from drivers.device_files.catalogue import shipped


def _run(*words: str) -> Result:
    return CliRunner().invoke(main, ["devices", *words])


@pytest.mark.case(
    "N6",
    when="Somebody wants to know whether a meter is known before describing it",
    then="`bms devices` lists what ships; the reference has every key that a file may have.",
)
def test_every_shipped_device_is_listed() -> None:
    told = _run()
    assert told.exit_code == 0, told.output
    for name in shipped():
        assert name in told.output


def test_a_device_is_found_by_a_part_of_its_name() -> None:
    rows = json.loads(_run("SDM630", "--json").output)
    assert [row["device"] for row in rows] == [n for n in sorted(shipped()) if "sdm630" in n]
    assert any(point["role"] == "energy" for point in rows[0]["points"])


def test_one_device_shows_its_points() -> None:
    name = next(
        n for n, device in shipped().items() if any(p.writable for p in device.points.values())
    )
    told = _run(name)
    assert told.exit_code == 0
    assert "may be commanded" in told.output
    for role in shipped()[name].points:
        assert role in told.output


def test_an_unknown_device_is_refused_with_the_nearest() -> None:
    told = _run("eastron-sdm63")
    assert "sdm630" in told.output
    told = _run("no-such-thing")
    assert told.exit_code == 2
    assert "no device 'no-such-thing'" in told.output
