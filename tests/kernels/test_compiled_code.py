"""Compiled kernels on the disk: what is damaged is told once, compiled again and never run."""

from __future__ import annotations

import errno
import os
import warnings

import numba
import numpy as np
import pytest

from theory_check.kernels import compiled_code
from theory_check.kernels.compilation import COMPILED
from theory_check.kernels.compiled_code import SealedCache, SealedCode

KEY = (("float64", "int64"), ("x86_64", "generic"), ("hash", "of the code"))
CODE = {"library": bytes(range(256)) * 8, "signature": (1.5, None)}


@pytest.fixture(autouse=True)
def _untold(monkeypatch):
    monkeypatch.setattr(compiled_code, "_told", set())


@pytest.fixture
def sealed(tmp_path):
    code = SealedCode(tmp_path, "module.kernel-1.py311")
    code.save(KEY, CODE)
    return code


def test_what_was_saved_is_loaded_under_its_key_only(sealed, tmp_path):
    assert SealedCode(tmp_path, "module.kernel-1.py311").load(KEY) == CODE
    assert sealed.load((("float32",), *KEY[1:])) is None
    assert SealedCode(tmp_path, "module.other-1.py311").load(KEY) is None
    sealed.flush()
    assert list(tmp_path.iterdir()) == []
    assert sealed.load(KEY) is None


def test_the_file_of_another_function_is_damage(sealed, tmp_path):
    (path,) = tmp_path.iterdir()
    path.rename(path.with_name(path.name.replace("kernel", "other")))
    with pytest.warns(RuntimeWarning, match="is damaged or of another version"):
        assert SealedCode(tmp_path, "module.other-1.py311").load(KEY) is None


@pytest.mark.parametrize("number", [50, pytest.param(500, marks=pytest.mark.slow)])
def test_no_bit_flip_is_loaded(sealed, tmp_path, number):
    (path,) = tmp_path.iterdir()
    content, generator = path.read_bytes(), np.random.default_rng(number)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(number):
            changed = bytearray(content)
            changed[generator.integers(len(content))] ^= 1 << generator.integers(8)
            path.write_bytes(changed)
            assert sealed.load(KEY) is None
            # The next process does not meet it.
            assert not path.exists()
    assert len(told) == 1


@pytest.mark.parametrize("content", [b"", b"\x80", b"not code" * 100])
def test_a_foreign_file_is_not_unpickled(sealed, tmp_path, content):
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    with pytest.warns(RuntimeWarning, match=r"^[^\n]*$"):
        assert sealed.load(KEY) is None
    sealed.save(KEY, CODE)
    assert sealed.load(KEY) == CODE


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_keeps_nothing_and_raises_nothing(tmp_path, monkeypatch, step):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    code = SealedCode(tmp_path, "module.kernel-1.py311")
    code.save(KEY, CODE)
    assert code.load(KEY) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_a_damaged_cache_is_compiled_again(tmp_path):
    def add(x, y):
        return x + y

    def compiled():
        made = numba.njit()(add)
        made._cache = SealedCache(add, str(tmp_path))
        return made, made(1.5, 2)

    assert compiled()[1] == 3.5
    again, value = compiled()
    assert (value, sum(again.stats.cache_hits.values())) == (3.5, 1)
    (path,) = tmp_path.rglob("*.code")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(RuntimeWarning, match="compiled again"):
        again, value = compiled()
    assert (value, sum(again.stats.cache_hits.values())) == (3.5, 0)
    assert path.exists()
