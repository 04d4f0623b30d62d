"""What pydantic says, as messages of ours: the same English, and Chinese."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from bms.texts.language import marking, speaking, told
from bms.texts.validation import validation_message
from tests.texts.words import Marked, english


class _Model(BaseModel):
    whole: int = 1
    above: Annotated[int, Field(gt=0, le=9)] = 1
    ratio: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.5
    step: Annotated[int, Field(multiple_of=5)] = 5
    word: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    several: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    choice: Literal["on", "off"] = "on"
    sure: bool = True
    by_name: dict[str, int] = {}


@pytest.mark.parametrize(
    "given",
    [
        {"whole": "x"}, {"whole": 1.5}, {"whole": None}, {"above": 0}, {"above": 10}, {"ratio": -1},
        {"ratio": 1}, {"ratio": float("nan")}, {"ratio": "x"}, {"step": 3}, {"word": "a"},
        {"word": "abcd"}, {"word": 3}, {"several": 3}, {"choice": "maybe"}, {"sure": "perhaps"},
        {"by_name": 3},
    ],
)  # fmt: skip
def test_what_pydantic_says_is_said_in_both_languages(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        _Model.model_validate(given)
    (item,) = raised.value.errors()
    message = validation_message(dict(item))
    assert message.lower() == item["msg"].lower()
    with speaking("zh"), marking(Marked):
        assert english(told(message)) == []
