"""bms takes the YAML in the documents."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from textwrap import dedent

import pytest
from pydantic import TypeAdapter

from bms.config.resolving.energy.tariff_checks import read_tariffs
from bms.config.resolving.optimal_start import OptimalFile
from bms.config.shapes.driver_files import DriversFile
from bms.config.shapes.energy_keys import EnergyFile
from bms.config.shapes.measure_files import MeasuresFile
from bms.config.shapes.models import (
    EquipmentEntry,
    EquipmentFile,
    GroupsFile,
    LinksFile,
    SiteFile,
)
from bms.config.shapes.sinks import InfluxFiles
from bms.config.shapes.upload_keys import UploadsFile
from bms.texts.yaml.parsing import read
from drivers.device_files.catalogue import DeviceType
from schedules.files.folder import load
from schedules.model.calendar import Calendar
from simulators.boptest.boptest_points import BoptestFile
from simulators.energyplus.mapping import MappingFile
from simulators.faults.fault_script import script
from simulators.fmu.fmu_points import FmuFile
from simulators.parks.works.blueprint import blueprint
from tests.docs.commands import PAGES, ROOT

_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
EXAMPLES = [
    pytest.param(dedent(block), id=f"{page.relative_to(ROOT).as_posix()}-{n}")
    for page in PAGES
    for n, block in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), 1)
]
SITE = {"id": "site", "zone": "Asia/Shanghai", "bases": {"base-1": {}}}
SEASONS = "seasons:\n  four: {summer: [05-15..09-30], transitional: rest}\nbases: {plant: four}\n"
CALENDAR = """\
calendar: cn
years: [2026]
entries:
  holiday: [{name: one, dates: 2026-10-01}]
  workday: [{name: two, dates: 2026-10-10}]
"""
REST = 'schedule: s\ngoverns: [plant.x]\notherwise: {mode: "off"}\nweek: {any: {daily: []}}\n'


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_valid(text: str) -> None:
    document, problems = read("example.yaml", text)
    assert problems == []
    assert document is not None
    data = document.data
    if isinstance(data, list):
        assert script(data, datetime(2026, 1, 1, tzinfo=UTC))
        return
    match next(iter(data)):
        case "schedule" | "exceptions" as first:
            files = {
                "schedules/example.yaml": text if first == "schedule" else REST + text,
                "schedules/seasons.yaml": SEASONS,
                "schedules/calendars/cn.yaml": CALENDAR,
            }
            library, problems = load(files)
            assert problems == []
            assert library is not None
        case "device":
            DeviceType.model_validate(data)
        case "links":
            LinksFile.model_validate(data)
        case "base":
            if "chillers" in data:
                blueprint(data)
                return
            (EquipmentFile if "equipment" in data else GroupsFile).model_validate(data)
        case "bases":
            DriversFile.model_validate(data)
        case "measures":
            MeasuresFile.model_validate(data)
        case "energies" | "printed":
            EnergyFile.model_validate(data)
        case "tariffs":
            calendars = {"cn": _calendar("春节")}
            found, problems = read_tariffs(text, calendars, ["binjiang"])
            assert problems == []
            assert found.applies
        case "platforms":
            UploadsFile.model_validate(data)
        case "people":
            SiteFile.model_validate(SITE | data)
        case "influx":
            TypeAdapter(InfluxFiles).validate_python(data["influx"])
        case "optimal":
            OptimalFile.model_validate(data["optimal"])
        case "model":
            MappingFile.model_validate(data)
        case "fmu":
            FmuFile.model_validate(data)
        case "test_case":
            BoptestFile.model_validate(data)
        case "id":
            SiteFile.model_validate(data)
        case _:
            for entry in data.values():
                EquipmentEntry.model_validate(entry)


def _calendar(holiday: str) -> Calendar:
    sheet = {"schedules/calendars/cn.yaml": CALENDAR.replace("name: one", f"name: {holiday}")}
    library, problems = load(sheet)
    assert library is not None, problems
    return library.calendars["cn"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 12
