"""Whether machines hang together as their files say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bms.config.reading.sections import Names
from bms.config.shapes.machines import MachineKeys
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from bms.texts.problems import Document, Path, Problem

_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "header": ("water_loop", "air_header", "water_main", "tap_water_loop"),
        "cooled_by": ("water_loop",),
        "heated_by": ("water_loop",),
        "rejects_to": ("water_loop",),
        "isolation_valve": ("valve",),
        "cw_isolation_valve": ("valve",),
        "draws_from": ("tank", "sump", "hot_water_store"),
        "fills": ("tank",),
    }
)
"""What a relation may point at; the others at any equipment, `serves` at groups too."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says of a machine, and where."""

    document: Document
    path: Path
    keys: MachineKeys
    machine: Equipment


def check_relations(
    entries: Iterable[Entry],
    names: Mapping[str, Names],
    equipment: Mapping[str, Equipment],
    groups: Names,
) -> list[Problem]:
    """What is wrong with the names that machines refer to.

    `names` are those of each base's equipment, `groups` the ids of all groups.
    """
    problems: list[Problem] = []
    for entry in entries:
        base = entry.machine.base
        for relation, targets in entry.keys.standing.relations.named().items():
            written = _written(entry.document, (*entry.path, relation))
            for index, target in enumerate(targets):
                several = (index,) if isinstance(written, list) else ()
                at = (*entry.path, relation, *several)
                name = f"{base}.{target}"
                if relation == "serves" and (name in groups.known or not groups.complete):
                    continue
                if name == entry.machine.id:
                    text = msg("'{name}' cannot refer to itself", name=target)
                    problems.append(entry.document.problem(at, text, msg("name another machine")))
                elif name not in equipment:
                    known = names.get(base, Names(complete=False))
                    problems += known.unknown(entry.document, at, target, msg("equipment"))
                elif wrong := _unfit(relation, target, equipment[name]):
                    problems.append(entry.document.problem(at, wrong))
    return problems


def _unfit(relation: str, target: str, machine: Equipment) -> Message | None:
    allowed = _KINDS.get(relation)
    if allowed is None or machine.kind.name in allowed:
        return None
    return msg(
        "'{equipment}' is a {kind}, a {expected_kind} belongs here",
        equipment=target,
        kind=machine.kind.name,
        expected_kind=" / ".join(allowed),
    )


def _written(document: Document, path: Path) -> object:
    found: object = document.data
    for step in path:
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found
