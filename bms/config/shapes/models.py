"""The shape of the site files (pydantic); bms.config.site is made from them."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from bms.config.resolving.optimal_start import OptimalFile
from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.links import LinkFile
from bms.config.shapes.machines import MachineKeys
from bms.config.shapes.sinks import InfluxFiles
from bms.texts.messages import msg
from drivers.device_files.templates import Models
from drivers.points import Value

# One plain sentence per wrong value: a union would answer with one problem per alternative.


def _title(value: object) -> object:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise ValueError(
            msg("a title is a text, or one per language: {example}", example="{zh: …, en: …}")
        )
    for language, text in value.items():
        if language not in ("zh", "en"):
            raise ValueError(
                msg("'{language}' is not a language of titles; allowed: zh, en", language=language)
            )
        if not isinstance(text, str):
            raise ValueError(msg("the title in '{language}' is not a text", language=language))
    return value


def _identifier(name: str) -> str:
    """A part of a point id."""
    if len(name) > 64:
        raise ValueError(msg("'{name}…' is longer than 64 characters", name=name[:20]))
    if not IDENTIFIER.fullmatch(name):
        raise ValueError(
            msg("'{name}' is not an id: use a-z, 0-9 and '-', beginning with a letter", name=name)
        )
    return name


def _unit(value: object) -> object:
    if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
        return value
    if isinstance(value, dict):
        raise ValueError(
            msg("a range of units is written in quotes: {example}", example='unit: "{1..64}"')
        )
    raise ValueError(msg("a unit is a whole number from 0 to 255"))


def _person(value: object) -> object:
    if value in get_args(Role):
        return {"role": value}
    if isinstance(value, dict):
        return value
    raise ValueError(msg("a person has a role: {names}", names=", ".join(get_args(Role))))


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(msg("a value is a number, true or false, or a text"))


def _location(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(msg("a location is [latitude, longitude] in degrees, as [30.18, 120.16]"))
    for number, limit, what in zip(value, (90, 180), ("latitude", "longitude"), strict=True):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(
                msg("'{number}' is not a {coordinate} in degrees", number=number, coordinate=what)
            )
        if abs(number) > limit:
            raise ValueError(
                msg(
                    "{number} is no {coordinate}: it goes from -{limit} to {limit}",
                    number=number,
                    coordinate=what,
                    limit=limit,
                )
            )
    return tuple(value)


def _bytes(value: object) -> object:
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", value.strip())
        if found is None:
            raise ValueError(
                msg("'{text}' is not a size: write 20 GB, 500 MB or a number of bytes", text=value)
            )
        value = int(float(found[1]) * 1000 ** " kMGT".index(found[2] or " "))
    if isinstance(value, int) and not isinstance(value, bool) and value < LEAST_BYTES:
        raise ValueError(
            msg("{size_bytes} bytes are too few for a history; at least 10 MB", size_bytes=value)
        )
    return value


def _state_dir(path: str) -> str:
    parts = PurePath(path).parts
    if not parts or "\0" in path:
        raise ValueError(msg("the state directory has no name"))
    if ".." in parts:
        raise ValueError(msg("the state directory is inside the site, or an absolute path"))
    if parts[0] in SITE_DIRECTORIES:
        raise ValueError(
            msg(
                "the state directory cannot be in '{parts}', which holds site files", parts=parts[0]
            )
        )
    return path


LEAST_BYTES = 10_000_000
IDENTIFIER = re.compile(r"[a-z][a-z0-9-]*")

SITE_DIRECTORIES = ("devices", "equipment", "groups", "schedules")
"""Where the files of a site are, besides `site.yaml` and `links.yaml`."""

Title: TypeAlias = Annotated[str | dict[str, str], BeforeValidator(_title)]
"""A name for people: one text, or one per language (`zh`, `en`)."""

Identifier: TypeAlias = Annotated[str, AfterValidator(_identifier)]

Role: TypeAlias = Literal["viewer", "operator", "engineer", "admin"]
"""What a person may do; `bms/people/roles.py` says what."""


# --- site.yaml -------------------------------------------------------------------------------


class EnergyBoundary(FileModel):
    """Which meters make a base's energy. Load = imports + generation - exports.

    Growth is judged on load, so that new PV cannot hide it. Each entry names equipment of the
    base that has an `energy` point, or a meter of `meters.yaml`: one that a person reads, or a
    formula (`tariff-1 + tariff-2`).
    """

    imports: list[str] = Field(min_length=1)
    """Meters of what comes from the grid."""
    generation: list[str] = []
    """Meters of what is generated here: PV."""
    exports: list[str] = []
    """Meters of what goes back to the grid."""


class BaseFile(FileModel):
    """One industrial base."""

    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    zone: str | None = None
    """IANA zone; the site's if absent."""
    location: Annotated[tuple[float, float] | None, BeforeValidator(_location)] = Field(
        default=None, examples=["[30.18, 120.16]"]
    )
    """Latitude and longitude in degrees, for schedules that hang on the sun."""
    energy: EnergyBoundary | None = None
    """Which meters make the base's energy."""
    target_growth_pct: float = Field(default=5.0, gt=-100, le=1000)
    """The growth of a year that has to stay below this."""
    baseline_year: int | None = Field(default=None, ge=1990, le=2200)
    """The year growth is measured against; the year before the reported one if absent."""


