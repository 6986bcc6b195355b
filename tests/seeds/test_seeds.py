"""The count of false alarms over many seeds."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest


def load_command():
    specification = importlib.util.spec_from_file_location("many_seeds", Path(__file__).with_name("__main__.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


seeds = load_command()


def run(unsupported=None, unrefuted=None):
    return {"points": 3, "unsupported": unsupported or {}, "unrefuted": unrefuted or {}}


@pytest.mark.parametrize(
    ("alarms", "kept"),
    # With 100 runs at 1e-3 each, P(N >= 1) = .095 and P(N >= 2) = .0046.
    [(0, True), (1, True), (2, False)],
)
def test_two_alarms_in_a_hundred_runs_are_too_many(alarms, kept):
    runs = [run({"E1/a": "refuted", "E1/b": "refuted"} if seed < alarms else None) for seed in range(100)]
    text, found = seeds.table(runs)
    assert found is kept
    assert ("E1/a refuted: 1" in text) is (alarms == 1)


def test_a_mistake_that_is_supported_is_a_failure():
    text, kept = seeds.table([run(unrefuted={"E1/a: 1% larger": "supported"})])
    assert not kept
    assert "named mistakes supported 1" in text


@pytest.fixture
def command(tmp_path, monkeypatch):
    """A function that runs the command for some claims, as versions say, and returns what it simulates."""

    def start(count, **versions):
        asked = []

        def verify(claims, *, seed, **others):
            asked.append((seed - seeds.BEFORE_FIRST, *claims))
            return claims

        monkeypatch.setattr(seeds, "verify", verify)
        monkeypatch.setattr(seeds, "summarise", lambda claims: {claim: run() for claim in claims})
        monkeypatch.setattr(seeds, "versions_of", lambda plan: versions)
        monkeypatch.setattr("sys.argv", ["seeds", "E4", "--seeds", str(count), "--history", str(tmp_path / "s.jsonl")])
        assert seeds.main() == 0
        return asked

    return start


def test_a_repeated_command_goes_on_where_it_stopped(command, capsys):
    assert command(2, E4="a") == [(1, "E4"), (2, "E4")]
    assert command(3, E4="a") == [(3, "E4")]
    assert "3 runs of 3 points" in capsys.readouterr().out


def test_seeds_with_one_result_share_a_line(tmp_path):
    alarm = run({"E4/a": "refuted"})
    results = {("quick", "E4", "a", seed): alarm if seed == 2 else run() for seed in (3, 1, 2)}
    seeds.save(tmp_path / "reports" / "s.jsonl", results)
    assert seeds.load(tmp_path / "reports" / "s.jsonl") == results
    lines = [json.loads(line) for line in (tmp_path / "reports" / "s.jsonl").read_text().splitlines()]
    assert [line["seeds"] for line in lines] == [[1, 3], [2]]


def test_only_claims_of_a_new_version_run_again(command, capsys):
    command(1, E4="a", E5="a")
    assert command(1, E4="a", E5="b") == [(1, "E5")]
    assert "1 runs of 6 points" in capsys.readouterr().out
