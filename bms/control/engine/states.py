"""Controller states as plain JSON values, and back. Pure.

A state is a frozen dataclass of plain values (times included), or None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, TypeVar, cast

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from bms.core.decisions import Condition, Severity
from bms.texts.messages import from_json, msg, to_json

T = TypeVar("T")

Words: TypeAlias = Annotated[
    str, PlainValidator(from_json), PlainSerializer(to_json, return_type=Any)
]
"""Text for people in a state: a message is saved as what it was made of."""


class Codec:
    """Encodes and decodes states; remembers the adapter of each type, which is slow to make."""

    def __init__(self) -> None:
        self._adapters: dict[Any, TypeAdapter[Any]] = {}

    def encode(self, state: object) -> Any:
        """The state as JSON values: dataclasses as objects, times as ISO text."""
        return self._adapter(type(state)).dump_python(state, mode="json")

    def decode(self, kind: Any, data: object) -> Any:
        """A value of type `kind`; raises ValueError saying what does not fit.

        Unknown fields are ignored and missing ones take their defaults, so that a newer
        program reads what an older one saved wherever that makes sense.
        """
        try:
            return self._adapter(kind).validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"]) or msg("the whole")
            raise ValueError(msg("{place}: {error}", place=place, error=first["msg"])) from error

    def _adapter(self, kind: Any) -> TypeAdapter[Any]:
        adapter = self._adapters.get(kind)
        if adapter is None:
            adapter = self._adapters[kind] = TypeAdapter(kind)
        return adapter


class Restored:
    """States that were saved before a restart, taken by name."""

    def __init__(self, saved: Mapping[str, object], codec: Codec) -> None:
        self.unclaimed = dict(saved)
        """Those of controllers that are not there (yet)."""
        self.problems: list[Condition] = []
        """Those that could not be used."""
        self._codec = codec

    def take(self, name: str, kind: object, otherwise: T) -> T:
        """The state of `name`; `otherwise` if there is none, or it no longer fits."""
        data = self.unclaimed.pop(name, None)
        if data is None:
            return otherwise
        try:
            return cast("T", self._codec.decode(kind, data))
        except ValueError as error:
            text = msg(
                "the saved state of {name} cannot be used, so it starts over: {error}",
                name=name,
                error=error,
            )
            self.problems.append(Condition(f"saved:{name}", Severity.NORMAL, text))
            return otherwise
