"""A frozen record with some fields otherwise, at half the cost of `dataclasses.replace`. Pure.

States are replaced some fifty times in a cycle. The standard function asks each field of a record
for its properties; this one knows the fields of a class after the first time. Measured on a record
of 13 fields: 1.4 us instead of 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Type checkers know what this one takes.
    from dataclasses import replace as replace
else:

    def replace(record, /, **changes):
        """`record` with `changes`; all its fields must be arguments of its class.

        Raises TypeError for a name that is none of its fields.
        """
        kind = type(record)
        places, values_of = _fields_of(kind)
        values = [*values_of(record)]
        try:
            for name, value in changes.items():
                values[places[name]] = value
        except KeyError as error:
            raise TypeError(f"{kind.__name__} has no field {error}") from None
        return kind(*values)


@cache
def _fields_of(kind: type[Any]) -> tuple[dict[str, int], Callable[[Any], tuple[Any, ...]]]:
    """Where each field stands among the arguments, and what reads them all."""
    names = [field.name for field in fields(kind)]
    if any(field.kw_only or not field.init for field in fields(kind)):
        raise TypeError(f"{kind.__name__} has fields that are not given by their place")
    read = attrgetter(*names)
    return {name: place for place, name in enumerate(names)}, (
        read if len(names) > 1 else lambda record: (read(record),)
    )
