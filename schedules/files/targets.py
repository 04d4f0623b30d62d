"""What schedules may govern: groups, single equipment, and selections of either.

`base.name` is a group or equipment; `base.*` are all groups of a base; `base.group.*` is every
member of a group, each for itself; other wildcards (`*` any text, `?` one character) go over the
names of groups and equipment. A selection that matches a group does not take the group's members
one by one as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

_NAME = r"[a-z*?][a-z0-9*?-]*"
_TARGET = re.compile(rf"(?:{_NAME}|\*)\.{_NAME}(?:\.{_NAME})?")


@dataclass(frozen=True, slots=True)
class Targets:
    """The groups and the equipment of a site, as far as they are known."""

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Group ids `<base>.<group>`, with the ids of their members."""
    equipment: frozenset[str] = frozenset()
    """All equipment ids, `<base>.<equipment>`."""
    complete: bool = True
    """False if something could not be read: then nobody can say that a name is unknown."""

    def knows(self, name: str) -> bool:
        return name in self.groups or name in self.equipment

    def select(self, text: str) -> list[str]:
        """The targets that a selection stands for, in the order of the site."""
        base, _, rest = text.partition(".")
        group, dot, member = rest.partition(".")
        if dot:
            return [
                machine
                for name, members in self.groups.items()
                if matches(f"{base}.{group}", name)
                for machine in members
                if fnmatchcase(machine.partition(".")[2], member)
            ]
        found = [name for name in self.groups if matches(text, name)]
        if rest == "*":
            return found
        taken = {machine for name in found for machine in self.groups[name]}
        return found + [
            machine
            for members in self.groups.values()
            for machine in members
            if machine not in taken and matches(text, machine)
        ]


def is_target(text: str) -> bool:
    """Whether a text has the form of a target or a selection."""
    return _TARGET.fullmatch(text) is not None and (text.count(".") == 1 or is_selection(text))


def is_selection(text: str) -> bool:
    """Whether it selects by wildcards rather than by name."""
    return "*" in text or "?" in text


def exactness(text: str) -> tuple[bool, int]:
    """The larger, the more exact: a name before any selection, then more letters before fewer."""
    return not is_selection(text), len(text.replace("*", "").replace("?", ""))


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern of two parts matches an id of two parts, part by part."""
    base, _, rest = pattern.partition(".")
    of_base, _, of_rest = name.partition(".")
    return fnmatchcase(of_base, base) and fnmatchcase(of_rest, rest)


def chosen(text: str, governed: Iterable[str], targets: Targets | None) -> list[str]:
    """The governed targets that an overlay or a time unit names.

    Unlike a schedule's, these selections take single equipment wherever a schedule governs it.
    """
    base, _, rest = text.partition(".")
    group, dot, member = rest.partition(".")
    if not is_selection(text):
        return [text] if text in set(governed) else []
    if not dot:
        return [name for name in governed if matches(text, name)]
    members = {
        machine
        for name, machines in (targets.groups if targets is not None else {}).items()
        if matches(f"{base}.{group}", name)
        for machine in machines
        if fnmatchcase(machine.partition(".")[2], member)
    }
    return [name for name in governed if name in members]
