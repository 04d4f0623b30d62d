"""What pydantic says of a value, as messages of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bms.texts.messages import Message, msg, plural, quoted

__all__ = ["validation_message"]

_DATE = msg("input should be a valid date, such as {example}", example="2026-10-01")
_TIME = msg("input should be a valid time, such as {example}", example="07:30")
_PLAIN: dict[str, Message] = {
    "int_type": msg("input should be a valid integer"),
    "int_parsing": msg("input should be a valid integer, unable to parse string as an integer"),
    "int_from_float": msg(
        "input should be a valid integer, got a number with a fractional part"
    ),
    "int_parsing_size": msg("the number is too large"),
    "float_type": msg("input should be a valid number"),
    "float_parsing": msg("input should be a valid number, unable to parse string as a number"),
    "finite_number": msg("input should be a finite number"),
    "bool_type": msg("input should be a valid boolean"),
    "bool_parsing": msg("input should be a valid boolean, unable to interpret input"),
    "string_type": msg("input should be a valid string"),
    "list_type": msg("input should be a valid list"),
    "tuple_type": msg("input should be a valid tuple"),
    "set_type": msg("input should be a valid set"),
    "frozen_set_type": msg("input should be a valid frozenset"),
    "mapping_type": msg("input should be a valid mapping"),
    "none_required": msg("input should be None"),
    "path_type": msg("input is not a valid path"),
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "date_type": _DATE,
    "time_parsing": _TIME,
    "time_type": _TIME,
    "missing": msg("field required"),
    "extra_forbidden": msg("extra inputs are not permitted"),
    "dict_type": msg("input should be a valid dictionary"),
}  # fmt: skip
"""By pydantic's type of error."""


def validation_message(item: Mapping[str, Any]) -> Message:
    """One item of `ValidationError.errors()` as a message, without the place.

    A validator that raised ValueError with a message is shown with that; what pydantic says and
    is not known here, in its own words.
    """
    kind, context = item["type"], item.get("ctx", {})
    for own in (context.get("error"), context.get("problem")):
        first = own.args[0] if isinstance(own, ValueError) and own.args else own
        if isinstance(first, Message):
            return first
    known = _PLAIN.get(kind) or _limited(kind, context)
    if known is not None:
        return known
    said = str(item["msg"]).removeprefix("Value error, ")
    return quoted(said[:1].lower() + said[1:])


def _limited(kind: str, context: Mapping[str, Any]) -> Message | None:
    """Errors that name a limit or choices."""
    match kind:
        case "greater_than":
            return msg("input should be greater than {limit}", limit=_number(context["gt"]))
        case "greater_than_equal":
            limit = _number(context["ge"])
            return msg("input should be greater than or equal to {limit}", limit=limit)
        case "less_than":
            return msg("input should be less than {limit}", limit=_number(context["lt"]))
        case "less_than_equal":
            limit = _number(context["le"])
            return msg("input should be less than or equal to {limit}", limit=limit)
        case "multiple_of":
            factor = _number(context["multiple_of"])
            return msg("input should be a multiple of {factor}", factor=factor)
        case "literal_error" | "enum":
            # In English the last choice follows an "or", which is no word of the file.
            choices = str(context["expected"])
            first, _, last = choices.rpartition(" or ")
            if first:
                return msg("input should be {choices} or {choice}", choices=first, choice=last)
            return msg("input should be {choice}", choice=choices)
        case "string_too_short":
            return plural(
                "string should have at least {count} character",
                "string should have at least {count} characters",
                count=context["min_length"],
            )
        case "string_too_long":
            return plural(
                "string should have at most {count} character",
                "string should have at most {count} characters",
                count=context["max_length"],
            )
        case "too_short":
            return plural(
                "there should be at least {count} item, not {items}",
                "there should be at least {count} items, not {items}",
                count=context["min_length"],
                items=context["actual_length"],
            )
        case "too_long":
            return plural(
                "there should be at most {count} item, not {items}",
                "there should be at most {count} items, not {items}",
                count=context["max_length"],
                items=context["actual_length"] or "?",
            )
    return None


def _number(limit: object) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)
