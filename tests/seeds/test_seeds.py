"""The count of false alarms over many seeds."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


def load_command():
    specification = importlib.util.spec_from_file_location("many_seeds", Path(__file__).with_name("__main__.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


seeds = load_command()


def run(seed, unsupported=None, unrefuted=None):
    return {"seed": seed, "points": 3, "unsupported": unsupported or {}, "unrefuted": unrefuted or {}}


@pytest.mark.parametrize(
    ("alarms", "kept"),
    # With 100 runs at 1e-3 each, P(N >= 1) = .095 and P(N >= 2) = .0046.
    [(0, True), (1, True), (2, False)],
)
def test_two_alarms_in_a_hundred_runs_are_too_many(alarms, kept):
    runs = [run(seed, {"E1/a": "refuted", "E1/b": "refuted"} if seed < alarms else None) for seed in range(100)]
    text, found = seeds.table(runs)
    assert found is kept
    assert ("E1/a refuted: 1" in text) is (alarms == 1)


def test_a_mistake_that_is_supported_is_a_failure():
    text, kept = seeds.table([run(1, unrefuted={"E1/a: 1% larger": "supported"})])
    assert not kept
    assert "named mistakes supported 1" in text


def test_a_repeated_command_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    asked = []

    def verify(claims, *, seed, **others):
        asked.append(seed)
        return seed

    monkeypatch.setattr(seeds, "verify", verify)
    monkeypatch.setattr(seeds, "summarise", run)
    for count in ("2", "3"):
        monkeypatch.setattr("sys.argv", ["seeds", "E4", "--seeds", count, "--history", str(tmp_path / "s.jsonl")])
        assert seeds.main() == 0
    assert asked == [seeds.BEFORE_FIRST + place for place in (1, 2, 3)]
    assert "3 runs" in capsys.readouterr().out
