"""uploads.yaml: every mistake at its place, and none that keeps a site from running."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.forward.platforms.site_platforms import plans_of
from tests.config.sites import Draft

FILE = "uploads.yaml"
UPLOADS = """\
platforms:
  province:
    url: https://energy.example
    enterprise: "91330100"
    format: plain
    token_env: PROVINCE_TOKEN
    paths: {quarter: /v1/quarter, day: /v1/day}
    meters:
      plant.meter-main: {code: "0101", energy: "3300", unit: 1e4kWh, more: {process: main}}
formats:
  plain:
    times: {quarter: "%Y-%m-%d %H:%M:%S"}
    body: {id: "{message_id}", again: "{correction}", data: "{readings}"}
    reading: {code: "{code}-{process}", value: "{value}", at: "{end}"}
"""


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft(tmp_path).add(FILE, UPLOADS)


def test_a_platform_gets_the_meters_that_are_named(draft: Draft) -> None:
    site = draft.site()
    assert site.unmet == ()
    (plan,) = plans_of(site)
    assert list(plan.specs) == ["plant.meter-main"]
    assert plan.sender.meters["plant.meter-main"].factor * 10_000 == 1


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("https://energy", "http://energy", 3, "can be read and changed on the way"),
        ("https://energy.example", "energy.example", 3, "is not an address"),
        ("format: plain", "format: plane", 5, "no format 'plane'"),
        ("/v1/day", "v1/day", 7, "is no path"),
        ("day:", "week:", 7, "week"),
        ("plant.meter-main", "plant.meter-mian", 9, "no meter 'plant.meter-mian'"),
        ("1e4kWh", "m3", 9, "a meter in kWh has no amount in m3"),
        ("{message_id}", "{mesage_id}", 13, "no word 'mesage_id'"),
        (', again: "{correction}"', "", 11, "tell a correction from a first message"),
        ('"{value}"', "0", 11, "no amount would be sent"),
        ('"{readings}"', "[]", 11, "no meter would be sent"),
        (
            "formats:",
            '      plant.water-main: {code: "0102"}\nformats:',
            10,
            "wants 'process', which this meter lacks",
        ),
        (", more: {process: main}", "", 14, "no word 'process'"),
        ("    token_env", "    zone: Europe/Berlin\n    token_env", 13, "clocks are put back"),
        ("    token_env", "    token_file: a\n    token_env", 3, "not from both"),
    ],
)
def test_a_mistake_is_told_at_its_place_and_withholds_the_uploads_alone(
    draft: Draft, old: str, new: str, line: int, says: str
) -> None:
    assert old in UPLOADS
    draft.add(FILE, UPLOADS.replace(old, new, 1))
    _, problems = draft.check()
    assert [(p.file, p.line, p.withholds) for p in problems] == [(FILE, line, FILE)], problems
    assert says in str(problems[0])
    assert draft.site().unmet == tuple(problems)


def test_a_file_that_is_no_yaml_withholds_the_uploads_alone(draft: Draft) -> None:
    draft.add(FILE, "platforms: [")
    assert {problem.withholds for problem in draft.site().unmet} == {FILE}
