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
        "helper", RIGHT["helper"].replace("samples[0]", "list(samples[0]") + ")", "gives list", None,
    ),
    "a number for an array": ("helper", "def helper(samples):\n    return 1.0", "gives float", None),
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


CLAIM, CHECK, COLUMN = RIGHT["claim"], RIGHT["check"], "samples[0].column('log_norm_ratio')"


def checked(old, new):
    return {"check": CHECK.replace(old, new)}


def observed(text, head="def helper(samples):\n    "):
    return {"helper": head + text}


def judged(estimator, rest):
    return {"estimator": f"    found = {estimator}", "check": f"    yield tc.check('m', deep, 'q', found, {rest})"}


#: Parts that are replaced, what the line must say, and which line of the file it must name.
KINDS = {
    # What a claim is made of and gives back.
    "a number for checks": ({"check": "    return 1.0"}, "it gives float 1.0", 6),
    "nothing for checks": ({"check": "    pass"}, "it gives NoneType None", 6),
    "text for checks": ({"check": "    return 'm'"}, "it gives str 'm'", 6),
    "a list within the checks": ({"check": CHECK.replace("yield ", "yield [") + "]"}, "it gives list", 6),
    "no check at all": ({"check": "    if False:\n        yield None"}, "checks of different names", 6),
    "a name twice": ({"check": CHECK + "\n" + CHECK.splitlines()[2]}, "not ['m', 'm']", 6),
    "a decorator without an id": ({"claim": CLAIM.replace("('X1')", "")}, "has the id <function", 6),
    "an id that is a number": ({"claim": CLAIM.replace("'X1'", "1")}, "has the id 1", 6),
    "a class for a function": (
        {"claim": "@tc.claim('X1')\nclass Statement:\n  'A statement.'\n  def checks(self, profile):"},
        "plain function of a profile", 6,
    ),
    "a coroutine": ({"claim": CLAIM.replace("def ", "async def ")}, "plain function of a profile", 6),
    "no profile": ({"claim": CLAIM.replace("(profile)", "()")}, "must take a profile alone", 6),
    "a profile that is changed": ({"network": "    profile.depth = 3\n" + RIGHT["network"]}, "FrozenInstanceError", 9),
    "remarks that are no tuple": ({"claim": CLAIM.replace("'X1'", "'X1', remarks='why'")}, "remarks is 'why'", 6),
    "a correction that is text": ({"claim": CLAIM.replace("'X1'", "'X1', corrections=('a',)")}, "a Correction", 6),
    "a title that is a number": ({"claim": CLAIM.replace("'X1'", "'X1', title=3")}, "title is 3", 6),
    "a claim that is none sharpened": (
        {"claim": CLAIM.replace("'X1'", "'X1', sharpens=('E999',)")}, "that X1 sharpens 'E999'", 6,
    ),
    # What a check is made of.
    "a target that is NaN": (checked(" 0.4,", " math.nan,"), "must be a real number, got NaN", 14),
    "a target that is infinite": (checked(" 0.4,", " math.inf,"), "its target is inf", 14),
    "a target that is text": (checked(" 0.4,", " '0.4',"), "got '0.4'", 14),
    "a target of three numbers": (checked(" 0.4,", " (0.1, 0.2, 0.3),"), "two in order", 14),
    "a target in the wrong order": (checked(" 0.4,", " (0.5, 0.3),"), "two in order", 14),
    "a margin that is infinite": (checked("0.4 * profile.precision", "math.inf"), "margin is inf", 14),
    "a margin that nothing pays for": (checked("0.4 * profile.precision", "1e-12"), "replicates would be needed", 14),
    "a negative remainder": (checked("basis=basis", "remainder=-0.1, basis=basis"), "its remainder must be", 14),
    "an exact prediction with an error": (checked("basis=basis", "remainder=0.1"), "of an exact", 14),
    "a miss rate of 2": (checked("basis=basis", "miss_rate=2, basis=basis"), "its miss_rate is the probability", 14),
    "a basis that is text": (checked("tc.Basis('a limit')", "'a limit'"), "give EXACT, LIMIT or a Basis", 14),
    "an allowance above 1": (checked("'a limit'", "'a limit', allowance=2"), "from 0 to below 1", 13),
    "a list of mistakes": (checked("{'drift 1.6': 1.6}", "['x']"), "a dictionary of mistakes", 14),
    "a mistake of NaN": (checked("1.6}", "math.nan}"), "got NaN", 14),
    "a mistake without a name": (checked("'drift 1.6'", "1"), "must be text", 14),
    "a name with a slash": (checked("'m'", "'../m'"), "letters, digits and .:=_+-/", 14),
    "a name that is not ASCII": (checked("'m'", "'\u00e9'"), "letters, digits and .:=_+-/", 14),
    "no network": (checked("deep,", "None,"), "its experiment is None", 14),
    "no estimator": (checked("found,", "helper,"), "its estimator is <function helper", 14),
    "a quantity that is a number": (checked("'q'", "3"), "its quantity is 3", 14),
    # What estimators are made of.
    "a negative variance": ({"law": "    law = tc.Normal(0.5, -1.0)"}, "the variance of a normal law", 11),
    "a variance bound of 0": ({"estimator": "    found = tc.Mean(helper, 0.0)"}, "variance_bound must be", 11),
    "a quantile of 2": ({"estimator": "    found = tc.Quantile(helper, 2.0, law)"}, "strictly between 0 and 1", 11),
    "an event that is a number": (
        judged("tc.Probability(helper)", "0.5, margin=0.1, wrong={'rare': 0.1}"), "must be 0 or 1", 12,
    ),
    "a probability of 2": (
        judged("tc.Probability(ob.between(ob.LOG_NORM_RATIO, lower=0))", "2.0, margin=0.1, wrong={'rare': 0.1}"),
        "got 2.0", 12,
    ),
    "a cdf that decreases": (
        {"law": "    class Law(tc.Normal):\n        def cdf(self, x):\n            return 1 - super().cdf(x)\n"
                "    law = Law(0.5, 1.0)"} | judged("tc.Distance(helper, law)", "margin=0.2"),
        "its cdf at the quantiles", 14,
    ),
    "a cdf that is one number": (
        {"law": "    class Law(tc.Normal):\n        def cdf(self, x):\n            return 0.5\n    law = Law(0.5, 1.0)"}
        | judged("tc.Distance(helper, law)", "margin=0.2"),
        "it must give a number for each", 14,
    ),
    # What observables do.
    "values that are NaN": (observed(f"return math.nan * {COLUMN}"), "is NaN or infinite for 64 of 64", 14),
    "a sum over replicates": (observed(f"return {COLUMN}.sum()"), "for each of 64 replicates", 14),
    "half of the replicates": (observed(f"return {COLUMN}[::2]"), "for each of 64 replicates", 14),
    "complex values": (observed(f"return 1j * {COLUMN}"), "gives complex128", 14),
    "no values": (observed(f"{COLUMN}"), "gives NoneType", 14),
    "a sample that is changed": (observed(f"x = {COLUMN}\n    x += 1\n    return x"), "read-only", 6),
    "other values every time": (
        observed(f"return random.random() + {COLUMN}", "import random\ndef helper(samples):\n    "),
        "other values of the same samples", 15,
    ),
    "a mean that is taken off": (observed(f"x = {COLUMN}\n    return x - x.mean()"), "mixes replicates", 15),
    "a running sum": (observed(f"return {COLUMN}.cumsum()"), "mixes replicates", 14),
    "an observable that yields": (observed(f"yield from {COLUMN}"), "must be a plain function", 11),
    "an observable that waits": (
        observed(f"return {COLUMN}", "async def helper(samples):\n    "), "must be a plain function", 11,
    ),
    "an observable of nothing": (observed("return 1", "def helper():\n    "), "must take the samples alone", 11),
    "a module that only it needs": (observed(f"import nowhere\n    return {COLUMN}"), "ModuleNotFoundError", 5),
    "an observable without an end": (observed("return helper(samples)"), "RecursionError", 5),
    "a network that is not there": (
        {"estimator": "    found = tc.median(ob.column('log_norm_ratio', 5), law)"}, "from experiment 5, of 1", 14,
    ),
    # What networks are made of.
    "a depth beyond all": ({"network": "    deep = tc.network('linear', width=4, depth=10**30)"}, "depth is 1000", 9),
    "a depth that is a truth": ({"network": "    deep = tc.network('linear', width=4, depth=True)"}, "is True", 9),
    "a beta that is NaN": ({"network": "    deep = tc.network('linear', width=4, depth=8, beta=math.nan)"}, "beta", 9),
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


@pytest.fixture
def asked(monkeypatch):
    """What simulations were asked for."""
    found, ask = [], Simulation.ask
    monkeypatch.setattr(
        Simulation, "ask", lambda self, requests: found.append(requests := list(requests)) or ask(self, requests)
    )
    return found


def the_line(capsys, asked):
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith("theory-check: error: ")
    # At most the few networks of the rehearsal.
    assert all(replicates <= 64 for requests in asked for _, replicates in requests)
    return error


@pytest.mark.parametrize("mistake", KINDS)
def test_every_kind_of_mistake_gives_one_line_with_its_place(mistake, tmp_path, capsys, asked):
    parts, said, line = KINDS[mistake]
    assert outcome(tmp_path, RIGHT | parts) == 2
    error = the_line(capsys, asked)
    assert said in error
    assert f"line {line}" in error


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_line_before_anything_is_simulated(mistake, tmp_path, capsys, asked):
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
    error = the_line(capsys, asked)
    assert said in error
    if line is not None:
        before = list(RIGHT)[: list(RIGHT).index(part)]
        assert f"line {line + sum(len(lines[name].splitlines()) for name in before)}" in error
