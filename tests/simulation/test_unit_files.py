"""Stored units are reused only as they were written, by this version, for the unit that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.foundation import origin
from theory_check.simulation import unit_files
from theory_check.simulation.unit_files import decode_unit, encode_unit

VALUES = {"a": np.array([[1.0, -np.inf], [np.nan, 3.0]]), "b": np.arange(3.0)}


@pytest.fixture
def content():
    return encode_unit("unit", VALUES, 2.5)


def test_a_unit_is_read_back_as_it_was(content):
    values, seconds = decode_unit("unit", content)
    assert seconds == 2.5
    assert values.keys() == VALUES.keys()
    assert all(values[name].tobytes() == VALUES[name].tobytes() for name in VALUES)


def test_a_unit_of_another_name_is_not_used(content):
    assert decode_unit("other", content) is None


@pytest.mark.parametrize("package", ["numpy", "numba"])
def test_a_unit_of_another_version_of_a_library_is_not_used(content, monkeypatch, package):
    found = origin.version
    monkeypatch.setattr(origin, "version", lambda name: "0.0" if name == package else found(name))
    unit_files.origin.cache_clear()
    try:
        assert decode_unit("unit", content) is None
    finally:
        unit_files.origin.cache_clear()


def test_the_values_of_one_file_with_the_digest_of_another_are_not_used(content):
    other = encode_unit("unit", VALUES | {"b": np.array([0.0, 1.0, 3.0])}, 2.5)
    assert decode_unit("unit", content[:32] + other[32:]) is None


@pytest.mark.parametrize("column", [np.ones((0, 3)), np.arange(6.0).reshape(2, 3).T], ids=["empty", "by column"])
def test_a_column_keeps_its_shape_and_its_order_in_memory(column):
    values, _ = decode_unit("unit", encode_unit("unit", {"a": column}, 0.0))
    np.testing.assert_array_equal(values["a"], column)
    assert values["a"].flags.c_contiguous == column.flags.c_contiguous


def test_no_bit_flip_is_accepted_with_other_values(content):
    generator = np.random.default_rng(1)
    for _ in range(500):
        position, bit = generator.integers(len(content)), generator.integers(8)
        damaged = bytearray(content)
        damaged[position] ^= 1 << bit
        found = decode_unit("unit", bytes(damaged))
        if found is not None:
            assert found[1] == 2.5
            assert {n: v.tobytes() for n, v in found[0].items()} == {n: v.tobytes() for n, v in VALUES.items()}


def test_truncated_and_foreign_files_are_not_used(content):
    for damaged in (b"", b"PK", content[:-1], content[: len(content) // 2], b"\x80\x04N.", b"x" * 500):
        assert decode_unit("unit", damaged) is None
