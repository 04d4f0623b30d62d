"""Options of a command that belong together reach it as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def grouped(name: str, shape: type[Any]) -> Callable[[F], F]:
    """Hands the options that are named like the fields of the dataclass `shape` to the command
    as its one argument `name`. Stands below the options."""
    names = [field.name for field in fields(shape)]

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def call(*args: Any, **options: Any) -> Any:
            options[name] = shape(**{field: options.pop(field) for field in names})
            return command(*args, **options)

        return call  # type: ignore[return-value]

    return decorate
