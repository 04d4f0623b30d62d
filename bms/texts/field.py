"""A message as a field of what is asked and answered: it travels as what it was made of."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import PlainSerializer, PlainValidator, SerializationInfo, WithJsonSchema

from bms.texts.messages import Json, from_json, to_json

AS_TEXT = "as_text"
"""In the context of a dump: messages as their English text, for programs that read `--json`."""


def _sent(message: str, info: SerializationInfo[Any]) -> Json:
    as_text = isinstance(info.context, dict) and bool(info.context.get(AS_TEXT))
    return str(message) if as_text else to_json(message)


Words: TypeAlias = Annotated[
    str,
    PlainValidator(from_json),
    PlainSerializer(_sent, return_type=Any, when_used="json"),
    WithJsonSchema(
        {
            "title": "Words",
            "description": "Plain text, or a template and its arguments",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        "msg": {"type": "string"},
                        "many": {"type": "string"},
                        "args": {"type": "object"},
                    },
                    "required": ["msg"],
                },
            ],
        }
    ),
]
"""A message (`bms.texts.messages`), or what somebody wrote; in Python it stays what it is."""
