"""Claims files with mistakes: exit code 2 and one line that says what and where, before anything is simulated."""

from __future__ import annotations

import pytest

from theory_check.cli import main
from theory_check.networks.additions import temporary_additions
from theory_check.simulation.execution import Simulation

#: A claim that is right, in lines that mistakes replace.
RIGHT = {
    "head": "import math\nimport theory_check as tc\nfrom theory_check import observables as ob",
    "helper": "def helper(samples):\n    return samples[0].column('log_norm_ratio')",
    "claim": "@tc.claim('X1')\ndef statement(profile):\n    'A statement.'",
    "network": "    deep = tc.network('linear', width=4, depth=8)",
    "law": "    law = tc.Normal(0.5, 1.0)",
    "estimator": "    found = tc.median(helper, law)",
    "check": "    margin = 0.4 * profile.precision\n"
    "    basis, wrong = tc.Basis('a limit'), {'drift 1.6': 1.6}\n"
    "    yield tc.check('m', deep, 'q', found, 0.4, margin=margin, basis=basis, wrong=wrong)",
}

#: What is replaced, by what, what the line on the standard error must say, and which line of the part is named.
MISTAKES = {
    "a typo in an attribute": ("check", RIGHT["check"].replace("precision", "precison"), "precison", 1),
    "an argument that is not there": ("network", "    deep = tc.network('linear', width=4, depht=8)", "depht", 1),
    "a width of zero": ("network", "    deep = tc.network('linear', width=0, depth=8)", "width is 0", 1),
    "an unknown branch": ("network", "    deep = tc.network('resnet', width=4, depth=8)", "resnet", 1),
    "an unknown law": ("network", "    deep = tc.network('linear', 'cauchy', width=4, depth=8)", "cauchy", 1),
    "a name that is not defined": ("law", "    law = Normal(0.5, 1.0)", "NameError: name 'Normal'", 1),
    "a column that is not there": ("helper", RIGHT["helper"].replace("log_norm_ratio", "log_ratio"), "log_ratio", None),
    "a column by name": ("estimator", "    found = tc.median('log_ratio', law)", "no column 'log_ratio'", None),
    "an index out of range": ("helper", RIGHT["helper"].replace("[0]", "[1]"), "IndexError", 2),
    "a list for an array": (
        "helper", RIGHT["helper"].replace("samples[0]", "list(samples[0]") + ")", "AttributeError", None,
    ),
    "a number for an array": ("helper", "def helper(samples):\n    return 1.0", "AttributeError", None),
    "text in an array": (
        "helper", "def helper(samples):\n    return samples[0].values['log_norm_ratio'].astype(str)", "X1/m", None,
    ),
    "a division by zero": ("law", "    law = tc.Normal(1 / 0, 1.0)", "ZeroDivisionError", 1),
    "no mistake that it must refute": ("check", RIGHT["check"].replace(", wrong=wrong", ""), "names no mistake", None),
    "a negative margin": ("check", RIGHT["check"].replace("0.4 *", "-0.4 *"), "margin", 3),
    "no target": ("check", "    yield tc.check('m', deep, 'q', tc.Mean(helper, 1.0), margin=0.1)", "target", 1),
    "no docstring": ("claim", "@tc.claim('X1')\ndef statement(profile):", "docstring", 1),
    "an id that is taken": ("claim", RIGHT["claim"].replace("X1", "E1"), "taken", None),
    "a file that is not there": ("helper", "TABLE = open('nowhere.csv')\n" + RIGHT["helper"], "nowhere.csv", 1),
    "an exit": ("network", "    raise SystemExit(1)", "SystemExit", 1),
    "a missing module": ("head", RIGHT["head"] + "\nimport nowhere", "ModuleNotFoundError", 4),
    "a syntax error": ("law", "    law = = 1", "SyntaxError", 1),
    "a law without a cdf": ("estimator", "    found = tc.Distance(helper, 3.0)", "functions cdf and quantile", 1),
    "a cdf that fails": (
        "law",
        "    class Law(tc.Normal):\n        def cdf(self, x):\n            return math.exp(x)\n    law = Law(0.5, 1.0)",
        "TypeError", 3,
    ),
    "a weight law that cannot be compiled": (
        "helper",
        "ONE = {'one': math.sqrt(3.0)}\n"
        "def draw(u, v, constants):\n    return ONE['one'] * (2.0 * u - 1.0)\n" + RIGHT["helper"],
        "ONE", None,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_additions():
    with temporary_additions():
        yield


def outcome(tmp_path, lines):
    path = tmp_path / "my_claims.py"
    path.write_text("\n".join(lines.values()) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["run", "--claims", str(path), "--threads", "1", "--out", str(tmp_path / "out")])
    return int(left.value.code or 0)


def test_the_claim_without_a_mistake_is_supported(tmp_path):
    assert outcome(tmp_path, RIGHT) in (0, 3)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_line_before_anything_is_simulated(mistake, tmp_path, capsys, monkeypatch):
    asked = []
    ask = Simulation.ask
    monkeypatch.setattr(
        Simulation, "ask", lambda self, requests: asked.append(requests := list(requests)) or ask(self, requests)
    )
    part, text, said, line = MISTAKES[mistake]
    lines = RIGHT | {part: text}
    if mistake == "a law without a cdf" or mistake == "a cdf that fails":
        lines["estimator"] = "    found = tc.Distance(helper, law)" if part == "law" else text
        lines["check"] = (
            "    wrong = {'no drift': tc.Normal(0.0, 1.0)}\n"
            "    yield tc.check('m', deep, 'q', found, margin=0.2 * profile.precision, wrong=wrong)"
        )
    if mistake == "a weight law that cannot be compiled":
        lines["claim"] = (
            "from theory_check.networks.weight_laws import WeightLaw\n"
            "mine = WeightLaw(name='mine', transform=draw, kurtosis=lambda _: 1.8)\n" + lines["claim"]
        )
        lines["network"] = "    deep = tc.network('linear', 'mine', width=4, depth=8)"
    assert outcome(tmp_path, lines) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith("theory-check: error: ")
    assert said in error
    if line is not None:
        before = list(RIGHT)[: list(RIGHT).index(part)]
        assert f"line {line + sum(len(lines[name].splitlines()) for name in before)}" in error
    # At most the few networks of the rehearsal.
    assert all(replicates <= 64 for requests in asked for _, replicates in requests)
