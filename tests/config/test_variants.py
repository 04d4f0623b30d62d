"""A variant puts other files in place of some of a site's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.config.load import check
from bms.config.site_variants import check_variants, load_variant, names
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput
from bms.operations.editing.loading import fatal
from tests.field.test_plants import write_site

OFF = (
    "schedule: air\ngoverns: [hall.air]\notherwise: {mode: 'off'}\n"
    "week: {any: {daily: [{from: '09:00', to: '10:00', mode: 'on'}]}}\n"
)


def test_a_file_of_the_variant_stands_in_place_of_the_site_s_own(tmp_path: Path) -> None:
    site = write_site(tmp_path, **{"variants/short/schedules/air.yaml": OFF})
    assert names(site) == ["short"]
    assert fatal(check(site, STRATEGIES)[1]) == []
    assert load_variant(site, "short", STRATEGIES).texts["schedules/air.yaml"] == OFF
    assert load_variant(site, ".", STRATEGIES).texts["schedules/air.yaml"] != OFF


def test_a_file_without_a_word_leaves_the_site_s_own_out(tmp_path: Path) -> None:
    site = write_site(tmp_path, **{"variants/bare/schedules/air.yaml": "# nothing\n"})
    assert "schedules/air.yaml" not in load_variant(site, "bare", STRATEGIES).texts


def test_what_is_wrong_with_a_variant_is_said_of_its_file(tmp_path: Path) -> None:
    broken = OFF.replace("hall.air", "hall.ayr")
    site = write_site(tmp_path, **{"variants/short/schedules/air.yaml": broken})
    problems, texts = check_variants(site, STRATEGIES)
    assert [problem.file for problem in problems] == ["variants/short/schedules/air.yaml"]
    assert texts == {"variants/short/schedules/air.yaml": broken}
    assert fatal(check(site, STRATEGIES)[1]) == []
    with pytest.raises(InvalidInput, match="variant 'short' has 2 problems"):
        load_variant(site, "short", STRATEGIES)
    with pytest.raises(InvalidInput, match="did you mean 'short'"):
        load_variant(site, "shrot", STRATEGIES)


def test_a_file_at_a_wrong_place_in_a_variant_is_found(tmp_path: Path) -> None:
    site = write_site(tmp_path, **{"variants/short/schedule/air.yaml": OFF})
    (problem,) = fatal(check(site, STRATEGIES)[1])
    assert problem.file == "variants/short/schedule/air.yaml"
    assert "no part of the site reads this file" in problem.message
