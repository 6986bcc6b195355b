from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest
from command_line import names

from reports import without_run_block
from theory_check.calibration import execution, promises, trials
from theory_check.calibration.fixed_samples import reject_distance
from theory_check.calibration.methods import METHODS
from theory_check.calibration.trials import Profile


@pytest.fixture
def command(command, monkeypatch):
    """Run ``calibrate`` with few repetitions."""
    # Enough to tell the negative controls of two methods from their promise: the nearest is a rate of misses of 4%
    # against 1%, whose count in 2000 exceeds the promised one by 13 standard deviations.
    monkeypatch.setitem(trials.PROFILES, "quick", Profile("quick", 1500, 2000, (0.05,)))
    return partial(command, "calibrate")


def test_two_methods_are_calibrated(command, tmp_path):
    code, out, err = command("proportion", "equivalence", "--seed", 2, "--threads", 1)
    assert code == 0
    assert out[-1] == "report: reports/latest/CALIBRATION.md"
    assert [line.split()[:2] for line in out[:2]] == [["kept", "proportion"], ["kept", "equivalence"]]
    assert err[-1] == "theory-check calibrate, profile quick, seed 2: 100%"
    written = ["CALIBRATION.md", "calibration.json", "figures", "figures/calibration.png"]
    assert names(tmp_path / "reports" / "latest") == written
    record = json.loads((tmp_path / "reports" / "latest" / "calibration.json").read_bytes())
    assert (record["selection"], record["seed"], record["outcome"]) == (["proportion", "equivalence"], 2, "kept")
    # The same samples with two processes: the same files but for the circumstances.
    assert command("proportion", "equivalence", "--seed", 2, "--threads", 2, "--out", "again")[0] == 0
    first, second = (tmp_path / folder for folder in ("reports/latest", "again"))
    texts = [(folder / "CALIBRATION.md").read_text(encoding="utf-8") for folder in (first, second)]
    assert without_run_block(texts[0]) == without_run_block(texts[1])
    values = [json.loads((folder / "calibration.json").read_bytes()) for folder in (first, second)]
    assert [v.pop("run")["threads"] for v in values] == [1, 2]
    assert values[0] == values[1]
    pictures = [(folder / "figures" / "calibration.png").read_bytes() for folder in (first, second)]
    assert pictures[0] == pictures[1]


def test_a_cluster_gives_the_counts_of_processes(command, tmp_path, cluster_of_threads):
    assert command("proportion", "--threads", 1, "--out", "here")[0] == 0
    assert command("proportion", "--cluster", "local", "--threads", 2, "--out", "there")[0] == 0
    assert [(where, workers) for where, workers, *_ in cluster_of_threads] == [("local", 2)]
    first, second = (json.loads((tmp_path / folder / "calibration.json").read_bytes()) for folder in ("here", "there"))
    assert [first.pop("run")["threads"], second.pop("run")["threads"]] == [1, 2]
    assert first == second


def with_distance(monkeypatch, **changes):
    """Make the catalogue hold the method of the distance alone, changed."""
    method = next(method for method in METHODS if method.name == "distance")
    monkeypatch.setattr(promises, "METHODS", (replace(method, **changes),))


def test_a_broken_promise_exits_with_1(command, monkeypatch):
    method = next(method for method in METHODS if method.name == "distance")
    twice = tuple(replace(case, reject=partial(reject_distance, 0.0, 2.0)) for case in method.nulls[:1])
    with_distance(monkeypatch, nulls=twice)
    code, out, _ = command("--threads", 1)
    assert code == 1
    assert any(line.startswith("promise refuted  distance: ") for line in out)


def test_a_control_that_is_not_found_out_exits_with_3(command, monkeypatch):
    method = next(method for method in METHODS if method.name == "distance")
    sound = replace(method.nulls[0], sense="at most", procedure="sound", levels=(0.05,))
    with_distance(monkeypatch, controls=(sound,))
    code, out, _ = command("--threads", 1)
    assert code == 3
    assert any(line.startswith("control not refuted  distance: sound") for line in out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("maen",), "unknown method 'maen'; accepted: mean,"),
        (("--profile", "fast"), "unknown profile 'fast'; accepted: quick, nightly"),
        (("--seed", "-1"), "seed is -1"),
        (("--threads", "0"), "number of threads is 0"),
        (("--nope",), "No such option"),
    ],
    ids=str,
)
def test_bad_input(refusal, arguments, message):
    assert message in refusal(*arguments)


def test_a_folder_below_a_file(command, tmp_path):
    (tmp_path / "file").write_text("mine")
    code, out, err = command("proportion", "--out", "file/below")
    assert (code, out, len(err)) == (74, [], 1)
    assert names(tmp_path) == ["file"]


def test_an_interrupt_exits_with_130_and_the_same_command_continues(command, monkeypatch, tmp_path):
    judge, judged = execution.count_rejections, []

    def interrupted(unit):
        if len(judged) == 3:
            raise KeyboardInterrupt
        judged.append(unit)
        return judge(unit)

    monkeypatch.setattr(execution, "count_rejections", interrupted)
    code, out, err = command("proportion", "--threads", 1)
    assert (code, out) == (130, [])
    assert err[-1] == "theory-check: interrupted; finished parts are kept, the same command continues"
    assert len(list((tmp_path / "reports/latest/.calibration.resume").iterdir())) == 3

    first = list(judged)
    judged[:] = [None] * 4
    assert command("proportion", "--threads", 1)[0] == 0
    assert not set(judged[4:]) & set(first)
    assert names(tmp_path / "reports" / "latest") == [
        "CALIBRATION.md", "calibration.json", "figures", "figures/calibration.png"
    ]  # fmt: skip
    assert command("proportion", "--threads", 1, "--out", "whole")[0] == 0
    found, whole = (json.loads((tmp_path / f"{n}/calibration.json").read_bytes()) for n in ("reports/latest", "whole"))
    assert found["methods"] == whole["methods"]
