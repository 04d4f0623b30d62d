"""Equipment entries into machines with points, outputs and meter registers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bms.config.reading.devices import Catalogue, check_device, kind_of
from bms.config.reading.names import RunError, expand, parallel
from bms.config.reading.sections import Names, entries, read_all
from bms.config.resolving.output_rules import check_settings, read_only, rules, step, value_type
from bms.config.resolving.related import Entry
from bms.config.resolving.shared_registers import Registers
from bms.config.shapes.links import LinkSettings, ModbusSettings, spoken
from bms.config.shapes.models import IDENTIFIER, EquipmentEntry, EquipmentFile
from bms.config.site import MeterRegister
from bms.core.decisions import OutputRules
from bms.core.equipment import Equipment, Kind
from bms.core.machines.equipment_kinds import KINDS
from bms.texts.messages import msg
from bms.texts.problems import Document, Origin, Path, Problem, suggestion
from drivers.device_files.catalogue import DeviceType, bind, models_problem, profile_of
from drivers.modbus.wire.transport import UnitProfile
from drivers.points import Point, PointId, Value

DEFAULT_RESOLUTION = 0.001
"""For counters in floating point that do not say their resolution: a watt-hour, a litre."""


@dataclass(slots=True)
class Fleet:
    """All equipment of a site, filled file by file."""

    equipment: dict[str, Equipment] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    """By link."""
    profiles: dict[str, dict[int, UnitProfile]] = field(default_factory=dict)
    """What each unit of a Modbus link can take."""
    outputs: dict[PointId, OutputRules] = field(default_factory=dict)
    defaults: dict[PointId, Value] = field(default_factory=dict)
    meters: dict[PointId, MeterRegister] = field(default_factory=dict)
    names: dict[str, Names] = field(default_factory=dict)
    """Equipment names by base."""
    origins: dict[str, Origin] = field(default_factory=dict)
    """Where each piece of equipment is written."""

    def named(self, base: str) -> Names:
        return self.names.setdefault(base, Names())

    def of_base(self, base: str) -> dict[str, Equipment]:
        """The usable equipment of a base by short name, in the order of the files."""
        return {
            machine.id.removeprefix(f"{base}."): machine
            for machine in self.equipment.values()
            if machine.base == base
        }


def title_of(title: str | Mapping[str, str]) -> dict[str, str]:
    """Names by language; one text serves both."""
    if isinstance(title, str):
        return {"zh": title, "en": title} if title else {}
    return dict(title)


def not_metered(
    document: Document, path: Path, name: str, machines: Mapping[str, Equipment]
) -> list[Problem]:
    """The problem of equipment named as a meter that has no energy counter.

    None if its kind requires one: then its device file is already at fault.
    """
    energy = machines[name].kind.roles.get("energy")
    if energy is not None and energy.required:
        return []
    metered = [other for other, machine in machines.items() if "energy" in machine.points]
    return [
        document.problem(
            path, msg("'{name}' has no energy point", name=name), suggestion(name, metered)
        )
    ]


class FleetReader:
    """Reads `equipment/*.yaml` against the bases, links and device types of the site."""

    def __init__(
        self,
        bases: Names,
        links: Mapping[str, LinkSettings],
        link_names: Names,
        catalogue: Catalogue,
    ) -> None:
        self._bases = bases
        self._links = links
        self._link_names = link_names
        self._catalogue = catalogue
        self._unfit: set[str] = set()
        """Shipped device types already reported."""
        self._registers = Registers()
        self.fleet = Fleet()
        self.problems: list[Problem] = []
        self.entries: list[Entry] = []
        """One of each entry's machines: what is said of them is the same."""

    def read(self, texts: Mapping[str, str], complete: bool) -> None:
        """Read all files; `complete` says whether all could be read from the disk."""
        documents, problems, parsed = read_all(texts)
        self.problems += problems
        complete = complete and parsed
        for document in documents:
            base = document.data.get("base")
            if not isinstance(base, str) or base not in self._bases.known:
                complete = False  # whose equipment this is, nobody can tell
        for base in self._bases.known:
            self.fleet.named(base).complete = complete
        for document in documents:
            self._read_file(document)

    def _read_file(self, document: Document) -> None:
        file, valid, problems = entries(
            document,
            EquipmentFile,
            "equipment",
            lambda _: EquipmentEntry,
            EquipmentEntry.model_construct(kind="", device="", link=""),
        )
        self.problems += problems
        base = document.data.get("base")
        if not isinstance(base, str):
            base = ""
        elif file is not None:
            self.problems += self._bases.unknown(document, ("base",), base, msg("base"))
        raw = document.data.get("equipment")
        for text in raw if isinstance(raw, dict) else ():
            names = self._names(document, base, text)
            if text in valid and names:
                self._read_entry(document, base, text, names, valid[text])

    def _names(self, document: Document, base: str, text: str) -> list[str]:
        """The new names that one key stands for; wrong and repeated ones are reported."""
        path = ("equipment", text)
        known = self.fleet.named(base)
        try:
            names = expand(text)
        except RunError as error:
            known.complete = False
            self.problems.append(document.problem(path, error.args[0], error.hint, key=True))
            return []
        if len(names[0]) > 64 or not IDENTIFIER.fullmatch(names[0]):
            message = msg(
                "'{text}' is not an id: use a-z, 0-9 and '-', beginning with a letter", text=text
            )
            self.problems.append(document.problem(path, message, key=True))
            known.complete = False
            return []
        for name in names:
            place = self.fleet.origins.get(f"{base}.{name}")
            if place is not None:
                message = msg("'{name}' is already described in {place}", name=name, place=place)
                hint = msg("give it another name")
                self.problems.append(document.problem(path, message, hint, key=True))
                return []
        for name in names:
            known.known.add(name)
            self.fleet.origins[f"{base}.{name}"] = document.at(path, key=True)
        return names

    def _read_entry(
        self, document: Document, base: str, key: str, names: list[str], entry: EquipmentEntry
    ) -> None:
        path = ("equipment", key)
        kind = KINDS.get(entry.kind)
        if kind is None:
            self.problems.append(
                document.problem(
                    (*path, "kind"),
                    msg("no kind '{kind}'", kind=entry.kind),
                    suggestion(entry.kind, KINDS),
                )
            )
        device = self._device(document, path, entry, kind)
        if kind is not None and device is not None:
            kind = kind_of(device, kind)
        links = self._parallel(document, (*path, "link"), entry.link, len(names))
        for link in dict.fromkeys(links or ()):
            self.problems += self._link_names.unknown(document, (*path, "link"), link, msg("link"))
        titles = self._titles(document, path, entry, len(names))
        if kind is None or device is None or links is None or titles is None:
            return
        if not all(link in self._links for link in links):
            return
        units = self._units(document, path, entry, device, links)
        if units is None:
            return
        if found := models_problem(device, entry.models):
            model, text = found
            at = (*path, "models", model) if model else (*path, "device")
            message = msg("device '{device}': {error}", device=entry.device, error=text)
            self.problems.append(document.problem(at, message, key=bool(model)))
            return
        for name, link, unit, title in zip(names, links, units, titles, strict=True):
            try:
                bound = bind(
                    device,
                    base=base,
                    equipment=name,
                    unit=unit,
                    models=entry.models,
                    states=kind.states,
                )
            except ValueError as error:  # a node pattern with a format that does not fit
                message = msg("device '{device}': {error}", device=entry.device, error=error)
                self.problems.append(document.problem((*path, "device"), message))
                return
            points = {role: point for role, point in bound.items() if role in kind.roles}
            if entry.emergency:
                points = {role: replace(p, writable=False) for role, p in points.items()}
            if name == names[0]:
                self._check_outputs(document, path, entry, kind, device, points)
                self._check_scan(document, path, entry, points)
            machine = Equipment(
                id=f"{base}.{name}",
                base=base,
                kind=kind,
                points={role: point.id for role, point in points.items()},
                building=entry.building or "",
                rated_kw=entry.rated_kw,
                capacity_kw=entry.capacity_kw,
                title=title,
                standing=entry.standing,
                read_only=read_only(kind, points),
            )
            self.fleet.equipment[machine.id] = machine
            if name == names[0]:
                self.entries.append(Entry(document, path, entry, machine))
            points = {
                role: replace(point, scan_s=entry.scan.get(role, point.scan_s))
                for role, point in points.items()
            }
            self.fleet.points.setdefault(link, []).extend(points.values())
            self._add_profile(link, unit, device)
            self._add_outputs(machine, device, points, entry)
            taken = self._registers.claim(machine.id, link, [bound[r] for r in points])
            if taken is not None:
                hint = msg("check the unit and the addresses")
                self.problems.append(document.problem(path, taken, hint, key=True))
                return

    def _device(
        self, document: Document, path: Path, entry: EquipmentEntry, kind: Kind | None
    ) -> DeviceType | None:
        at = (*path, "device")
        device = self._catalogue.types.get(entry.device)
        if device is None:
            self.problems += self._catalogue.names.unknown(
                document, at, entry.device, msg("device")
            )
            return None
        if kind is None:
            return device
        if device.kind != kind.name:
            message = msg(
                "device '{device}' is of kind {kind}, not {name}",
                device=entry.device,
                kind=device.kind,
                name=kind.name,
            )
            hint = suggestion(entry.device, self._catalogue.of_kind(kind.name))
            self.problems.append(document.problem(at, message, hint))
            return None
        if device.device not in self._catalogue.own and device.device not in self._unfit:
            findings = check_device(device)
            if findings:
                self._unfit.add(device.device)
            self.problems += [
                document.problem(
                    at,
                    msg(
                        "shipped device '{device}': {message}",
                        device=device.device,
                        message=f.message,
                    ),
                    f.hint,
                )
                for f in findings
            ]
        return device

    def _parallel(self, document: Document, path: Path, text: str, count: int) -> list[str] | None:
        try:
            return parallel(text, count)
        except RunError as error:
            self.problems.append(document.problem(path, error.args[0], error.hint))
            return None

    def _titles(
        self, document: Document, path: Path, entry: EquipmentEntry, count: int
    ) -> list[dict[str, str]] | None:
        columns: dict[str, list[str]] = {}
        for language, text in title_of(entry.title).items():
            texts = self._parallel(document, (*path, "title"), text, count)
            if texts is None:
                return None
            columns[language] = texts
        return [{lang: texts[i] for lang, texts in columns.items()} for i in range(count)]

    def _units(
        self,
        document: Document,
        path: Path,
        entry: EquipmentEntry,
        device: DeviceType,
        links: list[str],
    ) -> list[int | None] | None:
        """One Modbus unit per machine, None for OPC-UA; None in all if anything is wrong."""
        problems: list[Problem] = []
        points = device.points.values()
        for link in dict.fromkeys(links):
            language = spoken(self._links[link])
            if language != device.protocol:
                message = msg(
                    "link '{link}' speaks {language}, device '{device}' {protocol}",
                    link=link,
                    language=language,
                    device=entry.device,
                    protocol=device.protocol,
                )
                fitting = [
                    name
                    for name, settings in self._links.items()
                    if spoken(settings) == device.protocol
                ]
                hint = suggestion(link, fitting)
                problems.append(document.problem((*path, "link"), message, hint))
                break
        at = (*path, "unit")
        units: list[int | None] = [None] * len(links)
        if device.protocol == "modbus" or any("{unit" in p.pattern for p in points):
            if entry.unit is None:
                message = msg("device '{device}' needs its unit", device=entry.device)
                problems.append(
                    document.problem(path, message, msg("add unit: 1 (0-255)"), key=True)
                )
            else:
                units, found = _unit_numbers(document, at, str(entry.unit), links)
                problems += found
        elif entry.unit is not None:
            message = msg(
                "device '{device}' on {protocol} has no unit",
                device=entry.device,
                protocol=device.protocol,
            )
            problems.append(document.problem(at, message, msg("remove it"), key=True))
        self.problems += problems
        return None if problems else units

    def _check_outputs(
        self,
        document: Document,
        path: Path,
        entry: EquipmentEntry,
        kind: Kind,
        device: DeviceType,
        points: Mapping[str, Point],
    ) -> None:
        typed = {
            role: (point, value_type(point, device.points[role].type))
            for role, point in points.items()
        }
        exempt = entry.exempt or entry.emergency
        for finding in check_settings(kind, entry.outputs, typed, entry.device, exempt=exempt):
            self.problems.append(
                document.problem(
                    (*path, "outputs", *finding.path),
                    finding.message,
                    finding.hint,
                    key=finding.key,
                )
            )

    def _check_scan(
        self, document: Document, path: Path, entry: EquipmentEntry, points: Mapping[str, Point]
    ) -> None:
        for role in entry.scan:
            if role not in points:
                message = msg(
                    "device '{device}' has no point '{role}'", device=entry.device, role=role
                )
                hint = suggestion(role, points)
                at = (*path, "scan", role)
                self.problems.append(document.problem(at, message, hint, key=True))

    def _add_profile(self, link: str, unit: int | None, device: DeviceType) -> None:
        """Several devices may share a unit: then the strictest of them sets its limits."""
        settings = self._links[link]
        if unit is None or not isinstance(settings, ModbusSettings):
            return
        units = self.fleet.profiles.setdefault(link, {})
        shared = units.get(unit, settings.profile)
        units[unit] = profile_of(device, shared)

    def _add_outputs(
        self,
        machine: Equipment,
        device: DeviceType,
        points: Mapping[str, Point],
        entry: EquipmentEntry,
    ) -> None:
        for name, point in points.items():
            role = machine.kind.roles[name]
            template = device.points[name]
            setting = entry.outputs.get(name)
            if role.command and point.writable:
                self.fleet.outputs[point.id] = rules(machine.kind, role, point, template, setting)
                if setting is not None and setting.default is not None:
                    self.fleet.defaults[point.id] = setting.default
            if name == machine.kind.counter:
                count = step(point, value_type(point, template.type)) or template.resolution
                self.fleet.meters[point.id] = MeterRegister(
                    machine.id,
                    point.id,
                    machine.base,
                    DEFAULT_RESOLUTION if count is None else count,
                    template.register_size,
                    machine.kind.medium,
                )


def _unit_numbers(
    document: Document, path: Path, text: str, links: list[str]
) -> tuple[list[int | None], list[Problem]]:
    count = len(links)
    try:
        texts = parallel(text, count)
    except RunError as error:
        return [], [document.problem(path, error.args[0], error.hint)]
    if not all(t.isascii() and t.isdigit() and len(t) < 4 and int(t) <= 255 for t in texts):
        hint = msg("write a number, or a range in quotes: {example}", example='"{1..64}"')
        return [], [
            document.problem(
                path, msg("unit '{text}' is not a number from 0 to 255", text=text), hint
            )
        ]
    if len(set(zip(texts, links, strict=True))) < count:
        message = msg("all {count} would be unit {text} of one link", count=count, text=text)
        return [], [
            document.problem(path, message, msg('write a range: "{{1..{count}}}"', count=count))
        ]
    return [int(t) for t in texts], []
