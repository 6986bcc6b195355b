"""Stored values are the ones that would be computed: anything else in the cache is computed again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from theory_check.foundation import stored_values
from theory_check.foundation.laws import Normal
from theory_check.foundation.stored_values import depend_on, read_sealed, shelf, stored, write_sealed

#: Every kind of value that is kept.
VALUE = (np.arange(3.0), np.float64(0.1), np.int64(2), 0.5, 3, True, "text", None, (Normal(0.5, 2.0), ()))


@dataclass(frozen=True)
class Foreign:
    """A value of a program, whose code is not known."""

    size: int


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """The arguments of each evaluation, with an empty cache and memory."""
    monkeypatch.setattr(stored_values, "values_folder", lambda: tmp_path)
    forget(monkeypatch)
    return []


def forget(monkeypatch):
    """Do what a new process does."""
    for name, empty in (("_values", {}), ("_read", {}), ("_open", []), ("_definitions", set())):
        monkeypatch.setattr(stored_values, name, empty)


def function(calls):
    @stored
    def value(argument):
        calls.append(argument)
        return VALUE

    return value


def planned(calls, *arguments):
    with shelf("plan"):
        return [function(calls)(argument) for argument in arguments]


def test_values_come_back_bit_for_bit_and_of_their_types(calls, monkeypatch):
    planned(calls, Normal(0.0, 1.0))
    forget(monkeypatch)
    (found,) = planned(calls, Normal(0.0, 1.0))
    assert len(calls) == 1
    assert [type(part) for part in found] == [type(part) for part in VALUE]
    np.testing.assert_array_equal(found[0], VALUE[0])
    assert found[1:] == VALUE[1:]


def test_without_a_shelf_values_are_kept_for_the_process_alone(calls, monkeypatch, tmp_path):
    first, second = (function(calls)(1) for _ in range(2))
    assert first is second
    assert (calls, list(tmp_path.iterdir())) == ([1], [])


def test_a_value_that_another_task_computed_is_kept_for_both(calls, monkeypatch):
    planned(calls, 1)
    with shelf("other"):
        function(calls)(1)
    forget(monkeypatch)
    with shelf("other"):
        function(calls)(1)
    assert calls == [1]


@pytest.mark.parametrize("other", [2, 10**30, 1.0, np.float64(1.0), "1", Normal(0.0, 1.0), (1,), True], ids=repr)
def test_arguments_that_differ_in_value_or_type_have_values_of_their_own(calls, other):
    planned(calls, 1, other)
    assert len(calls) == 2


def test_arguments_whose_code_is_not_known_are_never_stored(calls, tmp_path):
    planned(calls, Foreign(1), Foreign(1))
    assert len(calls) == 2
    assert list(tmp_path.iterdir()) == []


def test_an_added_definition_makes_other_keys(calls, monkeypatch):
    planned(calls, 1)
    depend_on("law mine 0123")
    planned(calls, 1)
    forget(monkeypatch)
    planned(calls, 1)
    depend_on("law mine 0123")
    planned(calls, 1)
    assert len(calls) == 2


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:40] + b"x" + b[41:], bytes.upper])
def test_a_damaged_file_is_made_again(calls, monkeypatch, tmp_path, damage):
    planned(calls, 1)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    forget(monkeypatch)
    planned(calls, 1)
    assert calls == [1, 1]
    assert path.read_bytes() == whole


def test_a_file_of_another_version_machine_or_task_is_not_read(calls, monkeypatch, tmp_path):
    path = tmp_path / "file.bin"
    write_sealed(path, "task", {"key": 1})
    assert read_sealed(path, "task") == {"key": 1}
    assert read_sealed(path, "other") is None
    monkeypatch.setattr(stored_values, "_origin", lambda: "elsewhere")
    assert read_sealed(path, "task") is None


def test_a_value_of_another_package_in_a_file_is_computed_again(calls, monkeypatch, tmp_path):
    planned(calls, 1)
    (path,) = tmp_path.iterdir()
    name = "plan; "
    (key,) = read_sealed(path, name)
    write_sealed(path, name, {key: ["value", "subprocess", "Popen", {"args": ["tuple", "touch", "x"]}]})
    forget(monkeypatch)
    planned(calls, 1)
    assert calls == [1, 1]


def test_a_cache_that_cannot_be_written_changes_nothing(calls, tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert len(planned(calls, 1, 1)) == 2
    finally:
        tmp_path.chmod(0o700)
    assert calls == [1]
