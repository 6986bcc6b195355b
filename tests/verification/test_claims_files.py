"""Files of claims as they are read: what is refused, what they name, and what they leave."""

from __future__ import annotations

import sys

import pytest

from theory_check.cli import main
from theory_check.verification.user_claims import load_claims, load_definitions


def claims_file(folder, text):
    path = folder / "my_claims.py"
    path.write_text(text, encoding="utf-8")
    return path


def command(*arguments):
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "names no claim"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(:", "SyntaxError"),
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("import theory_check as tc\ntc.claim('X1')(lambda profile: ())", "docstring"),
    ],
)
def test_bad_files_give_one_line(tmp_path, capsys, text, message):
    path = claims_file(tmp_path, text)
    assert command("list", "--claims", path) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"theory-check: error: claims file {path}: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_missing_file_gives_one_line(tmp_path, capsys):
    assert command("run", "--claims", tmp_path / "missing.py") == 2
    assert "there is no such file" in capsys.readouterr().err


def test_a_file_names_its_claims_in_order_and_only_once(tmp_path):
    text = (
        "import theory_check as tc\n"
        "def law(profile):\n"
        '    """A statement."""\n'
        "    found = tc.Distance('log_norm_ratio', tc.Normal(0, 1))\n"
        "    return tc.check('law', tc.network(width=4, depth=4), 'law', found, margin=0.1)\n"
        "second, first = tc.claim('X2')(law), tc.claim('X1')(law)\n"
        "again = second\n"
    )
    assert [found.id for found in load_claims(claims_file(tmp_path, text))] == ["X2", "X1"]


def test_nothing_appears_beside_a_claims_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "own.py").write_text("x = 1\n")
    assert load_definitions(tmp_path / "own.py").x == 1
    assert [path.name for path in tmp_path.iterdir()] == ["own.py"]
