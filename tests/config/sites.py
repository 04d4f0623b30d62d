"""Small sites to break, and a strategy that knows enough to check them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from bms.config.load import check
from bms.config.shapes.filemodel import FileModel
from bms.config.site import Group, Setpoint, Site, StrategySpec
from bms.config.writing.scaffold import template
from bms.core.decisions import Decision, Priority, Snapshot, Stage
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem
from drivers.points import PointId
from tests.texts.words import all_chinese


class OnOffParameters(FileModel):
    stagger_s: float = Field(default=0, ge=0)
    header: str | None = None


@dataclass(frozen=True)
class Switch:
    """Claims `enable` of every member; never decides anything."""

    name: str
    writes: frozenset[PointId]
    stage: Stage = Stage.SEQUENCE
    priority: Priority = Priority.SEQUENCE
    reads: frozenset[PointId] = field(default_factory=frozenset)

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: object) -> Decision[None]:
        return Decision((), None)


def check_members(group: Group) -> Sequence[tuple[tuple[str | int, ...], Message]]:
    wrong: list[tuple[tuple[str | int, ...], Message]] = [
        (("members", 0), msg("'{name}' has no '{role}' point", name=member.id, role="enable"))
        for member in group.members
        if "enable" not in member.points
    ]
    header = group.parameters.header
    if header is not None and header not in group.equipment:
        wrong.append(
            (
                ("parameters", "header"),
                msg("no {item} '{name}'", item=msg("equipment"), name=header),
            )
        )
    return wrong


def build_switch(group: Group) -> Sequence[Any]:
    writes = frozenset(m.points["enable"] for m in group.members)
    return [Switch(f"on_off {group.id}", writes)]


ON_OFF = StrategySpec(
    name="on_off",
    summary="on and off",
    modes=("on", "off"),
    setpoints={"zone_setpoint_c": Setpoint.of("zone_setpoint", "degC")},
    parameters=OnOffParameters,
    check=check_members,
    build=build_switch,
)


def careless(group: Group) -> Sequence[Any]:
    """Two controllers for the same points."""
    writes = frozenset(m.points["enable"] for m in group.members)
    return [Switch("first", writes), Switch("second", writes)]


CARELESS = StrategySpec(
    name="careless",
    summary="claims everything twice",
    modes=("on",),
    setpoints={},
    parameters=OnOffParameters,
    check=lambda group: (),
    build=careless,
)

STRATEGIES: Mapping[str, StrategySpec] = {"on_off": ON_OFF, "careless": CARELESS}


def write(directory: Path, files: Mapping[str, str]) -> Path:
    """Write files (relative names) below a directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


class Draft:
    """The template site, to be changed and checked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files = template()

    def edit(self, file: str, old: str, new: str) -> Draft:
        """Replace a text that occurs exactly once."""
        assert self.files[file].count(old) == 1, f"{old!r} in {file}"
        self.files[file] = self.files[file].replace(old, new)
        return self

    def add(self, file: str, text: str) -> Draft:
        self.files[file] = text
        return self

    def append(self, file: str, text: str) -> Draft:
        self.files[file] += text
        return self

    def remove(self, file: str) -> Draft:
        del self.files[file]
        return self

    def check(self) -> tuple[Site | None, list[Problem]]:
        return check(write(self.directory, self.files), STRATEGIES)

    def problems(self) -> list[str]:
        """Every problem as text."""
        site, problems = self.check()
        assert (site is None) == bool(problems)
        assert problems == sorted(problems)
        all_chinese(problems, self.files)
        return [str(problem) for problem in problems]

    def place(self, file: str, text: str, within: str = "") -> str:
        """`file:line:column` of a text, which stands in `within` or else occurs exactly once."""
        content = self.files[file]
        if text in within:
            index = content.index(within) + within.index(text)
        else:
            assert content.count(text) == 1, f"{text!r} in {file}"
            index = content.index(text)
        before = content[:index]
        return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"

    def site(self) -> Site:
        site, problems = self.check()
        assert site is not None, "\n".join(str(problem) for problem in problems)
        return site
