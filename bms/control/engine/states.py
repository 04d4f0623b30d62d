"""Controller states as plain JSON values, and back. Pure.

A state is a frozen dataclass of plain values (times included), or None.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from bms.texts.messages import from_json, msg, to_json

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
