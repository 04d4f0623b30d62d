"""The parts that kinds of equipment are made of: roles that many of them share. Pure."""

from __future__ import annotations

from types import MappingProxyType

from bms.core.equipment import Kind, Medium, PointClass, Role


def enable(required: bool = True) -> Role:
    return Role("enable", klass=PointClass.STATE, command=True, required=required)


def status(required: bool = False) -> Role:
    return Role("status", klass=PointClass.STATE, required=required)


def state(name: str, required: bool = False) -> Role:
    return Role(name, klass=PointClass.STATE, required=required)


def analog(name: str, unit: str, command: bool = False, required: bool = False) -> Role:
    return Role(name, unit, PointClass.ANALOG, command, required)


def energy(required: bool = False) -> Role:
    return Role("energy", "kWh", PointClass.COUNTER, required=required)


def power() -> Role:
    return analog("power", "kW")


def volume() -> Role:
    return Role("volume", "m3", PointClass.COUNTER, required=True)


def kind(
    name: str,
    *roles: Role,
    min_on_s: float = 0.0,
    min_off_s: float = 0.0,
    medium: Medium = Medium.ELECTRICITY,
    proves_s: float = 120.0,
    cycles: bool = False,
) -> Kind:
    by_name = MappingProxyType({r.name: r for r in roles})
    return Kind(name, by_name, min_on_s, min_off_s, medium, proves_s, cycles)


def command(name: str, unit: str) -> Role:
    return Role(name, unit, PointClass.ANALOG, command=True)


def switch(name: str) -> Role:
    return Role(name, klass=PointClass.STATE, command=True)


def motor() -> tuple[Role, ...]:
    """What every machine with a contactor may say of itself."""
    return (status(), state("fault"), state("local"), power(), energy())


def air() -> tuple[Role, ...]:
    """What is measured where people are."""
    return (
        analog("zone_temp", "degC"),
        analog("humidity", "%"),
        analog("co2", "ppm"),
        state("occupied"),
        state("window"),
    )


def valve(name: str = "valve") -> tuple[Role, ...]:
    """A valve on a machine: modulating or two-position, with its way and its end switch."""
    return (
        command(name, "%"),
        switch(f"{name}_enable"),
        analog(f"{name}_position", "%"),
        state(f"{name}_open"),
    )
