from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reporting.example_record import make_record

import theory_check
from theory_check import runner, verification
from theory_check.archive import read_sample
from theory_check.claims.model import PROFILES, plan_claim
from theory_check.cli import main
from theory_check.history import claim_version, new_history, write_history
from theory_check.inference.nights import ClaimNight, Night
from theory_check.map_archive import read_map
from theory_check.phase_map import run_map
from theory_check.reporting.results import load_results
from theory_check.simulation import simulate
from theory_check.verification import Outcome, exit_code, find_claim

SEED = "5"


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


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


SMALL = ("simulate", "--width", 3, "--depth", 4, "--replicates", 70, "--seed", SEED, "--out", "s.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--beta", "nan"), "beta is nan; it must be a finite number"),
        (("--beta", "half"), "'half' is not a valid float"),
        (("--beta", "-600"), "L^-beta is not a number at depth 4"),
        (("--depth", 0), "depth is 0; it must be a whole number from 1 to 100000000"),
        (("--width", -3), "width is -3; it must be a whole number from 1 to 10000"),
        (("--width", "2.5"), "'2.5' is not a valid integer"),
        (("--replicates", 10**12), "number of replicates is 1000000000000; it must be a whole number from 1 to"),
        (("--weights", "unifrom"), "unknown weight law 'unifrom'"),
        (("--weights", "student:df=-1"), "df of student weights is -1; it must be between"),
        (("--weights", "student:"), "is not of the form NAME or NAME:key=value,key=value"),
        (("--kernel", "reduced", "--weights", "uniform"), "the reduced kernel needs gaussian weights and at most 32"),
        (("--scale", "0.1", "--beta", "0.5"), "give beta or a scale, not both"),
        (("--scale", "0.1,0.2"), "2 values for depth 4"),
        (("--activation", "selu"), "unknown activation 'selu'"),
        (("--branch", "res-9"), "unknown branch 'res-9'; accepted: linear, res-1, res-2, res-3"),
        (("--input", "cubic"), "unknown input 'cubic'"),
        (("--inputs", 0), "number of inputs is 0"),
        (("--input", "correlated:cosine=0.3"), "correlated inputs are at least 2, not 1"),
        (("--jacobian", "--kernel", "reduced"), "the Jacobian needs every weight; use the dense kernel"),
        (("--jacobian", "--width", 101), "the Jacobian accepts widths up to 100"),
        (("--profile-depths", "9"), "profile depth is 9; it must be a whole number from 0 to 4"),
        (("--seed", -1), "seed is -1; it must be a whole number from 0 to 2^64 - 1"),
        (("--seed", 2**64), "seed is 18446744073709551616"),
        (("--threads", 0), "number of threads is 0"),
        (("--memory", 0), "memory in MiB is 0; it must be a whole number from 1 to"),
        (("--kernel", "dense", "--weights", "fgn"), "the dense kernel does not take fgn weights; use stored"),
        (("--weights", "fgn:hurst=1"), "hurst of fgn weights is 1; it must be between 0 and 1"),
        (("--out", "missing/s.npz"), "--out missing/s.npz: give the path of a file in an existing folder"),
        (("--out", "."), "give the path of a file in an existing folder"),
        (("--nope",), "No such option"),
    ],
    ids=str,
)
def test_bad_input_of_simulate(command, tmp_path, arguments, message):
    code, out, err = command(*SMALL, *arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith("theory-check: error: ")
    assert message in err[0]
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "E99"), "unknown claim 'E99'; accepted: "),
        (("run", "E8", "--profile", "fast"), "unknown profile 'fast'; accepted: quick, standard, nightly"),
        (("run", "E8", "--seed", "-1"), "seed is -1"),
        (("run", "E8", "--threads", "0"), "number of threads is 0"),
        (
            ("run", "E8", "--budget", "soon"),
            "budget is 'soon'; it must be a positive duration such as 90s",
        ),
        (("run", "--nope"), "No such option"),
        (("run", "E8", "--history", "."), "File '.' is a directory"),
        (("history",), "cannot read reports/history.json: no such file or directory"),
        (("show", "E99"), "unknown claim 'E99'"),
        (("show",), "Missing argument 'CLAIM'"),
        (("show", "E8", "--profile", "fast"), "unknown profile 'fast'"),
        (("list", "--regime", "chaos"), "unknown regime 'chaos'"),
        (("simulate",), "Missing option '--out'"),
        (("map",), "Missing option '--out'"),
        (("map", "--out", "map.png"), "give the path of a file in an existing folder, not of a picture"),
        (("map", "--out", "m.npz", "--process", "unifrom"), "unknown process 'unifrom'; accepted: fgn, "),
        (("map", "--out", "m.npz", "--betas", "0:1"), "betas '0:1' must be FIRST:LAST:COUNT or numbers"),
        (("map", "--out", "m.npz", "--parameters", "0.5:1:3"), "hurst of fgn weights is 1; it must be between 0 and 1"),
        (("map", "--out", "m.npz", "--memory", "0"), "memory in MiB is 0"),
        (("explode",), "No such command 'explode'"),
    ],
    ids=str,
)
def test_bad_input_elsewhere(command, tmp_path, arguments, message):
    code, out, err = command(*arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert message in err[0]
    assert names(tmp_path) == []


@pytest.mark.parametrize("arguments", [("run", "E8", "--out", "file/below"), (*SMALL[:-1], "file/s.npz")], ids=str)
def test_a_folder_below_a_file(command, tmp_path, arguments):
    (tmp_path / "file").write_text("mine")
    code, out, err = command(*arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith("theory-check: error: ")
    assert names(tmp_path) == ["file"]


def test_no_command_shows_the_help(command):
    _, out, err = command()
    text = "\n".join(out + err)
    assert "Commands:" in text.splitlines() or "  simulate" in text  # laid out in lines, not squeezed into one
    assert len(text.splitlines()) > 5


@pytest.mark.parametrize("arguments", [("--help",), ("run", "-h"), ("simulate", "--help")], ids=str)
def test_help(command, arguments):
    code, out, err = command(*arguments)
    assert (code, err) == (0, [])
    assert out[0].startswith("Usage: theory-check")


def test_version(command):
    assert command("--version") == (0, [f"theory-check, version {theory_check.__version__}"], [])


def test_simulate_writes_the_documented_arrays(command, tmp_path):
    code, out, err = command(*SMALL)
    assert code == 0
    assert out[-1] == "written: s.npz"
    assert all(line.startswith("theory-check simulate, 70 replicates: ") for line in err)
    assert names(tmp_path) == ["s.npz"]
    with np.load("s.npz", allow_pickle=False) as stored:
        for name in ("log_norm_ratio", "displacement", "log_gradient_ratio", "gradient_displacement"):
            assert stored[name].shape == (70,)
        spec = json.loads(str(stored["spec"]))
    assert (spec["seed"], spec["cell"]["network"]["width"], spec["cell"]["kernel"]) == (5, 3, "reduced")
    sample = read_sample(tmp_path / "s.npz")
    for name, column in simulate(sample.cell, 5).values.items():
        np.testing.assert_array_equal(sample.values[name], column)


def test_options_of_simulate_reach_the_cell(command, tmp_path):
    code, _, _ = command(
        *SMALL, "--no-gradients", "--weights", "sparse:density=0.5,variance=he", "--input", "paper", "--inputs", 2,
        "--profile-depths", "1,4", "--branch", "res-2", "--activation", "leaky:slope=0.1", "--scale", "0.5",
    )  # fmt: skip
    assert code == 0
    sample = read_sample(tmp_path / "s.npz")
    assert str(sample.cell.weights) == "sparse:density=0.5,variance=he"
    assert (sample.cell.input.name, sample.cell.input.count) == ("paper", 2)
    assert sample.values["norm_profile"].shape == (70, 2, 2)
    assert not any("gradient" in name for name in sample.values)


def test_simulate_correlated_inputs_and_jacobians(command, tmp_path):
    code, lines, _ = command(
        *SMALL, "--input", "correlated:cosine=0.3", "--inputs", 2, "--jacobian", "--profile-depths", "0,4"
    )
    assert code == 0
    assert sum("log_singular_value" in line for line in lines) == 2
    sample = read_sample(tmp_path / "s.npz")
    assert (sample.cell.input.spelling, sample.cell.jacobian) == ("correlated:cosine=0.3", True)
    assert sample.values["log_singular_values"].shape == (70, 2, 3)
    # Sums of three products in double precision.
    np.testing.assert_allclose(sample.values["cosine_profile"][:, 1, 0], 0.3, rtol=0, atol=20 * 2.0**-52)


def test_the_same_seed_gives_the_same_bytes(command, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "UNIT_DRAWS", 1)
    for threads in (1, 2):
        assert command(*SMALL, "--threads", threads, "--out", f"{threads}.npz")[0] == 0
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    command(*SMALL, "--seed", 6, "--out", "other.npz")
    assert (tmp_path / "1.npz").read_bytes() != (tmp_path / "other.npz").read_bytes()


def test_overflows_are_warned_of(command):
    code, _, err = command(*SMALL, "--weights", "uniform", "--activation", "tanh", "--scale", "1e308")
    assert code == 0
    warnings = [line for line in err if "warning" in line]
    assert len(warnings) == 1
    assert "70 of 70 replicates left the range of double precision" in warnings[0]


def test_an_interrupt_keeps_what_is_finished(command, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "UNIT_DRAWS", 1)
    save = runner.UnitStore.save

    def save_and_interrupt(store, *arguments):
        save(store, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner.UnitStore, "save", save_and_interrupt)
        code, out, err = command(*SMALL, "--threads", 1)
    assert (code, out) == (130, [])
    assert err[-1].startswith("theory-check: interrupted")
    assert len(names(tmp_path)) == 2  # the folder of parts and one part
    assert command(*SMALL, "--threads", 1)[0] == 0
    assert names(tmp_path) == ["s.npz"]
    sample = read_sample(tmp_path / "s.npz")
    expected = simulate(sample.cell, 5).values["log_norm_ratio"]
    np.testing.assert_array_equal(sample.values["log_norm_ratio"], expected)


def test_an_interrupted_run_exits_with_130(command, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(verification, "run_cells", interrupted)
    code, _, err = command("run", "E8")
    assert code == 130
    assert "the same command continues" in err[-1]


def test_run_writes_a_report_that_loads(command, tmp_path):
    code, out, _ = command("run", "E8", "--out", "reports", "--threads", 1)
    assert code == 0
    assert out[-1] == "report: reports/REPORT.md"
    written = names(tmp_path / "reports")
    assert {"REPORT.md", "results.json", "figures"} <= set(written)
    assert not any(".resume" in name or name.endswith((".tmp", ".npz")) for name in written)
    record = load_results(tmp_path / "reports" / "results.json")
    assert [claim.id for claim in record.claims] == ["E8"]
    assert (record.verdict, record.profile, record.seed) == ("supported", "quick", 0)
    assert exit_code(record) == 0
    # The last finding is shown with the claim.
    code, out, _ = command("show", "E8")
    assert code == 0
    assert any(line.startswith("Last finding") for line in out)


def test_a_plan_beyond_its_budget_is_a_usage_error(command, tmp_path):
    code, out, err = command("run", "E3", "--budget", "0.001s")
    assert (code, out) == (2, [])
    assert err[0].startswith("theory-check: error: the plan needs about ")
    assert "its budget is 0.001 s" in err[0]
    assert all(line.startswith("  E3/") for line in err[1:])
    assert len(err) == 3
    assert names(tmp_path) == []


def test_a_history_grows_refuses_a_seed_twice_and_can_be_shown(command, tmp_path, monkeypatch):
    again = ("run", "E8", "--out", "out", "--history", "nights/h.json", "--threads", 1)
    code, out, _ = command(*again, "--seed", 1)
    assert (code, out[-1]) == (0, "history: nights/h.json")
    assert out[-2].startswith("night 1 of the history: smallest p-value 1 (E8)")
    assert command(*again, "--seed", 2)[1][-2].startswith("night 2 of the history")
    kept = (tmp_path / "nights" / "h.json").read_bytes()
    # Refused before anything is simulated, and with the file as it was.
    with monkeypatch.context() as patch:
        patch.setattr(verification, "run_cells", None)
        for options, message in (
            (("--seed", 1), "seed 1 is in the history already, as night 1"),
            (("--seed", 3, "--profile", "standard"), "the history is one of profile quick"),
        ):
            code, out, err = command(*again, *options)
            assert (code, out, len(err)) == (2, [], 1)
            assert message in err[0]
    assert (tmp_path / "nights" / "h.json").read_bytes() == kept
    code, out, err = command("history", "--history", "nights/h.json", "--out", "h.png")
    assert (code, err) == (0, [])
    row = next(line.split() for line in out if line.startswith("E8 "))
    assert (row[2], row[-1]) == ("2", "supported")
    assert out[-1] == "picture: h.png"
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")


def test_a_claim_that_the_nights_refute_is_refuted_whatever_this_run_says(command, tmp_path):
    # No night's evidence refutes by itself; four together do, and this run's own finding is supported.
    version = claim_version(plan_claim(find_claim("E8"), PROFILES["quick"]))
    history = new_history("quick")
    nights = tuple(Night(seed, "2026-01-01T00:00:00+00:00", {"E8": ClaimNight(version, 6.0)}) for seed in range(1, 5))
    write_history(tmp_path / "h.json", replace(history, nights=nights))
    code, out, _ = command("run", "E8", "--history", "h.json", "--seed", 9, "--threads", 1)
    assert load_results(tmp_path / "reports" / "results.json").verdict == "supported"
    assert code == 1
    assert "refuted by the nights together: E8" in out


def test_a_night_alone_does_not_refute_for_the_life_of_a_history(command, monkeypatch):
    monkeypatch.setattr(verification, "exit_code", lambda _record: 1)
    assert command("run", "E8", "--seed", 9, "--threads", 1)[0] == 1
    code, out, _ = command("run", "E8", "--history", "h.json", "--seed", 9, "--threads", 1)
    assert code == 3
    assert "refuted by this night alone, not by the nights together" in out


def test_a_damaged_history_is_neither_used_nor_replaced(command, tmp_path):
    (tmp_path / "h.json").write_text('{"schema_version": 1')
    code, out, err = command("run", "E8", "--history", "h.json")
    assert (code, out, len(err)) == (2, [], 1)
    assert "h.json: not a history of theory-check" in err[0]
    assert (tmp_path / "h.json").read_text() == '{"schema_version": 1'


def test_list_has_a_row_for_every_claim(command):
    from theory_check.claims.catalogue import REGIMES, all_claims

    code, out, err = command("list")
    assert (code, err) == (0, [])
    first = [line.split()[0] for line in out if line and not line.startswith(" ")]
    assert first[0] == "id"
    assert first[1:] == [claim.id for claim in all_claims()]
    regime = REGIMES[-1]
    _, out, _ = command("list", "--regime", regime.name)
    assert [line.split()[0] for line in out[1:] if not line.startswith(" ")] == [claim.id for claim in regime.claims]


def test_show_has_every_part_of_a_claim(command):
    code, out, err = command("show", "P4")
    assert (code, err) == (0, [])
    for part in (
        "P4: ",
        "Statement: ",
        "Formula: ",
        "Hypotheses: ",
        "Derivation: ",
        "Source: ",
        "Checks at profile quick",
    ):
        assert any(line.startswith(part) for line in out)
    for part in ("network ", "quantity ", "target ", "margin ", "must refute "):
        assert any(line.strip().startswith(part) for line in out)


def with_verdict(verdict):
    """An example record in which every finding has this verdict."""
    record = make_record(only_supported=True)
    regimes = []
    for regime in record.regimes:
        claims = tuple(
            replace(claim, findings=tuple(replace(finding, verdict=verdict) for finding in claim.findings))
            for claim in regime.claims
        )
        regimes.append(replace(regime, claims=claims))
    return replace(record, regimes=tuple(regimes))


@pytest.mark.parametrize(("verdict", "code"), [("supported", 0), ("refuted", 1), ("inconclusive", 3)])
def test_run_exits_with_the_verdict(command, monkeypatch, verdict, code):
    record = with_verdict(verdict)
    assert record.verdict == verdict
    assert exit_code(record) == code
    monkeypatch.setattr(verification, "examine", lambda *arguments, **options: Outcome(None, {}, record))
    assert command("run")[0] == code


def test_one_refuted_claim_is_enough():
    assert exit_code(make_record()) == 1


def python(*arguments, folder):
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "theory_check", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_as_a_module(tmp_path):
    done = python("simulate", "--width", "2", "--depth", "2", "--replicates", "3", "--out", "s.npz", folder=tmp_path)
    assert (done.returncode, names(tmp_path)) == (0, ["s.npz"])
    assert "warning" not in done.stderr.lower()
    failed = python("simulate", "--depth", "0", "--out", "t.npz", folder=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "theory-check: error: depth is 0; it must be a whole number from 1 to 100000000\n"
    assert names(tmp_path) == ["s.npz"]


@pytest.mark.parametrize("weights", ["fgn:hurst=0.7", "smooth:length=0.1", "tied"])
def test_simulate_with_weights_that_are_tied_across_layers(command, weights):
    code, _, _ = command(*SMALL, "--weights", weights, "--profile-depths", "2,4", "--inputs", 2)
    assert code == 0
    sample = read_sample(Path("s.npz"))
    assert sample.cell.kernel == "stored"
    assert str(sample.cell.weights) in (weights, weights.partition(":")[0])
    expected = simulate(sample.cell, int(SEED)).values
    assert set(expected) == set(sample.values)
    for name, column in expected.items():
        np.testing.assert_array_equal(sample.values[name], column)
    first = Path("s.npz").read_bytes()
    assert command(*SMALL, "--weights", weights, "--profile-depths", "2,4", "--inputs", 2, "--memory", 1)[0] == 0
    assert Path("s.npz").read_bytes() == first


TINY_MAP = (
    "map", "--width", 2, "--depth", 3, "--parameters", "0.2:0.8:3", "--betas", "0,0.5,1", "--draws", 2, "--inputs", 2,
    "--seed", SEED, "--out", "m.npz",
)  # fmt: skip


def test_map_writes_arrays_and_a_picture(command, tmp_path):
    code, out, err = command(*TINY_MAP)
    assert code == 0
    assert out[0].startswith("3 values of hurst, 3 of beta, 2 draws x 2 inputs: ")
    assert out[1:] == ["written: m.npz", "written: m.png"]
    assert all(line.startswith("theory-check map, 3 x 3 points: ") for line in err)
    assert names(tmp_path) == ["m.npz", "m.png"]
    found = read_map(Path("m.npz"))
    expected = run_map(found.specification, int(SEED))
    for name, column in expected.values.items():
        np.testing.assert_array_equal(found.values[name], column)
    assert command(*TINY_MAP, "--no-gradients")[0] == 0
    assert sorted(read_map(Path("m.npz")).values) == ["log_displacement", "log_norm_ratio"]


def test_an_interrupted_map_goes_on(command, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "UNIT_DRAWS", 1)
    saved, save = [], runner.UnitStore.save

    def interrupted(store, *result):
        save(store, *result)
        saved.append(1)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner.UnitStore, "save", interrupted)
    code, _, err = command(*TINY_MAP, "--threads", 1)
    assert code == 130
    assert err[-1] == "theory-check: interrupted; finished parts are kept, the same command continues"
    assert len(names(tmp_path)) == 3
    assert command(*TINY_MAP)[0] == 0
    # Three values with two draws each, of which two were kept.
    assert len(saved) == 6
    assert names(tmp_path) == ["m.npz", "m.png"]
