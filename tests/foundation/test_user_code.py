"""Where in a user's file an error came from."""

from __future__ import annotations

from types import ModuleType

import pytest

from theory_check.foundation.user_code import described, module_name, user_place


def test_the_place_is_found_through_causes_and_what_was_handled(tmp_path):
    path = tmp_path / "own.py"
    module = ModuleType(module_name(path))
    exec(compile("def fail():\n    return 1 / 0\n", str(path), "exec"), vars(module))

    def fail_later():
        try:
            try:
                module.fail()
            except ZeroDivisionError as error:
                raise ValueError("first") from error
        except ValueError:
            raise OSError("later")  # noqa: B904 - the context, not the cause

    with pytest.raises(OSError, match="later") as caught:
        fail_later()
    assert user_place(caught.value) == (str(path), 2)
    assert described(caught.value) == "OSError: later (own.py, line 2)"


def test_an_error_among_its_own_causes_has_no_place():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert user_place(first) is None
    second.__cause__ = second
    assert user_place(second) is None
