"""Draws what strategies can do with the points that there are."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from bms.cli.common import table_of
from bms.config.site import Ability, Site, StrategySpec
from bms.texts.language import say, told


def ability_table(site: Site, strategies: Mapping[str, StrategySpec]) -> Table:
    """One row for each function and group: for which machines it works, and what others lack."""
    table = table_of(None, "group", "function", "works for", "lacks")
    for group in site.groups.values():
        by_title: dict[str, list[Ability]] = {}
        for ability in strategies[group.strategy].can(group):
            by_title.setdefault(ability.title, []).append(ability)
        for title, abilities in by_title.items():
            works = [a.machine for a in abilities if a.lacks is None]
            lacks: dict[str, list[str]] = {}
            for ability in abilities:
                if ability.lacks is not None:
                    lacks.setdefault(told(ability.lacks), []).append(ability.machine)
            missing = "; ".join(f"{_some(names)}: {text}" for text, names in lacks.items())
            table.add_row(group.id, told(title), _some(works), missing)
    return table


def _some(names: list[str]) -> str:
    """The first few of many machines."""
    if len(names) <= 4:
        return ", ".join(names)
    return say(
        "{first} to {last} ({machines})", first=names[0], last=names[-1], machines=len(names)
    )
