"""In shadow an air handler is decided on as if it obeyed, its dampers too."""

from __future__ import annotations

from pathlib import Path

from bms.control.engine.shadowed import shadowed
from bms.core.decisions import Award, Command, Priority
from drivers.points import Quality, Sample
from tests.control.engine.parts import at
from tests.control.house import FILES, small_site

DAMPER = (
    "  oa_damper: {table: holding, address: 4, type: float32, unit: '%', writable: true}\n"
    "  oa_damper_open: {table: discrete, address: 1, type: bool}\n"
)


def test_a_damper_that_is_commanded_open_shows_itself_open(tmp_path: Path) -> None:
    changed = {
        "site.yaml": FILES["site.yaml"] + "mode: shadow\n",
        "devices/ahu.yaml": FILES["devices/ahu.yaml"] + DAMPER,
    }
    assume = shadowed(small_site(tmp_path, **changed))
    assert assume is not None
    damper, switch = "b.ahu-1.oa_damper", "b.ahu-1.oa_damper_open"
    samples = {p: Sample(p, 0, Quality.GOOD, at(0)) for p in (damper, switch)}
    told = Command(
        point=damper, value=100.0, priority=Priority.SEQUENCE, source="air", reason="people"
    )
    seen = assume(samples, {damper: Award(told)})
    assert seen[damper].value == 100.0
    assert seen[switch].value is True
    assert assume(samples, {})[switch].value == 0
