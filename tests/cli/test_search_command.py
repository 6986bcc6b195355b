from __future__ import annotations

import shlex

import pytest
from command_line import names

from theory_check.reporting.searches import read_searches

CLAIMS = """
import theory_check as tc
from hypothesis import strategies as st
from theory_check.claims import Domain

def networks():
    return st.integers(1, 8).map(lambda width: tc.network("linear", width=width, depth=4, kernel="dense"))

def build(deep, precision):
    target = 1.25**4 if deep.network.width < TRUE_BELOW else 1.25**5
    yield tc.check("growth", deep, "E R", tc.Mean(tc.observables.NORM_RATIO, 40.0), target, margin=0.1 * precision)

@tc.claim("X1", domain=Domain(networks=networks, build=build))
def growth(profile):
    "The mean of R is (1 + 1/L)^L."
    yield from build(tc.network("linear", width=2, depth=4), 1.0)
"""


@pytest.fixture
def claims(tmp_path):
    def write(true_below):
        (tmp_path / "own.py").write_text(CLAIMS.replace("TRUE_BELOW", str(true_below)))
        return "own.py"

    return write


def test_no_counterexample(command, claims, tmp_path):
    code, out, _ = command("search", "X1", "--claims", claims(100), "--examples", 8, "--threads", 1, "--out", "s.png")
    assert code == 0
    assert out[-1] == "X1: no counterexample in 8 networks"
    assert out[-2].startswith("strongest evidence, in exploration: 10^")
    assert "picture: s.png" in out
    assert (tmp_path / "s.png").stat().st_size > 1000
    assert any(line.split() == ["critical", "8"] for line in out)


def test_what_was_found_is_kept_beside_a_report(command, claims, tmp_path):
    arguments = ("search", "X1", "--claims", claims(100), "--examples", 4, "--threads", 1, "--report", "r")
    code, out, _ = command(*arguments)
    assert code == 0
    assert "kept: r/searches/X1.json" in out
    [kept] = read_searches(tmp_path / "r", ["X1"])["X1"]
    assert (kept.drawn, kept.strata, kept.counterexamples) == (4, {"critical": 4, "linear": 4} | kept.strata, ())
    assert {"figures/search-X1.png", "figures/dark/search-X1.png"} <= set(names(tmp_path / "r"))


def test_a_cluster_gives_what_threads_give(command, claims, cluster_of_threads):
    arguments = ("search", "X1", "--claims", claims(100), "--examples", 4)
    code, out, _ = command(*arguments, "--threads", 1)
    assert command(*arguments, "--cluster", "local", "--threads", 2, "--share", "units")[:2] == (code, out)
    assert [(where, workers, share) for where, workers, share, _ in cluster_of_threads] == [("local", 2, "units")]
    assert cluster_of_threads[0][3] is not None, "definitions of the user's are known on the workers"
    code, _, err = command(*arguments, "--share", "units")
    assert (code, err) == (2, ["theory-check: error: --share: it is for the workers of a cluster; give --cluster too"])


def test_a_check_without_its_network_is_refused(refusal):
    line = refusal("search", "E4", "--check", "law")
    assert line == "theory-check: error: --check: give the network to judge, --network TEXT, as a search printed it"


def test_an_interrupted_search_says_so_in_one_line(command, claims, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("theory_check.verification.search.search", interrupted)
    code, out, err = command("search", "X1", "--claims", claims(100), "--threads", 2)
    assert (code, out) == (130, [])
    assert err[-1] == "theory-check: interrupted; a search keeps nothing, --minutes ends it with its results"
    assert not [line for line in err if "Traceback" in line]


def test_a_counterexample_and_the_commands_that_repeat_it(command, claims, capsys):
    code, out, _ = command("search", "X1", "--claims", claims(3), "--examples", 30)
    assert code == 1
    assert "counterexample" in out
    assert "  network   linear, width 3, depth 4, beta 0.5, gaussian weights, gaussian input" in out
    (repeat,) = (line.removeprefix("  repeat    theory-check ") for line in out if "  repeat  " in line)
    estimate = next(line for line in out if line.startswith("  estimate"))
    code, again, _ = command(*shlex.split(repeat))
    assert code == 1
    assert estimate in again
    assert again[-1] == "  verdict   refuted"
    lines = "\n".join(out[out.index("from pathlib import Path") :])
    exec(lines, {})
    assert "verdict='refuted'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("E99",), "unknown claim 'E99'"),
        (("N7",), "claim N7 states no domain"),
        (("E1", "--everywhere"), "claim E1 has no wider statement"),
        (("E1", "--examples", "0"), "number of examples is 0"),
        (("E1", "--minutes", "-1"), "minutes must be at least 0.001, got -1"),
        (("E1", "--level", "2"), "level"),
        (("E1", "--network", "Cell {}"), "name the check to judge"),
    ],
    ids=str,
)
def test_bad_input(refusal, arguments, message):
    assert message in refusal("search", *arguments)


def test_show_tells_the_domain(command):
    code, out, _ = command("show", "E3")
    assert code == 0
    assert "Domain: theory-check search E3 draws networks such that" in out
    assert "  the weights are Gaussian and independent" in out


def test_the_search_of_an_own_claim_is_named_with_its_file(command, claims, tmp_path):
    file = tmp_path / claims(3)
    file.write_text(file.read_text().replace("margin=0.1 * precision", 'margin=0.1 * precision, wrong={"no": 1.0}'))
    _, out, _ = command("show", "X1", "--claims", "own.py")
    assert "Domain: theory-check search X1 --claims own.py draws networks such that" in out