class HistoryFile(FileModel):
    """What is kept on the disk, how long, and in how much room."""

    commit_s: float = Field(default=1.0, gt=0, le=60)
    """The most that a power cut can lose."""
    trend_s: float = Field(default=60.0, gt=0)
    """Analog points are stored at this interval, states on change."""
    retain_days: int = Field(default=400, ge=1)
    """Raw trends only: quarter hours are kept 6 years; days, readings, awards and alarms always."""
    max_bytes: Annotated[int | None, BeforeValidator(_bytes)] = Field(
        default=None, examples=["20 GB", 20_000_000_000]
    )
    """Budget of all history files, as bytes or `20 GB`; otherwise 95 % of the disk."""
    log_hours: float = Field(default=48.0, ge=1, le=24 * 60)
    """How long the log is kept beside what is made of it: for sinks that fall behind."""
    clock_wait_s: float = Field(default=120.0, ge=0, le=3600)
    """After a start, so long samples wait in memory for a clock that is not set by the network."""


class PersonFile(FileModel):
    """One local account; `wang: operator` is short for `wang: {role: operator}`."""

    role: Role
    """What they may do: look, operate, engineer, or look after accounts."""
    areas: list[str] | None = Field(default=None, min_length=1)
    """Ids of groups or equipment (wildcards allowed) that they look after; absent: all."""
    name: str = ""
    """How they are called, if not as the account."""


class SiteFile(FileModel):
    """`site.yaml`."""

    id: Identifier
    """The site's id."""
    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    zone: str
    """IANA zone of the bases that give none: `Asia/Shanghai`."""
    cycle_s: float = Field(default=1.0, gt=0, le=60)
    """Seconds between two control cycles."""
    state_dir: Annotated[str, AfterValidator(_state_dir)] = "state"
    """Where history, state and audit lie, relative to the site."""
    bases: dict[Identifier, BaseFile] = Field(min_length=1)
    """The bases by id: the first part of every point's id."""
    history: HistoryFile = HistoryFile()
    """What is kept on the disk."""
    influx: InfluxFiles = []
    """Databases that history is copied to."""
    mode: Literal["control", "shadow"] = "control"
    """`shadow`: decide as usual and write nothing, on any link."""
    people: dict[str, Annotated[PersonFile, BeforeValidator(_person)]] = {}
    """By the name of the local account."""
    default_role: Role = "operator"
    """Of accounts that `people` does not name."""


# --- links.yaml ------------------------------------------------------------------------------


class LinksFile(FileModel):
    """`links.yaml`."""

    links: dict[Identifier, LinkFile] = Field(min_length=1)
    """The links by id."""


# --- equipment/*.yaml ------------------------------------------------------------------------


class OutputFile(FileModel):
    """Settings of one commandable point, over its kind's defaults."""

    default: Annotated[Value | None, BeforeValidator(_scalar)] = None
    """Commanded at slot 16 when nobody else commands the point."""
    min_on_s: float | None = Field(default=None, ge=0)
    """Least time on; the kind's own if absent."""
    min_off_s: float | None = Field(default=None, ge=0)
    """Least time off; the kind's own if absent."""
    tolerance: float | None = Field(default=None, ge=0)
    """How far the value read back may be off; the device file's own if absent."""
    refresh_s: float | None = Field(default=None, gt=0)
    """Write again after this long even if nothing changed, for devices with a watchdog."""
    on_stop: Literal["hold", "release"] = "hold"
    """When the controller stops: hold the last value, or release the point."""


class EquipmentEntry(MachineKeys):
    """One machine or meter, or a numbered run of them (`ahu-{01..64}`, `unit: "{1..64}"`)."""

    kind: str
    """What it is; the kinds give its roles."""
    device: str
    """A device file, shipped or of the site, by id."""
    link: str
    """The link it answers on."""
    unit: Annotated[int | str | None, BeforeValidator(_unit)] = Field(
        default=None, examples=[1, '"{1..64}"']
    )
    """Modbus unit (device) id, 0-255."""
    models: Models = {}
    """Where SunSpec models begin in this device, as `bms scan modbus` says: `{103: 40070}`."""
    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    building: Identifier | None = None
    """Where it stands: the tag `bldg` of its points in InfluxDB."""
    rated_kw: float | None = Field(default=None, gt=0)
    """Electrical rating: estimates use it, and a meter that rises faster is not believed."""
    capacity_kw: float | None = Field(default=None, gt=0)
    """Thermal capacity of a chiller or boiler; staging needs it."""
    outputs: dict[str, OutputFile] = {}
    """Settings of its commandable points, by role."""
    scan: dict[str, Annotated[float, Field(gt=0, le=86400)]] = {}
    """Seconds between reads, by role; otherwise as the device's file says, or as the link polls."""


class EquipmentFile(FileModel):
    """`equipment/*.yaml`: the equipment of one base."""

    base: str
    """The base it belongs to."""
    equipment: dict[str, EquipmentEntry] = Field(min_length=1)
    """The equipment by name: the second part of every point's id."""


# --- groups/*.yaml ---------------------------------------------------------------------------


class GroupEntry(FileModel):
    """Equipment that is run together by one strategy, in the mode its schedule gives."""

    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    strategy: str
    """How it is run."""
    members: list[str] = Field(min_length=1)
    """Names of the base's equipment; `ahu-*` and `ahu-{01..08}` select several."""
    meter: str | None = None
    """The sub-meter of this group."""
    parameters: dict[str, Any] = {}
    """Checked against the strategy's own model."""
    optimal: OptimalFile | None = None
    """Start early enough, stop early, purge at night; absent: as scheduled, to the minute."""


class GroupsFile(FileModel):
    """`groups/*.yaml`: the groups of one base."""

    base: str
    """The base they belong to."""
    groups: dict[Identifier, GroupEntry] = Field(min_length=1)
    """The groups by name."""
