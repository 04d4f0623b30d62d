"""A sound set of files that uses the whole language, to be edited by tests."""

from __future__ import annotations

from schedules.files.targets import Targets

SCHEDULE = "schedules/air.yaml"
LIGHTS = "schedules/lights.yaml"
SEASONS = "schedules/seasons.yaml"
OVERLAYS = "schedules/overlays.yaml"
UNITS = "schedules/time-units.yaml"
CALENDAR = "schedules/calendars/cn-2026.yaml"
LOCAL = "schedules/calendars/local.yaml"

TARGETS = Targets(
    {
        "hq.hall": ("hq.ahu-1", "hq.ahu-2", "hq.ahu-3"),
        "hq.store": ("hq.fan-1",),
        "hq.light-front": ("hq.lamp-1", "hq.lamp-2"),
        "hq.light-rear": ("hq.lamp-3",),
        "yard.light": ("yard.lamp-1",),
    },
    frozenset(
        f"hq.{name}"
        for name in ("ahu-1", "ahu-2", "ahu-3", "fan-1", "lamp-1", "lamp-2", "lamp-3", "meter")
    )
    | {"yard.lamp-1"},
)

WIDE = {
    SCHEDULE: """\
schedule: air
governs: [hq.hall, hq.ahu-3, hq.store]
seasons: base
otherwise: {mode: off}
week:
  any:
    mon-fri:
      - {from: 08:00, to: 18:00, mode: on, zone_setpoint_c: 26}
exceptions:
  - {name: Works, dates: [1st mon], do: replace, blocks: [], priority: 3}
  - {calendar: cn, entries: holiday, do: replace, blocks: []}
""",
    LIGHTS: """\
schedule: lights
governs: ["hq.light-*", "yard.*"]
otherwise: {mode: off}
week:
  any:
    daily:
      - {from: sunset-00:15, to: 22:00, mode: on}
exceptions:
  - {calendar: local, entries: dark, do: add, blocks: [{from: 20:30, to: 21:30, mode: off}]}
""",
    SEASONS: """\
seasons:
  weather:
    by: outdoor
    point: "{base}.weather.outdoor_temp"
    summer: {enter_c: 22, leave_c: 20}
    confirm_days: 3
    permitted: {winter: [11-01..03-31]}
    dates:
      summer: [05-15..09-30]
      winter: [11-15..03-15]
      transitional: rest
  people:
    by: hand
    dwell_days: 7
    checklist:
      heating: [Fill the system, {zh: 排气, en: Vent it}]
    dates:
      heating: [11-15..03-15]
      transitional: rest
bases:
  hq: weather
  hq.store: people
""",
    OVERLAYS: """\
overlays:
  limit:
    when:
      - {dates: [07-01..08-31], weekdays: mon-fri, from: 13:00, to: 15:00}
    give:
      - {targets: [hq.hall], zone_setpoint_c: 28, while: on}
  epidemic:
    renew_days: 10
    levels:
      full:
        - {targets: ["hq.hall.*", hq.store], mode: on, while: on, after: 1h}
      isolate:
        - {targets: ["hq.*"], mode: off}
""",
    UNITS: """\
time_units:
  hall:
    targets: [hq.hall, hq.ahu-3]
    people: [li.na]
    modes: [on]
    setpoints: {zone_setpoint_c: [24, 28]}
    longest: 3h
    latest: 22:00
    days: mon-fri
""",
    CALENDAR: """\
calendar: cn
years: [2026]
entries:
  holiday:
    - {name: National Day, dates: [2026-10-01..2026-10-07]}
""",
    LOCAL: """\
calendar: local
entries:
  dark:
    - {name: Earth Hour, dates: [last sat of 03]}
""",
}
