"""Variants of a site: other files in place of some of its own, to try and to compare.

`variants/<name>/` mirrors the site directory. A file there stands in place of the site's file of
the same name, or beside the others; one that holds nothing but comments leaves the site's out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bms.config.load import check
from bms.config.reading.files import VARIANTS, read_site
from bms.config.site import Site, StrategySpec
from bms.core.errors import InvalidInput
from bms.texts.messages import msg
from bms.texts.problems import Problem, counted, suggestion

AS_IT_STANDS = "."
"""The name of the site itself."""


def names(directory: Path) -> list[str]:
    """The variants of a site, sorted."""
    folder = directory / VARIANTS
    return sorted(path.name for path in folder.glob("*/")) if folder.is_dir() else []


def load_variant(directory: Path, name: str, strategies: Mapping[str, StrategySpec]) -> Site:
    """The site as a variant makes it. Raises InvalidInput if there is none, or it cannot run."""
    site, problems = check_variant(directory, name, strategies)
    if site is None:
        count = counted(problems)
        raise InvalidInput(
            msg("the variant '{name}' has {count}", name=name, count=count), problems
        )
    return site


def check_variant(
    directory: Path, name: str, strategies: Mapping[str, StrategySpec]
) -> tuple[Site | None, list[Problem]]:
    """As `check`, for a variant. Raises InvalidInput if the site has none of this name."""
    if name == AS_IT_STANDS:
        return check(directory, strategies)
    known = names(directory)
    if name not in known:
        raise InvalidInput(
            msg(
                "the site has no variant '{name}'; {suggestion}",
                name=name,
                suggestion=suggestion(name, [*known, AS_IT_STANDS]),
            )
        )
    own = read_site(directory)
    found = read_site(directory / VARIANTS / name)
    texts = own.texts | found.texts
    bare = {file for file, text in found.texts.items() if _says_nothing(text)}
    texts = {file: text for file, text in texts.items() if file not in bare}
    site, problems = check(directory, strategies, files=texts)
    return site, sorted(
        replace(problem, file=f"{VARIANTS}/{name}/{problem.file}")
        if problem.file in found.texts
        else problem
        for problem in problems
    )


def check_variants(
    directory: Path, strategies: Mapping[str, StrategySpec]
) -> tuple[list[Problem], dict[str, str]]:
    """What is wrong with the files of all variants, and those files, by name."""
    problems: list[Problem] = []
    texts: dict[str, str] = {}
    for name in names(directory):
        folder = f"{VARIANTS}/{name}/"
        found = check_variant(directory, name, strategies)[1]
        problems += [problem for problem in found if problem.file.startswith(folder)]
        own = read_site(directory / VARIANTS / name).texts
        texts |= {folder + file: text for file, text in own.items()}
    return problems, texts


def _says_nothing(text: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())
