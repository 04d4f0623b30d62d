"""A state's words for people come back as the messages they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bms.control.blocks.machines.start_proof import ProofState
from bms.control.engine.states import Codec, Words
from bms.control.protect.flow.flow_guard import FlowHold
from bms.texts.messages import Message, msg


@dataclass(frozen=True)
class State:
    why: Words = ""


def saved(state: Any) -> Any:
    codec = Codec()
    return codec.decode(type(state), json.loads(json.dumps(codec.encode(state))))


def test_a_message_is_saved_as_what_it_was_made_of() -> None:
    why = msg("{machine} shows no run status for {proof_s:g} s", machine="ch-1", proof_s=60.0)
    cases: list[tuple[Any, Callable[[Any], object]]] = [
        (State(why), lambda s: s.why),
        (ProofState(failed=why), lambda s: s.failed),
        (FlowHold(why=why), lambda s: s.why),
    ]
    for state, read in cases:
        found = read(saved(state))
        assert isinstance(found, Message)
        assert (found, found.arguments) == (why, why.arguments)


def test_words_of_an_earlier_version_stay_words() -> None:
    found = Codec().decode(State, {"why": "ch-1 shows no run status for 60 s"})
    assert found == State("ch-1 shows no run status for 60 s")
    assert not isinstance(found.why, Message)
