"""Group entries into groups that their strategies accept, and the commands they would clash on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from bms.config.reading.names import RunError, is_pattern, select
from bms.config.reading.sections import Names, entries, names_of, read_all
from bms.config.resolving.fleet import Fleet, not_metered, title_of
from bms.config.resolving.optimal_start import check_each, resolve
from bms.config.shapes.models import IDENTIFIER, GroupEntry, GroupsFile
from bms.config.site import Group, Neighbour, StrategySpec
from bms.core.decisions import Priority
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from bms.texts.problems import Document, Path, Problem, suggestion
from bms.texts.yaml.parsing import validate
from drivers.points import PointId
from schedules.model.context import Place

_Findings: TypeAlias = list[tuple[Path, Message]]


@dataclass(slots=True)
class Groups:
    """The groups of a site."""

    groups: dict[str, Group] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    """Ids of all groups, `<base>.<group>`, also of those that are wrong."""
    strategies: dict[str, str] = field(default_factory=dict)
    """The strategy of each group whose strategy exists, also if something else is wrong."""


class GroupsReader:
    """Reads `groups/*.yaml` against the bases, the equipment and the strategies."""

    def __init__(
        self,
        bases: Names,
        fleet: Fleet,
        strategies: Mapping[str, StrategySpec],
        zones: Mapping[str, str],
        places: Mapping[str, Place],
    ) -> None:
        self._bases = bases
        self._fleet = fleet
        self._by_base = {base: fleet.of_base(base) for base in bases.known}
        self._strategies = strategies
        self._zones = zones
        """By base, those that are zones."""
        self._places = places
        self._claims: dict[tuple[PointId, Priority], tuple[str, str]] = {}
        """Group and controller by what they command."""
        self._reaching: list[tuple[Document, Path, Group, StrategySpec, _Findings]] = []
        """Groups that ask something of others: judged when all are read."""
        self.groups = Groups()
        self.problems: list[Problem] = []

    def read(self, texts: Mapping[str, str], complete: bool) -> None:
        """Read all files; `complete` says whether all could be read from the disk."""
        documents, problems, parsed = read_all(texts)
        self.problems += problems
        self.groups.names.complete = complete and parsed
        for document in documents:
            self._read_file(document)
        for document, path, group, spec, found in self._reaching:
            self._accept(document, path, self._among(group), spec, found)

    def _among(self, group: Group) -> Group:
        """A group with the others of its base, as far as they are right."""
        neighbours = {
            other.id.partition(".")[2]: _neighbour(other, self._strategies[other.strategy])
            for other in self.groups.groups.values()
            if other.base == group.base
        }
        return replace(group, neighbours=neighbours)

    def _read_file(self, document: Document) -> None:
        _, valid, problems = entries(
            document,
            GroupsFile,
            "groups",
            lambda _: GroupEntry,
            GroupEntry.model_construct(strategy="", members=[]),
        )
        self.problems += problems
        base = document.data.get("base")
        if not isinstance(base, str):
            self.groups.names.complete = False
            return
        unknown = self._bases.unknown(document, ("base",), base, msg("base"))
        if base not in self._bases.known:
            self.problems += unknown
            self.groups.names.complete = False
            return
        for name in names_of(document, "groups"):
            self._read_name(document, base, name, valid.get(name))

    def _read_name(
        self, document: Document, base: str, name: str, entry: GroupEntry | None
    ) -> None:
        path = ("groups", name)
        place = document.at(path, key=True)
        group_id = f"{base}.{name}"
        if group_id in self.groups.names.known:
            message = msg(
                "group '{name}' of base '{base}' is already described", name=name, base=base
            )
            self.problems.append(
                document.problem(path, message, msg("give it another id"), key=True)
            )
            return
        self.groups.names.known.add(group_id)
        if not IDENTIFIER.fullmatch(name):
            self.groups.names.complete = False  # reported; the name meant is not known
        if group_id in self._fleet.origins:
            message = msg(
                "'{name}' is also equipment, in {origins}",
                name=name,
                origins=self._fleet.origins[group_id],
            )
            hint = msg("their points would have the same ids: give the group another id")
            self.problems.append(document.problem(path, message, hint, key=True))
        if entry is None:
            return
        spec = self._strategies.get(entry.strategy)
        if spec is None:
            self.problems.append(
                document.problem(
                    (*path, "strategy"),
                    msg("no strategy '{strategy}'", strategy=entry.strategy),
                    suggestion(entry.strategy, self._strategies),
                )
            )
        else:
            self.groups.strategies[group_id] = spec.name
        members = self._members(document, path, base, entry)
        meter, meter_known = self._meter(document, path, base, entry)
        if spec is None:
            return
        at = (*path, "parameters")
        parameters, found = validate(spec.parameters, document, at, dict(entry.parameters))
        self.problems += found
        if parameters is None or members is None or not meter_known:
            return
        units = {name: setpoint.unit for name, setpoint in spec.setpoints.items()}
        optimal, more = (
            resolve(entry.optimal, base, self._by_base[base], spec.modes, units)
            if entry.optimal is not None
            else (None, [])
        )
        if optimal is not None:
            more += check_each(optimal, members, spec.single_modes, spec.name)
        group = Group(
            id=group_id,
            base=base,
            strategy=spec.name,
            members=tuple(members),
            parameters=parameters,
            equipment=self._by_base[base],
            meter=meter,
            optimal=optimal,
            title=title_of(entry.title),
            origin=place,
            tells=spec.tells,
            zone=self._zones.get(base, "UTC"),
            place=self._places.get(base),
        )
        wrong: _Findings = [((*path, "optimal", *where), text) for where, text in more]
        if spec.reaches:
            self._reaching.append((document, path, group, spec, wrong))
        else:
            self._accept(document, path, group, spec, wrong)

    def _accept(
        self, document: Document, path: Path, group: Group, spec: StrategySpec, more: _Findings
    ) -> None:
        """Take a group in that is right."""
        findings = [*(((*path, *where), text) for where, text in spec.check(group)), *more]
        base, names = group.base, self._fleet.named(group.base)
        self.problems += [
            document.problem(where, text)
            for where, text in findings
            if names.complete and not self._is_broken(base, _written(document, where))
        ]
        if not findings:
            self.problems += [
                document.problem(
                    (*path, *demand.where), demand.text, demand.hint, withholds=demand.withholds
                )
                for demand in spec.demands(group)
            ]
            self.groups.groups[group.id] = group
            self._claim(document, path, group, spec)

    def _is_broken(self, base: str, value: object) -> bool:
        """Whether a parameter names equipment or a group that exists, and is reported already."""
        if not isinstance(value, str):
            return False
        group = f"{base}.{value}"
        if group in self.groups.names.known and group not in self.groups.groups:
            return True
        return value in self._fleet.named(base).known and value not in self._by_base[base]

    def _members(
        self, document: Document, path: Path, base: str, entry: GroupEntry
    ) -> list[Equipment] | None:
        """The members in the order written, each once; None if any is missing or broken."""
        names = self._fleet.named(base)
        order = [
            origin.removeprefix(f"{base}.")
            for origin in self._fleet.origins
            if origin.startswith(f"{base}.")
        ]
        usable = self._by_base[base]
        chosen: dict[str, None] = {}
        whole = True
        for index, text in enumerate(entry.members):
            at = (*path, "members", index)
            try:
                found, missing = select(text, order)
            except RunError as error:
                self.problems.append(document.problem(at, error.args[0], error.hint))
                whole = False
                continue
            if not is_pattern(text) and text in chosen:
                message = msg("'{text}' is already a member of this group", text=text)
                self.problems.append(document.problem(at, message, msg("remove it")))
            for name in missing:
                whole = False
                self.problems += names.unknown(document, at, name, msg("equipment"))
            chosen.update(dict.fromkeys(found))
        if not whole or any(name not in usable for name in chosen):
            return None
        members = [usable[name] for name in chosen]
        self.problems += [
            document.problem(
                (*path, "members"),
                msg(
                    "'{name}' is emergency lighting, which nobody may switch",
                    name=member.id.rpartition(".")[2],
                ),
                msg("take it out of the group"),
                withholds=member.id,
            )
            for member in members
            if member.emergency
        ]
        return [member for member in members if not member.emergency]

    def _meter(
        self, document: Document, path: Path, base: str, entry: GroupEntry
    ) -> tuple[Equipment | None, bool]:
        """The group's meter, and whether nothing is wrong with it."""
        if entry.meter is None:
            return None, True
        at = (*path, "meter")
        machine = self._by_base[base].get(entry.meter)
        if machine is None:
            self.problems += self._fleet.named(base).unknown(
                document, at, entry.meter, msg("equipment")
            )
            return None, False
        if "energy" not in machine.points:
            self.problems += not_metered(document, at, entry.meter, self._by_base[base])
            return None, False
        return machine, True

    def _claim(self, document: Document, path: Path, group: Group, spec: StrategySpec) -> None:
        """Build the group's controllers; two may not claim the same point at one priority."""
        clashes: dict[tuple[str, str, Priority], list[PointId]] = {}
        denied: list[PointId] = []
        exempt: dict[str, None] = {}
        others = {neighbour.id for neighbour in group.neighbours.values()}
        for controller in spec.build(group):
            mine = (group.id, controller.name)
            priority = Priority(controller.priority)
            for point in sorted(controller.writes):
                owner = point.rpartition(".")[0]
                asked = owner == group.id or (spec.reaches and owner in others)
                if not asked and point not in self._fleet.outputs:
                    denied.append(point)
                machine = self._fleet.equipment.get(point.rpartition(".")[0])
                if machine is not None and machine.exempt:
                    exempt[machine.id] = None
                other = self._claims.setdefault((point, priority), mine)
                if other != mine:
                    clashes.setdefault((*other, priority), []).append(point)
        if exempt:
            message = msg(
                "group '{group}' would switch {machines}, which only a person may switch",
                group=group.id,
                machines=", ".join(exempt),
            )
            hint = msg("take it out of the group; 'exempt' in its equipment file says so")
            self.problems.append(document.problem(path, message, hint, key=True))
        if denied:
            message = msg(
                "strategy {strategy} writes what is not writable: {points}",
                strategy=spec.name,
                points=_some(denied),
            )
            hint = msg("set writable: true in the device's file if the machine allows it")
            self.problems.append(document.problem(path, message, hint, key=True))
        for (other_group, other_name, priority), points in clashes.items():
            what = {
                "points": _some(points),
                "priority": priority,
                "priority_name": priority.name,
            }
            if other_group == group.id:
                message = msg(
                    "two controllers of group '{group}' ({controller} is one) both command "
                    "{points} at priority {priority} ({priority_name})",
                    group=group.id,
                    controller=other_name,
                    **what,
                )
                hint = msg("this is a defect of the strategy")
            else:
                message = msg(
                    "groups '{other_group}' and '{group}' both command {points} at priority "
                    "{priority} ({priority_name})",
                    other_group=other_group,
                    group=group.id,
                    **what,
                )
                hint = msg("take the equipment out of one of them")
            self.problems.append(document.problem(path, message, hint, key=True))


def _written(document: Document, path: Path) -> object:
    """The value that is written at a path; None if there is none."""
    value: Any = document.data
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _some(points: Sequence[PointId]) -> str:
    """The first few of many, so that 64 clashes of two groups stay one readable line."""
    shown = ", ".join(points[:3])
    more = len(points) - 3
    return msg("{points} and {more} more", points=shown, more=more) if more > 0 else shown


def _neighbour(group: Group, spec: StrategySpec) -> Neighbour:
    return Neighbour(group.id, group.members, group.meter, spec.modes, spec.setpoints, spec.each)
