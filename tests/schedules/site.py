"""A small sound set of schedule files, to be edited by tests."""

from __future__ import annotations

from schedules.files.folder import load
from tests.texts.words import all_chinese

OFFICE = "schedules/office.yaml"
SEASONS = "schedules/seasons.yaml"
CALENDAR = "schedules/calendars/cn-2026.yaml"

FILES = {
    OFFICE: """\
schedule: office
title: {zh: 办公室, en: Offices}
governs: [hq.offices, hq.lobby]
seasons: cn
otherwise: {mode: off}
week:
  summer:
    mon-fri:
      - {from: 07:30, to: 18:00, mode: on, zone_setpoint_c: 26}
    sat: []
  any:
    daily:
      - {from: 08:00, to: 17:00, mode: on, zone_setpoint_c: 20.5}
exceptions:
  - {name: Shutdown, dates: [2026-08-03..2026-08-05], do: replace, blocks: []}
  - {calendar: cn-2026, entries: holiday, do: replace, blocks: []}
  - {calendar: cn-2026, entries: workday, do: use, day: mon}
  - {name: Earth Hour, dates: [03-28], do: add, blocks: [{from: 20:30, to: 21:30, mode: off}]}
""",
    SEASONS: """\
seasons:
  cn:
    summer: [05-15..09-30]
    winter: [11-15..03-15]
    transitional: rest
""",
    CALENDAR: """\
calendar: cn-2026
years: [2026]
entries:
  holiday:
    - {name: New Year, dates: [2026-01-01..2026-01-03]}
    - {name: National Day, dates: [2026-10-01..2026-10-07]}
  workday:
    - {name: make-up workday, dates: [2026-10-10]}
""",
}


def edited(file: str, old: str, new: str) -> dict[str, str]:
    """The files with one text in one file replaced; the text has to be there once."""
    assert FILES[file].count(old) == 1
    return {**FILES, file: FILES[file].replace(old, new)}


def problems(files: dict[str, str]) -> list[str]:
    """The problems as shown to people; without a library exactly if there are any."""
    library, found = load(files)
    assert (library is None) == bool(found)
    assert found == sorted(found)
    all_chinese(found, files)
    return [str(problem) for problem in found]
