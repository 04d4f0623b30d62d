"""Column blobs: whatever goes in comes out bit for bit, and damage is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.historian.formats.columns import Column, DamagedColumns, decimals_of, pack, unpack

INTS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40)
NEAR = st.lists(st.integers(-300, 70_000), max_size=40)
FLOATS = st.lists(st.floats(allow_nan=False), max_size=40)
DECIMALS = st.lists(st.integers(-(10**6), 10**6).map(lambda n: n / 100), max_size=40)
HOLED = st.lists(st.one_of(st.just(float("nan")), st.integers(0, 999).map(float)), max_size=40)


@given(
    st.lists(
        st.one_of(
            st.one_of(INTS, NEAR).map(lambda v: np.array(v, np.int64)),
            st.one_of(FLOATS, DECIMALS, HOLED).map(lambda v: np.array(v, np.float64)),
        ),
        max_size=4,
    )
)
def test_columns_come_back_bit_for_bit(columns: list[Column]) -> None:
    found = unpack(pack(columns))
    assert [c.dtype for c in found] == [c.dtype for c in columns]
    for got, given_ in zip(found, columns, strict=True):
        same = got.view(np.int64) == given_.view(np.int64)
        assert (same | (np.isnan(got) & np.isnan(given_))).all()


def test_decimals_are_kept_as_counts() -> None:
    temperatures = np.round(20 + np.sin(np.arange(8640) / 500) * 3, 1)
    times = np.arange(8640, dtype=np.int64) * 10_000
    assert decimals_of(temperatures) == 1
    assert decimals_of(np.array([0.1, 1 / 3])) is None
    assert decimals_of(np.array([-0.0])) is None  # its sign would be lost
    assert len(pack([times, temperatures])) < 0.2 * 8640


def test_any_changed_byte_is_noticed() -> None:
    blob = pack([np.array([1.5, 2.5]), np.array([3, 4], np.int64)])
    for i in range(len(blob)):
        damaged = bytearray(blob)
        damaged[i] ^= 0x41
        with pytest.raises(DamagedColumns):
            unpack(bytes(damaged))
    with pytest.raises(DamagedColumns):
        unpack(blob[:6])


def test_a_column_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="int32"):
        pack([np.array([1], np.int32)])  # type: ignore[list-item]
