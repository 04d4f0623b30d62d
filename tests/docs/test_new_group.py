"""The page that leads from a list of machines to a running group, followed for every kind."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.app.simulate import simulate
from bms.config.load import check
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.field.plant_points import require_points
from bms.field.plants import make_plant
from bms.historian.log.embedded import History
from simulators.parks.any_site import AnySite
from tests.docs.commands import ROOT

PAGE = ROOT / "docs/commissioning/new-group.md"
KINDS = PAGE.parent / "groups"
FILE = re.compile(
    r"`((?:site|links|meters|[a-z]+/[\w.-]+)\.yaml)`[^`]*?:\n\n```yaml\n(.*?)```", re.DOTALL
)
PLANT = f"{AnySite.__module__}:{AnySite.__name__}"
MONDAY = datetime(2026, 7, 5, 16, tzinfo=UTC)
"""Midnight in Shanghai."""


def follow(directory: Path, *kinds: str) -> Path:
    """Write the files of the page, and those of some kinds, as a reader would."""
    pages = [PAGE, *(KINDS / f"{kind}.md" for kind in kinds)]
    for page in pages:
        files = FILE.findall(page.read_text(encoding="utf-8"))
        assert len(files) >= 2, page
        for name, content in files:
            path = directory / name
            assert not path.exists(), f"{name} is written twice"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return directory


def checked(directory: Path) -> Site:
    site, problems = check(directory, STRATEGIES)
    assert [str(problem) for problem in problems] == []
    assert site is not None
    return site


def test_every_kind_has_its_page_and_the_page_names_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in STRATEGIES:
        assert (KINDS / f"{kind}.md").exists(), f"docs/commissioning/groups/{kind}.md"
        assert f"`{kind}`" in text, f"{PAGE.name} does not name {kind}"
        assert f"groups/{kind}\n" in text, f"the toctree of {PAGE.name} lacks {kind}"
    assert {page.stem for page in KINDS.glob("*.md")} == set(STRATEGIES)
    assert PLANT in text


@pytest.mark.parametrize("kind", sorted(STRATEGIES))
async def test_a_new_group_is_files_only(tmp_path: Path, kind: str) -> None:
    directory = follow(tmp_path / "mill", kind)
    site = checked(directory)
    groups = [group for group in site.groups.values() if group.strategy == kind]
    assert groups != []
    plant = make_plant(PLANT, MONDAY, {"site": str(directory)})
    require_points(site, plant)
    into = tmp_path / "state"
    end = MONDAY + timedelta(days=1)
    done = await simulate(site, plant, start=MONDAY, end=end, step=timedelta(seconds=30), into=into)
    with History(into, read_only=True) as history:
        raised = [row.text for row in history.alarms(MONDAY, end)]
        assert (done.alarms_raised, raised) == (0, [])
        for group in groups:
            made = STRATEGIES[kind].build(group)
            names = {controller.name for controller in made}
            moved = {
                row.award.value
                for controller in made
                for point in controller.writes
                for row in history.awards(point, MONDAY, end)
                if row.award is not None and row.award.winner.source in names
            }
            assert moved != set(), f"{group.id} commanded nothing"
            assert any(
                len({s.value for s in history.samples(point, MONDAY, end)}) > 1
                for point in site.outputs
            )


def test_the_groups_of_all_pages_live_in_one_site(tmp_path: Path) -> None:
    site = checked(follow(tmp_path / "mill", *sorted(STRATEGIES)))
    assert {group.strategy for group in site.groups.values()} == set(STRATEGIES)
