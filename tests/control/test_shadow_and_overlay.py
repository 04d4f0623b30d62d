"""What controllers see in shadow mode, and what overlays command on top of a schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.control.engine.shadowed import shadowed
from bms.control.supervise.overlay import OverlayController
from bms.core.decisions import Award, Command, Priority, Snapshot
from bms.texts.problems import Origin
from drivers.points import PointId, Quality, Sample, Value
from schedules.files.folder import load as load_library
from schedules.files.targets import Targets
from tests.app.test_app import FILES
from tests.config.sites import write
from tests.control.parts import group, machine

NOW = datetime(2026, 7, 6, 1, tzinfo=UTC)  # Monday, nine o'clock in Shanghai
ENABLE, STATUS, SPEED = "b.holds.enable", "b.holds.status", "b.holds.speed"
OTHER = "b.lets-go.enable"


# --- shadow mode -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    device = FILES["devices/fan.yaml"] + "  status: {table: discrete, address: 1, type: bool}\n"
    two = FILES["equipment/b.yaml"].replace("link: plc\n    unit: 2", "link: two\n    unit: 2")
    links = FILES["links.yaml"] + "  two: {protocol: modbus_tcp, host: 127.0.0.2}\n"
    files = {**FILES, "devices/fan.yaml": device, "equipment/b.yaml": two, "links.yaml": links}
    made: Path = write(tmp_path_factory.mktemp("site"), files)
    return load(made, STRATEGIES)


def in_shadow(site: Site, *links: str, whole: bool = False) -> Site:
    made = {
        name: replace(link, settings=link.settings.model_copy(update={"mode": "shadow"}))
        if name in links
        else link
        for name, link in site.links.items()
    }
    mode = {"mode": "shadow" if whole else "control"}
    return replace(site, links=made, file=site.file.model_copy(update=mode))


def sample(point: PointId, value: Value) -> Sample:
    return Sample(point, value, Quality.GOOD, NOW)


def award(point: PointId, value: Value) -> Award:
    return Award(
        Command(point=point, value=value, priority=Priority.SCHEDULE, source="s", reason="r")
    )


def test_a_site_in_control_has_no_shadow(site: Site) -> None:
    assert shadowed(site) is None


@pytest.mark.parametrize(
    ("links", "whole", "outputs"),
    [
        (("plc",), False, {ENABLE, SPEED}),
        (("two",), False, {OTHER, "b.lets-go.speed"}),
        ((), True, {ENABLE, SPEED, OTHER, "b.lets-go.speed"}),
        (("plc", "two"), False, {ENABLE, SPEED, OTHER, "b.lets-go.speed"}),
    ],
)
def test_what_is_on_a_link_in_shadow_is_commanded_only_there(
    site: Site, links: tuple[str, ...], whole: bool, outputs: set[str]
) -> None:
    found = shadowed(in_shadow(site, *links, whole=whole))
    assert found is not None
    assert set(found.outputs) == outputs


@pytest.mark.parametrize("on", [True, False])
def test_machines_in_shadow_are_seen_as_they_are_commanded(site: Site, on: bool) -> None:
    found = shadowed(in_shadow(site, "plc"))
    assert found is not None
    samples = {p: sample(p, not on) for p in (ENABLE, STATUS, OTHER, "b.lets-go.status")} | {
        SPEED: sample(SPEED, 20)
    }
    awards = {ENABLE: award(ENABLE, on), OTHER: award(OTHER, on), SPEED: award(SPEED, 60)}
    seen = found(samples, awards)
    assert {p: s.value for p, s in seen.items()} == {
        ENABLE: on,
        STATUS: on,
        SPEED: 60,
        OTHER: not on,  # on a link in control: as it is
        "b.lets-go.status": not on,
    }
    assert seen[STATUS].detail
    assert found(samples, {}) == samples, "nobody commands it: as it is"
    assert found({}, awards) == {}, "what was never read is not made up"


# --- overlays --------------------------------------------------------------------------------

OVERLAYS = """\
overlays:
  limit:
    title: {en: Limit}
    when:
      - {weekdays: mon-fri, from: "08:00", to: "10:00"}
    give: [{targets: [b.g], speed_pct: 40}]
  air:
    title: {en: Air}
    when:
      - {weekdays: mon-fri, from: "09:00", to: "11:00"}
    give: [{targets: [b.g], mode: "on", speed_pct: 100}]
"""
AIR = 'schedule: air\ngoverns: [b.g]\notherwise: {mode: "off"}\nweek: {any: {}}\n'


def test_an_overlay_commands_what_it_gives_and_nothing_else() -> None:
    members = [machine("ahu-1", "air_handler")]
    files = {"schedules/air.yaml": AIR, "schedules/overlays.yaml": OVERLAYS}
    library, problems = load_library(files, Targets({"b.g": ("b.ahu-1",)}, frozenset({"b.ahu-1"})))
    assert library is not None, [str(problem) for problem in problems]
    resolver = library.resolver("b.g", "Asia/Shanghai")
    assert resolver is not None
    overlay = OverlayController(
        group("on_off", members), frozenset({"speed_pct", "level_pct"}), resolver
    )
    assert overlay.writes == {"b.g.mode", "b.g.speed_pct", "b.g.level_pct"}

    def commands(minutes: int) -> dict[PointId, tuple[Value, list[Value]]]:
        now = NOW + timedelta(minutes=minutes)
        decided = overlay.decide(Snapshot(now, {}), None, now)
        assert all(c.priority is Priority.OVERLAY for c in decided.commands)
        return {c.point: (c.value, [b.value for b in c.beaten]) for c in decided.commands}

    assert commands(-61) == {}
    assert commands(-60) == {"b.g.speed_pct": (40, [])}
    assert set(commands(0)) == {"b.g.mode", "b.g.speed_pct"}
    assert commands(60)["b.g.speed_pct"] == (100, [])
    assert commands(120) == {}
    first = overlay.decide(Snapshot(NOW, {}), None, NOW)
    again = overlay.decide(Snapshot(NOW, {}), None, NOW)
    assert first.commands is again.commands, "an unchanged answer is the same one"
    assert first.stands_until == NOW + timedelta(hours=1)
    assert first.commands[0].reason.endswith(str(Origin("schedules/overlays.yaml", 11)))
