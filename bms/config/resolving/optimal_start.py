"""The `optimal` block of a group: starting early enough, stopping early, purging at night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from bms.config.reading.names import RunError, select
from bms.config.shapes.filemodel import FileModel
from bms.core.durations import parse_duration
from bms.core.equipment import Equipment
from bms.texts.messages import Message, message_of, msg
from drivers.points import PointId
from schedules.model.week import parse_time

Finding: TypeAlias = tuple[tuple[str | int, ...], Message]


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _clock(value: object) -> object:
    return parse_time(value)


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(_duration)]
Clock: TypeAlias = Annotated[int, BeforeValidator(_clock), Field(examples=["01:00"])]
"""`HH:MM`, as minutes after midnight."""


class PurgeFile(FileModel):
    """Night air through warm rooms, where outdoor air alone cools (control reference, 2 and 5)."""

    start: Clock = Field(alias="from")
    """When the window begins, `01:00`."""
    end: Clock = Field(alias="to")
    """When it ends; the window may cross midnight."""
    mode: str = "on"
    """The mode in which the group ventilates."""
    seasons: list[str] = ["transitional"]
    """The seasons in which it purges."""
    colder_k: float = Field(default=2.0, gt=0, le=20)
    """Outdoor air has to be this much below the rooms."""
    humidity: str | None = None
    """A sensor of outdoor humidity: `weather`, or `equipment.role`."""
    max_humidity_pct: float = Field(default=80.0, gt=0, le=100)
    """Moister air stays outside. Without a good value nothing is purged."""


class OptimalFile(FileModel):
    """`optimal` of a group in `groups/*.yaml`."""

    zone: list[str] = Field(min_length=1)
    """Equipment with a `zone_temp` (`ahu-*`), or points as `equipment.role`."""
    each: bool = False
    """Each member begins by itself, by its own zones or those that it serves, with what was learned
    of them; else all begin together, by the zone that needs longest."""
    ready_pct: float = Field(default=100.0, gt=0, le=100)
    """How many of the zones have to be at the setpoint when the block begins. With 100 the one
    that is furthest from it decides."""
    setpoint: str = "zone_setpoint_c"
    """The setpoint of the schedule that the zone has to reach."""
    outdoor: str | None = None
    """A weather station, or a point as `equipment.role`."""
    max_start: Duration = Field(default=timedelta(hours=3), gt=timedelta(0), le=timedelta(hours=12))
    """A block never starts earlier than this before its time."""
    max_stop: Duration | None = Field(default=None, gt=timedelta(0), le=timedelta(hours=1))
    """Without it, nothing stops early."""
    stop_mode: str | None = None
    """The mode of the last minutes, for strategies that have one which only ventilates. Without
    one the setpoint drifts by `drift_k` while all goes on running."""
    drift_k: float = Field(default=1.0, gt=0, le=3)
    """How far the rooms may drift from the setpoint before the block ends."""
    cools: list[str] = ["summer"]
    """Seasons in which the group cools. In seasons that neither cool nor heat it starts as
    scheduled."""
    heats: list[str] = ["winter"]
    """Seasons in which it heats."""
    purge: PurgeFile | None = None
    """Night air through warm rooms."""


@dataclass(frozen=True, slots=True)
class Optimal:
    """The block with its names resolved to points."""

    file: OptimalFile
    zone: tuple[PointId, ...]
    outdoor: PointId | None
    humidity: PointId | None

    def of(self, machine: Equipment) -> Optimal:
        """The same for one member, by its own zones."""
        own = {machine.id, *(f"{machine.base}.{name}" for name in machine.relations.serves)}
        zone = tuple(point for point in self.zone if point.rpartition(".")[0] in own)
        return replace(self, zone=zone)

    def one_way(self, season: str) -> bool:
        """Whether the group only cools, or only heats, in a season."""
        return (season in self.file.cools) != (season in self.file.heats)


def resolve(
    file: OptimalFile,
    base: str,
    equipment: Mapping[str, Equipment],
    modes: Sequence[str],
    setpoints: Mapping[str, str],
) -> tuple[Optimal, list[Finding]]:
    """The block for a group whose strategy has these modes and setpoints, and what is wrong."""
    findings: list[Finding] = []

    def one(name: str | None, role: str, *where: str | int) -> PointId | None:
        if name is None:
            return None
        points, problem = _points(name, role, base, equipment)
        if problem or len(points) != 1:
            findings.append(
                (
                    where,
                    problem
                    or msg("'{name}' stands for {points} points", name=name, points=len(points)),
                )
            )
            return None
        return points[0]

    zone: list[PointId] = []
    for index, name in enumerate(file.zone):
        points, problem = _points(name, "zone_temp", base, equipment)
        if problem is not None:
            findings.append((("zone", index), problem))
        zone += points
    outdoor = one(file.outdoor, "outdoor_temp", "outdoor")
    purge = file.purge
    humidity = one(purge.humidity, "humidity", "purge", "humidity") if purge is not None else None
    if file.setpoint not in setpoints:
        allowed = ", ".join(setpoints) or msg("none")
        findings.append(
            (
                ("setpoint",),
                msg(
                    "no setpoint '{setpoint}'; it has: {allowed}",
                    setpoint=file.setpoint,
                    allowed=allowed,
                ),
            )
        )
    elif setpoints[file.setpoint] != "degC":
        findings.append(
            (("setpoint",), msg("'{setpoint}' is no temperature", setpoint=file.setpoint))
        )
    chosen = {("stop_mode",): file.stop_mode}
    if purge is not None:
        chosen["purge", "mode"] = purge.mode  # type: ignore[index]
        if file.outdoor is None:
            findings.append(
                (("purge",), msg("a purge needs 'outdoor': it compares the air outside"))
            )
    for where, mode in chosen.items():
        if mode is not None and mode not in modes:
            findings.append(
                (
                    where,
                    msg("no mode '{mode}'; it has: {allowed}", mode=mode, allowed=", ".join(modes)),
                )
            )
    return Optimal(file, tuple(dict.fromkeys(zone)), outdoor, humidity), findings


def check_each(
    optimal: Optimal, members: Sequence[Equipment], single_modes: bool, strategy: str
) -> list[Finding]:
    """What keeps the members of a group from beginning each by itself."""
    if not optimal.file.each:
        return []
    if not single_modes:
        text = msg("strategy {strategy} begins all its members together", strategy=strategy)
        return [(("each",), text)]
    return [
        (("zone",), msg("'{name}' has no zone here", name=member.id.rpartition(".")[2]))
        for member in members
        if member.kind.name == "air_handler" and not optimal.of(member).zone
    ]


def _points(
    text: str, role: str, base: str, equipment: Mapping[str, Equipment]
) -> tuple[list[PointId], Message | None]:
    """The points that `ahu-*` or `ahu-1.supply_temp` stands for, or what is wrong with it."""
    name, dot, given = text.partition(".")
    role = given if dot else role
    try:
        found, missing = select(name, list(equipment))
    except RunError as error:
        return [], message_of(error)
    if missing or not found:
        return [], msg("no equipment '{name}' in base '{base}'", name=name, base=base)
    without = [n for n in found if role not in equipment[n].points]
    if without:
        return [], msg("'{name}' has no '{role}' point", name=without[0], role=role)
    return [equipment[n].points[role] for n in found], None
