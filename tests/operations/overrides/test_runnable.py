"""Overrides that would start a machine that cannot run are refused with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.core.decisions import Override
from bms.core.errors import Refused
from bms.core.machines.interventions import Interventions, Lock
from bms.field.image import Field
from bms.operations.overrides.runnable import may_run
from bms.operations.runtime import Runtime
from tests.config.test_protection import checked

NOW = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def runtime(directory: Path) -> Runtime:
    site, problems = checked(directory)
    assert problems == []
    assert site is not None
    made = Runtime(site, Field(lambda: NOW), (), {})
    made.cycle(NOW)
    return made


@pytest.mark.case(
    "P9",
    when="A person overrides a chiller on, and its pump is locked out or switched off by hand",
    then="The override is refused with the reason; where the pump may run it is a wish, and starts "
    "the pump first",
)
def test_a_chiller_whose_pump_cannot_run_is_not_started_by_hand(tmp_path: Path) -> None:
    site = runtime(tmp_path)
    may_run(site, "b.ch-1.enable")
    site.put_interventions(Interventions((Lock(1, "b.p-1", NOW, "wang", "bearing"),)))
    site.cycle(NOW)
    with pytest.raises(Refused, match=r"flow cannot be proven: b\.p-1 is locked out"):
        may_run(site, "b.ch-1.enable")
    site.put_interventions(Interventions())
    may_run(site, "b.p-1.enable")
    until = NOW.replace(hour=5)
    site.put_override(Override(1, "b.p-1.enable", 0, NOW, until, "leak", "wang"))
    site.cycle(NOW)
    with pytest.raises(Refused, match="leak"):
        may_run(site, "b.ch-1.enable")


def test_points_that_start_nothing_are_no_business_of_it(tmp_path: Path) -> None:
    site = runtime(tmp_path)
    site.put_interventions(Interventions((Lock(1, "b.ch-1", NOW, "wang", "oil"),)))
    may_run(site, "b.cold.mode")
    with pytest.raises(Refused, match="oil"):
        may_run(site, "b.ch-1.enable")
