"""A site directory into a `Site`, or every problem in it.

One mistake is one problem. References to something broken are not reported again. Everything that
does not depend on it is still checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import ValidationError

from bms.config.reading.apart import Known, problems_apart
from bms.config.reading.devices import read_devices
from bms.config.reading.files import (
    LINKS,
    METERS,
    SITE,
    STATE,
    TARIFFS,
    Sources,
    read_schedules,
    read_site,
    unread,
)
from bms.config.reading.sections import Names, entries, names_of, read_all
from bms.config.resolving.energy.boundary import check_boundaries
from bms.config.resolving.energy.meter_checks import read_meters
from bms.config.resolving.energy.meters import MeterEntry, meter_specs
from bms.config.resolving.energy.ratings import check_ratings
from bms.config.resolving.energy.tariff_checks import Tariffs, read_tariffs
from bms.config.resolving.fleet import Fleet, FleetReader
from bms.config.resolving.groups import Groups, GroupsReader
from bms.config.resolving.related import check_relations
from bms.config.resolving.singles import regroup
from bms.config.resolving.site_programme import Governable, check_files, check_schedules
from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.links import ADDRESS_KEYS, PROTOCOLS, LinkSettings, ModbusLink, place
from bms.config.shapes.models import BaseFile, LinksFile, SiteFile
from bms.config.site import Base, Link, Site, StrategySpec
from bms.core.errors import InvalidInput
from bms.core.instants import is_zone
from bms.texts.messages import msg
from bms.texts.problems import Document, Problem, counted, suggestion
from bms.texts.validation import validation_message
from schedules.files.targets import Targets
from schedules.library import Library
from schedules.model.context import Place

__all__ = ["check", "check_schedules", "load", "schedule_texts", "sources", "with_endpoints"]


def sources(directory: Path) -> dict[str, str]:
    """The texts of a site by file name, as far as they can be read; for showing problems."""
    return read_site(directory).texts


def schedule_texts(directory: Path) -> dict[str, str]:
    """The schedule, season and calendar files of a site, for `check_schedules`.

    Raises InvalidInput if a file cannot be read or is not UTF-8.
    """
    found = read_schedules(directory)
    if found.problems:
        raise InvalidInput(msg("the schedules cannot be read"), sorted(found.problems))
    return found.texts


def load(
    directory: Path,
    strategies: Mapping[str, StrategySpec],
    *,
    schedules: Mapping[str, str] | None = None,
) -> Site:
    """The site in `directory`, as it can run: demands that it does not meet are in `unmet`.

    Raises InvalidInput with all its problems if it cannot run.
    """
    site, problems = check(directory, strategies, schedules=schedules)
    if site is None:
        count = counted(problems)
        raise InvalidInput(
            msg("the site '{directory}' has {count}", directory=directory, count=count), problems
        )
    return site


def check(
    directory: Path,
    strategies: Mapping[str, StrategySpec],
    *,
    schedules: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> tuple[Site | None, list[Problem]]:
    """Everything wrong with a site, sorted by file and line; the site if it can run.

    A site can run with problems that each withhold something (`Problem.withholds`), and no other.

    File names in problems are relative to `directory`. Never raises for what the files hold.
    `schedules` are texts by name in place of the schedule files on the disk, `files` in place of
    all files. `without` leaves files and folders out, for those whom they do not concern.
    """
    found = read_site(directory) if files is None else Sources.of(files)
    if without:
        found = found.without(without)
    if schedules is not None:
        found = found.with_schedules(schedules)
    if not found.texts and not directory.is_dir():
        return None, found.problems
    problems = list(found.problems)

    site = _one(SITE, found.texts.get(SITE), problems)
    site_file, bases, base_names = read_site_file(site, problems)
    if files is None and not without:
        problems += unread(directory, site_file.state_dir if site_file is not None else STATE)
    links, link_names = read_links(found.texts.get(LINKS), problems)

    catalogue, more = read_devices(found.under("devices"), found.complete("devices"))
    problems += more
    fleet_reader = FleetReader(base_names, links, link_names, catalogue)
    fleet_reader.read(found.under("equipment"), found.complete("equipment"))
    fleet = fleet_reader.fleet
    problems += fleet_reader.problems
    if not found.under("equipment") and found.complete("equipment"):
        hint = msg("describe machines and meters in equipment/<name>.yaml")
        problems.append(Problem("equipment", 1, 1, msg("the site has no equipment"), hint))
    meters: dict[str, MeterEntry] = {}
    document = _one(METERS, found.texts.get(METERS), problems)
    if document is not None:
        complete = found.complete("equipment") and bool(fleet.names)
        complete = complete and all(names.complete for names in fleet.names.values())
        broken = {
            f"{base}.{name}" for base, names in fleet.names.items() for name in names.known
        } - fleet.equipment.keys()
        meters, more = read_meters(
            document, base_names, fleet.equipment, complete, broken, _zones(site_file, bases)
        )
        problems += more
    if site is not None:
        written = [] if document is None else map(str, names_of(document, "meters"))
        listed = Names(set(written), document is not None or METERS not in found.texts)
        problems += check_boundaries(site, bases, fleet, meters, listed)
        if not any(problem.file in (SITE, METERS) for problem in problems):
            # What is misspelt there is missing elsewhere: it is not asked for twice.
            problems += check_ratings(site, document, bases, fleet, meters)

    groups_reader = GroupsReader(
        base_names, fleet, strategies, _zones(site_file, bases), _places(bases)
    )
    groups_reader.read(found.under("groups"), found.complete("groups"))
    groups = groups_reader.groups
    problems += groups_reader.problems
    problems += check_relations(fleet_reader.entries, fleet.names, fleet.equipment, groups.names)
    known = groups.names.complete and "groups" not in without
    if site is not None and site_file is not None and known:
        problems += _check_people(site, site_file, groups.names.known | set(fleet.origins))
    library, more = check_files(
        _governable(groups, fleet, bases, base_names), strategies, found.under("schedules")
    )
    problems += more
    tariffs = Tariffs()
    if TARIFFS in found.texts and library is not None:
        payers = [*base_names.known, *(str(name) for name in (*meters, *fleet.equipment))]
        tariffs, more = read_tariffs(found.texts[TARIFFS], library.calendars, payers)
        problems += [] if "schedules" in without else more

    fatal = any(not problem.withholds for problem in problems)
    if fatal or site_file is None or library is None:
        problems += problems_apart(found, Known(base_names))
        return None, sorted(set(problems))
    found_site = _assemble(directory, site_file, links, fleet, groups, library, meters)
    found_site = replace(found_site, tariffs=tariffs.tariffs, applies=tariffs.applies)
    points = Names({p for machine in fleet.equipment.values() for p in machine.points.values()})
    units = {spec.name: spec.medium.unit for spec in found_site.metering.values()}
    known_apart = Known(base_names, Names(set(units)), points, units, site_file.zone)
    problems = sorted({*problems, *problems_apart(found, known_apart)})
    return replace(found_site, unmet=tuple(problems), texts=found.texts), problems


def read_site_file(
    document: Document | None, problems: list[Problem]
) -> tuple[SiteFile | None, dict[str, BaseFile], Names]:
    """`site.yaml`, its valid bases, and the names of all."""
    if document is None:
        return None, {}, Names(complete=False)
    file, bases, found = entries(
        document, SiteFile, "bases", lambda _: BaseFile, BaseFile.model_construct()
    )
    problems += found
    names = Names(set(names_of(document, "bases")), isinstance(document.data.get("bases"), dict))
    zones: dict[tuple[str, ...], object] = {("zone",): document.data.get("zone")}
    zones |= {("bases", name, "zone"): base.zone for name, base in bases.items()}
    for path, zone in zones.items():
        if isinstance(zone, str) and not is_zone(zone):
            problems.append(
                document.problem(path, msg("no time zone '{zone}'", zone=zone), _near_zone(zone))
            )
    return file, bases, names


def _zones(site: SiteFile | None, bases: Mapping[str, BaseFile]) -> dict[str, str]:
    """The zone of each base, as far as it is one."""
    found = {name: base.zone or (site.zone if site else "") for name, base in bases.items()}
    return {name: zone for name, zone in found.items() if is_zone(zone)}


_ONE_ZONE_OF_CHINA = "Asia/Shanghai"


def _near_zone(name: str) -> str:
    zones = available_timezones()
    if name.lower() in ("asia/beijing", "beijing", "china", "cst", "asia/hangzhou", "utc+8"):
        return msg("did you mean '{suggestion}'?", suggestion=_ONE_ZONE_OF_CHINA)
    near = difflib.get_close_matches(name, zones, n=1, cutoff=0.5)
    example = msg(
        "zones have names like {zone} or {other_zone}",
        zone=_ONE_ZONE_OF_CHINA,
        other_zone="Europe/Berlin",
    )
    return (
        msg("did you mean '{near}'? {example}", near=near[0], example=example) if near else example
    )


class _UnknownLink(FileModel, extra="ignore"):
    """Stands for a link whose protocol is missing or unknown; never valid."""

    protocol: Literal["modbus_tcp", "modbus_tls", "modbus_rtu_tcp", "modbus_rtu", "opcua", "plant"]


def _link_model(data: Mapping[str, Any]) -> type[FileModel]:
    return PROTOCOLS.get(str(data.get("protocol")), _UnknownLink)


def read_links(text: str | None, problems: list[Problem]) -> tuple[dict[str, LinkSettings], Names]:
    """The links of `links.yaml`, and the names of all, also of wrong ones."""
    document = _one(LINKS, text, problems)
    if document is None:
        return {}, Names(complete=False)
    stand_in = ModbusLink.model_construct(protocol="modbus_tcp", host="")
    _, valid, found = entries(document, LinksFile, "links", _link_model, stand_in)
    problems += found
    links = {
        name: settings for name, settings in valid.items() if isinstance(settings, LinkSettings)
    }
    problems += _shared_places(document, links)
    complete = isinstance(document.data.get("links"), dict)
    return links, Names(set(names_of(document, "links")), complete)


def _shared_places(document: Document, links: Mapping[str, LinkSettings]) -> list[Problem]:
    """Two links to one endpoint would take turns in throwing each other out."""
    first: dict[str, str] = {}
    problems: list[Problem] = []
    for name, settings in links.items():
        where = place(settings)
        other = first.setdefault(where, name) if where else name
        if other != name:
            message = msg(
                "'{link}' is the same endpoint as '{other_link}' ({endpoint})",
                link=name,
                other_link=other,
                endpoint=where,
            )
            hint = msg("a link serves many units: put all its equipment on '{link}'", link=other)
            problems.append(document.problem(("links", name), message, hint, key=True))
    return problems


def _one(name: str, text: str | None, problems: list[Problem]) -> Document | None:
    if text is None:  # missing or unreadable: already reported
        return None
    documents, found, _ = read_all({name: text})
    problems += found
    return documents[0] if documents else None


def _check_people(document: Document, file: SiteFile, known: set[str]) -> list[Problem]:
    """An area that names nothing would lock its people out, or is a slip of the pen."""
    return [
        document.problem(
            ("people", user, "areas", index),
            msg("no group and no equipment matches the area '{area}'", area=area),
            suggestion(area, sorted(known)),
        )
        for user, person in file.people.items()
        for index, area in enumerate(person.areas or ())
        if not any(fnmatchcase(name, area) for name in known)
    ]


def owner_of(*paths: Path) -> str:
    """The account that owns the first of these that exists; empty if none does or nobody does."""
    for path in paths:
        with suppress(OSError, KeyError):
            return path.owner()
    return ""


def _governable(
    groups: Groups, fleet: Fleet, bases: Mapping[str, BaseFile], base_names: Names
) -> Governable:
    """What schedules may govern, as far as it could be read."""
    members = {name: tuple(m.id for m in g.members) for name, g in groups.groups.items()}
    complete = groups.names.complete and groups.names.known == members.keys()
    return Governable(
        Targets(members, frozenset(fleet.origins), complete),
        groups.names,
        groups.strategies,
        base_names,
        _places(bases),
        frozenset(p for machine in fleet.equipment.values() for p in machine.points.values()),
        all(fleet.named(base).complete for base in base_names.known)
        and fleet.equipment.keys() == fleet.origins.keys(),
        frozenset(point for point, rules in fleet.outputs.items() if rules.whole),
        frozenset(machine.id for machine in fleet.equipment.values() if machine.exempt),
        frozenset(machine.id for machine in fleet.equipment.values() if machine.emergency),
    )


def _places(bases: Mapping[str, BaseFile]) -> dict[str, Place]:
    """Where bases are, of those that say it."""
    return {name: Place(*b.location) for name, b in bases.items() if b.location is not None}


def _assemble(
    directory: Path,
    file: SiteFile,
    links: Mapping[str, LinkSettings],
    fleet: Fleet,
    groups: Groups,
    library: Library,
    meters: Mapping[str, MeterEntry],
) -> Site:
    def metered(base: str, side: str) -> tuple[str, ...]:
        names = getattr(file.bases[base].energy, side, ())
        return tuple(f"{base}.{name}" for name in names)

    bases = {
        name: Base(
            name,
            base.zone or file.zone,
            base,
            metered(name, "imports"),
            metered(name, "generation"),
            metered(name, "exports"),
        )
        for name, base in file.bases.items()
    }
    registers = {
        point: replace(register, resolution=entry.resolution)
        if (entry := meters.get(register.equipment)) is not None and entry.resolution is not None
        else register
        for point, register in fleet.meters.items()
    }
    return Site(
        directory=directory,
        file=file,
        bases=bases,
        links={
            name: Link(
                name, settings, tuple(fleet.points.get(name, ())), fleet.profiles.get(name, {})
            )
            for name, settings in links.items()
        },
        equipment=fleet.equipment,
        groups=regroup(groups.groups, library),
        library=library,
        outputs=fleet.outputs,
        defaults=fleet.defaults,
        meters=registers,
        metering=meter_specs(bases, fleet.equipment, registers, meters),
        # The state directory is made by the controller; site files may be someone else's.
        owner=owner_of(directory / file.state_dir, directory),
        regrouped_from=groups.groups,
    )


def with_endpoints(site: Site, endpoints: Mapping[str, Mapping[str, object]]) -> Site:
    """The site with other addresses for some links, by link id.

    Modbus links take `host` and `port`, OPC-UA links `url`, plants `plant`. Raises InvalidInput
    for an unknown link, another key, or a value that is no address.
    """
    links = dict(site.links)
    if not isinstance(endpoints, Mapping):
        raise InvalidInput(msg("endpoints are addresses by link id"))
    for name, address in endpoints.items():
        if not isinstance(address, Mapping):
            raise InvalidInput(
                msg("link '{name}': an address has keys such as host and port", name=name)
            )
        if name not in links:
            raise InvalidInput(
                msg("no link '{name}'; {suggestion}", name=name, suggestion=suggestion(name, links))
            )
        settings = links[name].settings
        allowed = ADDRESS_KEYS[settings.protocol]
        for key in address:
            if key not in allowed:
                raise InvalidInput(
                    msg(
                        "link '{name}': no '{key}'; {suggestion}",
                        name=name,
                        key=key,
                        suggestion=suggestion(key, allowed),
                    )
                )
        try:
            changed = type(settings).model_validate({**settings.model_dump(), **address})
        except ValidationError as error:
            reason = validation_message(dict(error.errors()[0]))
            raise InvalidInput(msg("link '{name}': {reason}", name=name, reason=reason)) from None
        links[name] = replace(links[name], settings=changed)
    return replace(site, links=links, endpoints=dict(endpoints))
