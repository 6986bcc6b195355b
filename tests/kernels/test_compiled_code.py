"""Compiled kernels on the disk: what is damaged is told once, compiled again and never run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.extending import typeof_impl

import theory_check
from theory_check.kernels import compilation, compiled_code, layers
from theory_check.kernels.compilation import COMPILED
from theory_check.kernels.compiled_code import SealedCache, SealedCode, function_content, renamed

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


@pytest.mark.skipif(not COMPILED, reason="under NUMBA_DISABLE_JIT nothing is compiled, and nothing kept")
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


PROGRAM = """
import sys
import numba
from theory_check.kernels.compiled_code import SealedCache

def add(x, y):
    return x + y

made = numba.njit()(add)
made._cache = SealedCache(add, sys.argv[1])
print(made(1.5, 2), "numba.np.arraymath" in sys.modules)
print(numba.njit()(lambda x: 2.0 * x)(2.5))
"""


@pytest.mark.skipif(not COMPILED, reason="under NUMBA_DISABLE_JIT nothing is compiled, and nothing kept")
def test_what_is_kept_loads_without_the_compiler(tmp_path):
    """Numba would load all that it can compile first; it still does before it compiles."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command, package = [sys.executable, program, tmp_path], Path(theory_check.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    told = [
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout for _ in range(2)
    ]
    assert told == ["3.5 True\n5.0\n", "3.5 False\n5.0\n"]


def scaled(factor):
    return lambda x, _: factor * x


def test_the_content_of_a_function_is_its_code_and_what_it_reads():
    assert function_content(scaled(2.0)) == function_content(scaled(2.0))
    contents = {
        function_content(f)
        for f in (scaled(2.0), scaled(3.0), lambda x, _: 2.0 * x, lambda x, _: 3.0 * x, lambda x, _: np.exp(x))
    }
    assert len(contents) == 5
    assert None not in contents
    # An array, or a function of its own: what these are cannot be told by their names.
    assert function_content(scaled(np.ones(2))) is None
    assert function_content(lambda x, _: scaled(x)) is None


def test_functions_of_other_content_have_other_names():
    first, second = scaled(2.0), scaled(3.0)
    names = {renamed(f, function_content(f)).__qualname__ for f in (first, second, scaled(2.0))}
    assert len(names) == 2
    assert renamed(first, "x")(4.0, None) == 8.0


@pytest.mark.skipif(not COMPILED, reason="under NUMBA_DISABLE_JIT nothing is compiled, and nothing kept")
def test_composed_kernels_are_kept_by_the_content_of_their_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "_cache_directory", lambda: str(tmp_path))
    values = np.linspace(-1.0, 1.0, 3)

    def found(factor):
        write = layers.entrywise_function(scaled(factor))
        out = np.empty(3)
        write(values, out, np.empty(0))
        return out.tolist(), sum(write.stats.cache_hits.values())

    assert [found(2.0), found(3.0)] == [([-2.0, 0.0, 2.0], 0), ([-3.0, 0.0, 3.0], 0)]
    assert [found(3.0), found(2.0)] == [([-3.0, 0.0, 3.0], 1), ([-2.0, 0.0, 2.0], 1)]
    assert len(list(tmp_path.rglob("*.code"))) == 2


OWN_FUNCTION = """
def double(x, _):
    return 2.0 * x
"""

OWN_PROGRAM = """
import importlib.util
import sys
import numpy as np
from theory_check.kernels.layers import entrywise_function

specification = importlib.util.spec_from_file_location(sys.argv[2], sys.argv[1])
file = importlib.util.module_from_spec(specification)
sys.modules[sys.argv[2]] = file
specification.loader.exec_module(file)
write = entrywise_function(file.double)
out = np.empty(3)
write(np.ones(3), out, np.empty(0))
print(out.sum(), sum(write.stats.cache_hits.values()))
"""


@pytest.mark.skipif(not COMPILED, reason="under NUMBA_DISABLE_JIT nothing is compiled, and nothing kept")
def test_what_is_kept_of_a_file_is_loaded_after_it_has_another_name(tmp_path):
    program, file = tmp_path / "program.py", tmp_path / "claims.py"
    program.write_text(OWN_PROGRAM)
    environment = {
        **os.environ, "PYTHONPATH": str(Path(theory_check.__file__).parents[1]), "NUMBA_CACHE_DIR": str(tmp_path),
    }  # fmt: skip

    def told():
        command = [sys.executable, program, file, file.stem]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    file.write_text(OWN_FUNCTION)
    assert told() == "6.0 0\n"
    file = file.rename(tmp_path / "others.py")
    assert told() == "6.0 1\n"


def test_numba_knows_the_class_of_callbacks():
    """It searches for that of others while threads may add to what it knows."""
    assert compilation.Callback in typeof_impl.registry
