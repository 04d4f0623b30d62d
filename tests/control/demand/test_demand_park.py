"""The demand limit of the demo park, and the fault that shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.config.load import load
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Engine
from bms.control.strategies.demand.demand_state import DemandState
from bms.core.decisions import Override, Steady
from drivers.base import WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample
from simulators.faults.faulted import FaultedPlant
from simulators.parks import demo
from simulators.parks.demo.park import Park

SITE = Path(demo.__file__).parent / "site"
LATE_MORNING = datetime(2026, 7, 8, 2, 0, tzinfo=UTC)


def test_without_its_panels_tonglu_sheds_its_chargers() -> None:
    start = LATE_MORNING
    plant = FaultedPlant.around(Park(start), start)
    site = load(SITE, STRATEGIES)
    limit = Override(
        1, "tonglu.demand.limit_kw", 1600.0, start, start + timedelta(days=1), "test", "wang"
    )
    engine = Engine(assemble(site, [limit]), site.outputs)
    now, facts = start, dict[PointId, Sample]()

    def live(minutes: float) -> set[str]:
        nonlocal now, facts
        end = now + timedelta(minutes=minutes)
        while now < end:
            now = plant.advance(now + timedelta(seconds=30))
            shown = {
                name: Sample(name, value, Quality.GOOD, now) for name, value in plant.read().items()
            }
            seconds = (now - start).total_seconds()
            cycle = engine.cycle(shown | facts, now, (), Steady("one", seconds))
            facts = dict(cycle.facts)
            writes = [write for write in cycle.writes if write.point in shown]
            plant.write({w.point: None if w.value is None else float(w.value) for w in writes})
            engine.written([WriteResult(w.point, w.value, WriteStatus.OK) for w in writes], now)
        state = engine.state_of("demand_limit:tonglu.demand")
        assert isinstance(state, DemandState)
        return {name for name, one in state.loads.items() if one.shed}

    assert live(60) == set()
    plant.fault("break tonglu.pv-1")
    shed = live(30)
    assert plant.read()["tonglu.pv-1.power"] == 0.0
    assert "chargers" in shed
    assert plant.read()["tonglu.meter-chargers.power"] == 0.0
    plant.clear()
    live(60)
    assert plant.read()["tonglu.meter-chargers.power"] > 100.0
