"""Six runs at once, on one ledger and one folder: every night counts, once, and the report is one of theirs."""

from __future__ import annotations

import json
import re

import pytest
from doomed_commands import Commands
from small_commands import SMALL, lay_out, left


def line(seed):
    return ("run", "--claims", "own.py", "--seed", str(seed), "--out", "r", "--history", "h.db", "--new-history")


@pytest.mark.parametrize("rounds", [1, pytest.param(60, marks=pytest.mark.slow)])
def test_six_runs_at_once_lose_and_double_nothing(tmp_path, rounds):
    with Commands(tmp_path / "cache", SMALL["run"]) as commands:
        folder = lay_out(tmp_path / "together")
        for number in range(rounds):
            # One of them is somebody's second attempt.
            seeds = [6 * number + place for place in range(5)]
            seeds.append(seeds[0])
            for ended in commands.together(folder, *map(line, seeds)):
                assert ended.code == 0, ended.err
                said = [said for said in ended.err.splitlines() if not re.search(r": [0-9]+%$", said)]
                assert set(said) <= {"theory-check: waiting for another command that writes into r"}
            files = left(folder)
            nights, _ = files["h.db"]
            expected = sorted(6 * earlier + place for earlier in range(number + 1) for place in range(5))
            assert sorted(seed for _, seed, _ in nights) == expected
            seed = json.loads((folder / "r" / "results.json").read_bytes())["seed"]
            assert seed in seeds
            assert f"--seed {seed}" in (folder / "r" / "REPORT.md").read_text()
            alone = lay_out(tmp_path / f"alone{number}")
            assert commands(alone, *line(seed)).code == 0
            report = {name: content for name, content in files.items() if name != "h.db"}
            assert report == {name: content for name, content in left(alone).items() if name != "h.db"}
