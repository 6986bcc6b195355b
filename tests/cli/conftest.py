from __future__ import annotations

import pytest

from theory_check.cli import main


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run the command line in an empty folder; return exit code, stdout and stderr lines."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return stopped.value.code, out.splitlines(), err.splitlines()

    return run
