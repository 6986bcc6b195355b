"""Several runs at once, on one ledger and one folder: every night counts, once, and the report is one of theirs."""

from __future__ import annotations

import json
import re

import pytest
from small_commands import SMALL, lay_out, left


def line(seed):
    return ("run", "--claims", "own.py", "--seed", str(seed), "--out", "r", "--history", "h.db", "--new-history")


@pytest.mark.parametrize(("rounds", "crowd"), [(1, 3), pytest.param(60, 6, marks=pytest.mark.slow)])
def test_runs_at_once_lose_and_double_nothing(commands, tmp_path, rounds, crowd):
    commands.warm(*SMALL["run"])
    folder, expected = lay_out(tmp_path / "together"), set()
    for number in range(rounds):
        seeds = [crowd * number + place for place in range(crowd - 1)]
        expected.update(seeds)
        # One of them is somebody's second attempt.
        for ended in commands.together(folder, *map(line, seeds), line(seeds[0])):
            assert ended.code == 0, ended.err
            said = [said for said in ended.err.splitlines() if not re.search(r": ([0-9]+%|about .*)$", said)]
            assert set(said) <= {"theory-check: waiting for another command that writes into r"}
        files = left(folder)
        nights, _ = files.pop("h.db")
        assert sorted(seed for _, seed, _ in nights) == sorted(expected)
        seed = json.loads((folder / "r" / "results.json").read_bytes())["seed"]
        assert seed in seeds
        assert f"--seed {seed}" in (folder / "r" / "REPORT.md").read_text()
        alone = lay_out(tmp_path / f"alone{number}")
        assert commands(alone, *line(seed)).code == 0
        report = left(alone)
        del report["h.db"]
        assert files == report
