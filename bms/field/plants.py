"""In-process plants: made by name from anyone's module, or the one that only echoes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from bms.config.shapes.links import PlantLink
from bms.config.site import Site
from bms.core.errors import InvalidInput, NotAvailable
from bms.texts.messages import Message, message_of, msg
from drivers.plant import Plant, PlantPoint
from drivers.points import Point


def make_plant(spec: str, start: datetime, options: Mapping[str, str]) -> Plant:
    """The plant of `module:Class`, built as `Class(start=start, **options)`.

    Raises InvalidInput, saying which part is wrong, NotAvailable for a package that it needs.
    """
    module_name, colon, class_name = spec.partition(":")
    if not colon or not all(name.isidentifier() for name in (*module_name.split("."), class_name)):
        raise InvalidInput(msg("'{spec}' is no plant; write module:Class", spec=spec))
    try:
        factory = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise InvalidInput(
            msg(
                "cannot import the plant's module '{module_name}': {error}",
                module_name=module_name,
                error=_cause(error),
            )
        ) from error
    except AttributeError:
        raise InvalidInput(
            msg(
                "module '{module_name}' has no '{class_name}'",
                module_name=module_name,
                class_name=class_name,
            )
        ) from None
    try:
        known = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # not callable, or written in C without a signature
        known = MappingProxyType({})
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    if "start" not in known and not takes_any:
        raise InvalidInput(msg("'{spec}' is no plant: it is not made from a start time", spec=spec))
    for name in options:
        if name == "start" or (name not in known and not takes_any):
            allowed = ", ".join(sorted(set(known) - {"start"})) or msg("none")
            raise InvalidInput(
                msg(
                    "the plant has no option '{name}'; options: {allowed}",
                    name=name,
                    allowed=allowed,
                )
            )
    try:
        plant: Plant = factory(start=start, **options)
    except ImportError as error:
        raise NotAvailable(_missing(error)) from error
    except (OSError, ValueError) as error:
        raise InvalidInput(msg("the plant cannot be made: {error}", error=error)) from error
    return plant


def options_for(site: Site, settings: PlantLink) -> dict[str, str]:
    """The options of a plant link; `{site}` in them is the site's directory."""
    directory = str(site.directory)
    return {name: text.replace("{site}", directory) for name, text in settings.options.items()}


def plant_of(site: Site, start: datetime, options: Mapping[str, str] | None = None) -> Plant:
    """The plant that a site names as its only link; for a site of wires, one that echoes.

    `options` come before those of the link. Raises InvalidInput for a site with several links of
    which some are plants, and what `make_plant` does.
    """
    links = list(site.links.values())
    plants = [link.settings for link in links if isinstance(link.settings, PlantLink)]
    if not plants:
        if options:
            raise InvalidInput(msg("--option goes with --plant: the site names no plant"))
        return EchoPlant([point for link in links for point in link.points])
    if len(links) > 1:
        raise InvalidInput(
            msg("the site has other links beside its plant; say which one with --plant")
        )
    return make_plant(plants[0].plant, start, {**options_for(site, plants[0]), **(options or {})})


class EchoPlant:
    """No physics: it does what it is told and measures nothing.

    Outputs read back as commanded, a `status` follows its `enable`; the rest has no value. It
    shows what a site's schedules would command.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = [PlantPoint(p.id, p.unit, p.writable) for p in points]
        self._status = {
            f"{device}.enable": f"{device}.status"
            for device, _, role in (p.id.rpartition(".") for p in points)
            if role == "status"
        }
        self._values: dict[str, float] = {}
        for point in points:
            if point.writable:
                self._set(point.id, 0.0)

    def _set(self, name: str, value: float) -> None:
        self._values[name] = value
        status = self._status.get(name)
        if status is not None:
            self._values[status] = value

    def points(self) -> Sequence[PlantPoint]:
        return self._points

    def read(self) -> Mapping[str, float]:
        # A point without a value reads as NaN, which the driver reports as BAD, not as a number.
        return {point.name: self._values.get(point.name, float("nan")) for point in self._points}

    def write(self, values: Mapping[str, float | None]) -> None:
        for name, value in values.items():
            self._set(name, 0.0 if value is None else value)

    def advance(self, until: datetime) -> datetime:
        return until

    def close(self) -> None:
        """Nothing to keep."""


def _missing(error: ImportError) -> Message:
    """What a plant needs: in its own words, or the module that is not there."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return msg("the plant needs the module '{module}', which is missing", module=error.name)
    return message_of(error)


def _cause(error: ImportError) -> Message:
    if isinstance(error, ModuleNotFoundError):
        return msg("there is no module '{module}'", module=error.name)
    return message_of(error)
