"""Points that share registers with several others: each decodes as if it were alone."""

from __future__ import annotations

from itertools import permutations

import pytest

from drivers.codec.block import Field, RegisterBlock
from drivers.codec.encoding import codec, width
from drivers.points import ModbusAddress, RegisterType

DATA = bytes(range(1, 41))
"""Twenty registers, no two alike."""


def field(offset: int, kind: RegisterType, **more: str) -> Field:
    return Field(offset, codec(ModbusAddress(1, "holding", offset, kind, **more)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "layout",
    [
        [(0, "uint16"), (1, "uint16"), (2, "uint64"), (4, "uint16")],
        [(0, "uint64"), (1, "uint16"), (3, "uint16"), (4, "uint16")],
        [(0, "uint32"), (1, "uint32"), (2, "uint32"), (3, "uint32")],
        [(2, "uint16"), (5, "int64"), (5, "uint16"), (8, "uint16"), (9, "uint16")],
        [(0, "uint16"), (0, "int16"), (0, "uint32"), (1, "int16")],
        [(16, "uint64"), (19, "uint16"), (0, "uint16")],
    ],
)
def test_what_overlaps_is_decoded_as_if_alone(layout: list[tuple[int, RegisterType]]) -> None:
    alone = {
        (offset, kind): RegisterBlock([field(0, kind)]).read(DATA, 2 * offset)[0][0]
        for offset, kind in layout
    }
    assert all(width(ModbusAddress(1, "holding", o, k)) + o <= 20 for o, k in layout)
    for order in list(permutations(layout))[:24]:
        values, wrong = RegisterBlock([field(*one) for one in order]).read(DATA, 0)
        assert list(values) == [alone[one] for one in order]
        assert not wrong


def test_orders_of_one_block_do_not_mix() -> None:
    kinds: list[tuple[int, RegisterType, str]] = [
        (0, "uint32", "big"), (2, "uint32", "little"), (4, "uint16", "big"),
        (5, "uint32", "little"), (7, "uint32", "big"),
    ]  # fmt: skip
    values, _ = RegisterBlock([field(o, k, word_order=w) for o, k, w in kinds]).read(DATA, 0)
    alone = [
        RegisterBlock([field(0, k, word_order=w)]).read(DATA, 2 * o)[0][0] for o, k, w in kinds
    ]
    assert list(values) == alone
    assert len(set(alone)) == len(alone)
