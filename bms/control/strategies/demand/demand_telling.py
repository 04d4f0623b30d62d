"""What a demand limit says: reasons, facts, conditions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bms.config.site import Group
from bms.control.strategies.demand.demand_state import DemandState
from bms.control.strategies.demand.sheddable_loads import Load, LoadSeen
from bms.control.strategies.demand.shedding import LoadState
from bms.core.decisions import Condition, Fact, FactKind, Severity
from bms.texts.messages import Message, msg
from drivers.points import Quality

DEMAND_KW: Final = "demand_kw"
"""Mean power of the interval so far."""
FORECAST_KW: Final = "forecast_kw"
"""How the interval will end."""
IN_FORCE_KW: Final = "limit_in_force_kw"
SHED_KW: Final = "shed_kw"
SHED: Final = "shed"
AVOIDED_KW: Final = "avoided_kw"
AVOIDED_COST: Final = "avoided_cost"

FACTS: Final[Mapping[str, FactKind]] = {
    DEMAND_KW: FactKind("kW"),
    FORECAST_KW: FactKind("kW"),
    IN_FORCE_KW: FactKind("kW"),
    SHED_KW: FactKind("kW"),
    SHED: FactKind(text=True),
    AVOIDED_KW: FactKind("kW"),
}
_BLIND: Final = msg("no meter at the boundary can be read")


def tells(group: Group) -> Mapping[str, FactKind]:
    """The facts of one group."""
    if group.parameters.price_per_kw is None:
        return FACTS
    return {**FACTS, AVOIDED_COST: FactKind()}


def facts(
    group: Group,
    state: DemandState,
    figures: tuple[float | None, float | None, float],
    shed_kw: float,
) -> tuple[Fact, ...]:
    """All facts; `figures` are demand, forecast and limit, None where nobody knows."""
    demand_kw, forecast_kw, limit_kw = figures
    names = ", ".join(name for name, load in state.loads.items() if load.shed)
    avoided_kw = state.month.avoided_kw
    found = [
        _known(group, DEMAND_KW, demand_kw),
        _known(group, FORECAST_KW, forecast_kw),
        Fact(group.fact_point(IN_FORCE_KW), round(limit_kw, 1)),
        Fact(group.fact_point(SHED_KW), round(shed_kw, 1)),
        Fact(group.fact_point(SHED), names),
        Fact(group.fact_point(AVOIDED_KW), round(avoided_kw, 1)),
    ]
    price = group.parameters.price_per_kw
    if price is not None:
        found.append(Fact(group.fact_point(AVOIDED_COST), round(avoided_kw * price, 2)))
    return tuple(found)


def _known(group: Group, name: str, value: float | None) -> Fact:
    if value is None:
        return Fact(group.fact_point(name), None, Quality.BAD, _BLIND)
    return Fact(group.fact_point(name), float(round(value)))


def why_shed(
    load: Load, forecast_kw: float | None, limit_kw: float, minutes_left: float
) -> Message:
    """Why a load is shed now, with the numbers that decided."""
    if forecast_kw is None:
        return msg(
            "shed as level {level}; the meter is silent, nothing new is decided",
            level=load.file.level,
        )
    return msg(
        "shed as level {level}: {forecast_kw:.0f} kW expected of {limit_kw:.0f} kW, "
        "{minutes:.0f} min before the interval's end",
        level=load.file.level,
        forecast_kw=forecast_kw,
        limit_kw=limit_kw,
        minutes=minutes_left,
    )


def blind(group: Group, *, stands_in: bool, gave_up: bool) -> Condition:
    """For a boundary meter that is silent."""
    names = ", ".join(member.id for member in group.members)
    if stands_in:
        text = msg(
            "{group}: {meters} cannot be read; the demand is the sum of known loads until it can: "
            "look at the meter and its link",
            group=group.id,
            meters=names,
        )
    elif gave_up:
        text = msg(
            "{group}: {meters} cannot be read; what was shed comes back, the demand limit is not "
            "held: look at the meter and its link",
            group=group.id,
            meters=names,
        )
    else:
        text = msg(
            "{group}: {meters} cannot be read; what is shed stays so for a while, nothing more is "
            "shed: look at the meter and its link",
            group=group.id,
            meters=names,
        )
    return Condition(f"{group.id}:meter", Severity.URGENT, text)


def short(group: Group, forecast_kw: float, limit_kw: float) -> Condition:
    """For a limit that cannot be held."""
    text = msg(
        "{group}: {forecast_kw:.0f} kW expected of {limit_kw:.0f} kW, and nothing more may be "
        "shed: switch something off by hand, or let more loads be shed",
        group=group.id,
        forecast_kw=round(forecast_kw, -1),
        limit_kw=limit_kw,
    )
    return Condition(f"{group.id}:demand", Severity.URGENT, text)


def swapped(group: Group) -> Condition:
    """For a register that went back, or leapt."""
    text = msg(
        "{group}: a register at the boundary jumped; if the meter was replaced, tell it with "
        "'bms meter replace'",
        group=group.id,
    )
    return Condition(f"{group.id}:register", Severity.NORMAL, text)


def no_pulse(group: Group) -> Condition:
    """For pulses of the utility that stay away."""
    text = msg(
        "{group}: the utility's pulse stays away; intervals go on by the last one: look at its "
        "contact",
        group=group.id,
    )
    return Condition(f"{group.id}:sync", Severity.NORMAL, text)


def wrong_power(group: Group, factor: float) -> Condition:
    """For power points that do not fit their registers."""
    text = msg(
        "{group}: the registers count {factor:.2f} times what the power points show; the "
        "registers count: look at the transformer ratio",
        group=group.id,
        factor=factor,
    )
    return Condition(f"{group.id}:power", Severity.NORMAL, text)


def disobeying(
    group: Group, loads: Sequence[Load], states: Mapping[str, LoadState],
    seen: Mapping[str, LoadSeen],
) -> Iterable[Condition]:  # fmt: skip
    """For loads that draw on though they are shed."""
    for load in loads:
        state = states[load.name]
        if state.shed and not state.obeys:
            text = msg(
                "{group}: {load} is shed and still draws {draws_kw:.0f} kW; the next one takes "
                "its place: look whether it is switched by hand",
                group=group.id,
                load=load.name,
                draws_kw=round(seen[load.name].draws_kw),
            )
            yield Condition(f"{group.id}.{load.name}:shed", Severity.URGENT, text)
