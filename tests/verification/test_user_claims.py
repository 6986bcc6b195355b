"""Claims and weight laws of a user: from a file to a verdict, levels, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import theory_check as tc
from theory_check import (
    Basis,
    Claim,
    Distance,
    Mean,
    Normal,
    Probability,
    check,
    claim,
    median,
    network,
    observables,
)
from theory_check.catalogue.regimes import all_claims
from theory_check.claims.claim import PROFILES
from theory_check.claims.planning import FAMILY_LEVEL, PLACES, plan_claim
from theory_check.cli import main
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.additions import temporary_additions
from theory_check.reporting.results import load_results
from theory_check.verification.ledger import read_ledger
from theory_check.verification.plan import find_claim, plan_run
from theory_check.verification.run import verify
from theory_check.verification.user_claims import load_claims, own_regime

GUIDE = Path(__file__).parents[2] / "docs/guides/weight-law.md"
QUICK = PROFILES["quick"]
LONGEST = 18
MOVED = tc.observables.ROOT_DISPLACEMENT


@pytest.fixture(autouse=True)
def _no_additions():
    with temporary_additions():
        yield


def guide_block() -> str:
    blocks = re.findall(r"```python[^\n]*\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "@tc.claim" in block]
    return block


def claims_file(folder: Path, text: str) -> Path:
    path = folder / "my_claims.py"
    path.write_text(text, encoding="utf-8")
    return path


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def cheap(text: str) -> str:
    """The same claim on shallower and narrower networks with a wider margin: seconds less."""
    return text.replace("/ 2, 10", "/ 2, 6").replace("100 *", "40 *").replace("wrong = 0.05", "wrong = 0.1")


def test_the_claim_of_the_guide_is_short():
    assert len(guide_block().splitlines()) <= LONGEST
    assert cheap(guide_block()).count("40 *") == cheap(guide_block()).count("wrong = 0.1") == 1


def test_the_claim_of_the_guide_is_supported_and_reported(tmp_path, capsys):
    path = claims_file(tmp_path, cheap(guide_block()))
    out = tmp_path / "report"
    assert command("run", "--claims", path, "--seed", 11, "--threads", 1, "--out", out) == 0
    assert "supported" in capsys.readouterr().out
    record = load_results(out / "results.json")
    assert [found.id for found in record.claims] == ["X1"]
    assert record.claims_file == str(path)
    report = (out / "REPORT.md").read_text(encoding="utf-8")
    assert f"`theory-check run --claims {path} --profile quick --seed 11`" in report
    assert "## Own claims" in (out / "claims" / "X1.md").read_text(encoding="utf-8")
    assert command("show", "X1", "--claims", path, "--out", out) == 0
    shown = capsys.readouterr().out
    assert "trapezoid weights" in shown
    assert "supported    X1/law" in shown


def test_a_wrong_claim_is_refuted(tmp_path, capsys):
    wrong = cheap(guide_block()).replace("(1 - 2 / d)", "(1 + 2 / d)")
    path = claims_file(tmp_path, wrong)
    assert command("run", "--claims", path, "--seed", 11, "--threads", 1, "--out", tmp_path / "report") == 1
    assert "refuted" in capsys.readouterr().out


def test_own_claims_are_verified_in_python():
    @claim("X2")
    def drift(profile):
        """The median of log R is that of the limit."""
        limit = Normal(0.8, 0.4)
        deep = network(branch="linear", width=10, depth=200)
        return check(
            "median", deep, "median of log R", median("log_norm_ratio", limit), margin=0.2, basis=LIMIT,
            wrong={"no drift": 0.0, "drift 1.6": 1.6},
        )  # fmt: skip

    record = verify(claims=[drift], seed=4, threads=1)
    assert record.verdict == "supported"
    assert [(found.id, found.regime) for found in record.claims] == [("X2", "own")]
    assert {v.name for v in record.claims[0].findings[0].variants} >= {"no drift", "drift 1.6"}


LIMIT = Basis("a limit", allowance=0.3)
NO_DRIFT = {"no drift": Normal(0.0, 0.2)}


def law_of(deep, law, of="log_norm_ratio", **options):
    return check("law", deep, "law", Distance(of, law), margin=0.05, basis=LIMIT, **options)


def an_own_claim(name: str) -> Claim:
    return claim(name)(_one_check)


def _one_check(profile):
    """A statement."""
    return law_of(network(width=10, depth=10), Normal(0.4, 0.2), wrong=NO_DRIFT)


def test_own_claims_leave_the_levels_of_the_catalogue():
    own = own_regime([an_own_claim("X1"), an_own_claim("X2")])
    plan = plan_run(["E3", "X1", "X2"], QUICK, own)
    levels = {c.id: [p.level for p in checks] for _, claims in plan.regimes for c, checks in claims}
    assert levels["E3"] == [planned.level for planned in plan_claim(find_claim("E3"), QUICK)]
    # A place each, split between the checks of a claim as everywhere.
    assert levels["X1"] == levels["X2"] == [FAMILY_LEVEL / PLACES]
    everything = (len(all_claims()) + 2) * FAMILY_LEVEL / PLACES
    assert everything <= FAMILY_LEVEL


def test_more_claims_than_free_places_are_refused():
    free = PLACES - len(all_claims())
    assert own_regime([an_own_claim(f"X{i}") for i in range(free)]) is not None
    with pytest.raises(SpecificationError, match=f"{free + 1} claims of your own are too many .* {free} places"):
        own_regime([an_own_claim(f"X{i}") for i in range(free + 1)])


def test_without_names_the_own_claims_are_run_and_the_catalogue_can_be_named():
    own = own_regime([an_own_claim("X1")])
    assert [c.id for _, claims in plan_run([], QUICK, own).regimes for c, _ in claims] == ["X1"]
    assert [c.id for _, claims in plan_run(["E3", "X1"], QUICK, own).regimes for c, _ in claims] == ["E3", "X1"]
    with pytest.raises(SpecificationError, match="X9"):
        plan_run(["X9"], QUICK, own)


@pytest.mark.parametrize("name", ["E4", "", "a/b", "1", "N 1"])
def test_ids_that_are_taken_or_cannot_be_spelled_are_refused(name):
    with pytest.raises(SpecificationError, match="id"):
        own_regime([an_own_claim(name)])
    with pytest.raises(SpecificationError, match="taken"):
        own_regime([an_own_claim("X1"), an_own_claim("X1")])


def test_checks_of_one_name_and_claims_without_checks_are_refused():
    @claim("X1")
    def twice(profile):
        """The same point twice."""
        return [_one_check(profile), _one_check(profile)]

    @claim("X2")
    def nothing(profile):
        """Nothing is checked."""
        return []

    for broken in (twice, nothing):
        with pytest.raises(SpecificationError, match="checks of different names"):
            plan_claim(broken, QUICK)


def test_every_spelling_makes_a_check_that_can_be_planned():
    deep, limit = network("linear", "gaussian", width=10, depth=64), Normal(0.8, 0.4)
    grown = observables.between(observables.LOG_NORM_RATIO, lower=0.8)
    made = [
        law_of(deep, limit, wrong={"no drift": Normal(0.0, 0.4)}),
        replace(law_of(deep, limit, of="log_gradient_ratio", wrong=NO_DRIFT), name="gradient-law"),
        check("median", deep, "median", median("log_norm_ratio", limit), margin=0.2, basis=LIMIT, wrong={"0": 0.0}),
        check("grown", deep, "P", Probability(grown), 0.5, margin=0.05, basis=LIMIT, wrong={"rare": 0.1}),
        check("mean", deep, "mean", Mean(observables.NORM_RATIO, 5.0), 2.7, margin=0.2, basis=LIMIT, wrong={"1": 1.0}),
    ]
    assert made[1].experiments[0].gradients
    assert not made[0].experiments[0].gradients

    @claim("X1")
    def everything(profile):
        """One check of each kind."""
        return made

    assert all(planned.replicates > 0 for planned in plan_claim(everything, QUICK))


def test_every_estimator_of_the_catalogue_is_spelled_by_users_names():
    deep, limit, depths = network("linear", width=10, depth=64), Normal(0.8, 0.4), (16, 64)
    several = tuple(network("linear", width=10, depth=depth, beta=1.0) for depth in depths)
    errors = observables.stack(*(observables.exp(observables.column("log_displacement", place)) for place in (0, 1)))
    sweeps = tc.sweep("linear", "fgn:hurst=0.7", width=8, depth=16, betas=(0.5, 0.7, 0.9))

    def law_at(beta):
        return Normal(0.7 - beta, 0.01)

    wrong = {"far from all of them": 3.0}

    made = [
        check("quantile", deep, "q", tc.Quantile("log_norm_ratio", 0.9, limit), margin=0.3, wrong=wrong),
        check("spread", deep, "s", tc.Spread("log_norm_ratio", (0.25, 0.75), limit), margin=0.3, wrong=wrong),
        check("slope", several, "s", tc.Slope(MOVED, depths, (tc.ScaledChiSquare(10, 1 / 16, root=True),) * 2),
              -0.5, margin=0.2, wrong=wrong),
        check("order", several, "o", tc.Order(errors, depths, (0.25, 0.125), (0.1, 0.05)), -0.5, margin=0.3,
              wrong=wrong),
        check("crossing", sweeps, "beta", median(tc.crossing(), Normal(0.7, 0.01)), margin=0.1, wrong=wrong),
        check("point", sweeps, "beta", tc.CriticalPoint(lambda s: s[0].column("log_displacement")[:, :, 0],
              (0.5, 0.7, 0.9), law_at), 0.7001, margin=0.25, wrong=wrong),
    ]  # fmt: skip
    everything = claim("X1")(_documented(made))
    assert [planned.id for planned in plan_claim(everything, QUICK)] == [f"X1/{point.name}" for point in made]


def _documented(made):
    def several(profile):
        """One check of each kind."""
        return made

    return several


#: K12: the scale of GPT-2, a = (2L)^(-1/2), res-3, d = 20: log R -> N(kappa (1 - 2/d) / 2, 2 kappa / d), kappa = 1/2.
HALVED, WHOLE = tc.Normal(0.225, 0.05), tc.Normal(0.45, 0.1)


def scaled_like_gpt2(law, wrong):
    def gpt2(profile):
        """With two branches per block, scaled by (2L)^(-1/2), log R is normal with half the drift and variance."""
        depth = 60 * profile.depth
        deep = tc.network("res-3", "uniform", width=20, depth=depth, scale=(2 * depth) ** -0.5)
        yield tc.check("law", deep, "law of log R", tc.Distance("log_norm_ratio", law), margin=0.1 * profile.precision,
                       basis=tc.LIMIT, wrong=wrong)  # fmt: skip

    return tc.claim("X1")(gpt2)


def test_a_scale_of_ones_own_is_judged():
    wrong = {"scale L^(-1/2)": WHOLE, "no drift": tc.Normal(0.0, 0.05)}
    record = tc.verify(claims=[scaled_like_gpt2(HALVED, wrong)], seed=12, threads=1)
    assert record.verdict == "supported"
    assert record.claims[0].has_teeth


def test_the_wrong_scale_is_refuted():
    stated = scaled_like_gpt2(WHOLE, {"no drift": tc.Normal(0.0, 0.1)})
    assert tc.verify(claims=[stated], seed=12, threads=1).verdict == "refuted"


def depth_slopes(exponent):
    def slopes(profile):
        """Above the critical scaling the displacement vanishes like L^(1/2 - beta)."""
        depths, d, kappa = (32, 128, 512), 20, 1.0
        for beta in (0.75, 1.0):
            networks = tuple(tc.network("linear", width=d, depth=depth, beta=beta) for depth in depths)
            # To first order sqrt(D) is the root of kappa L a^2 chi2_d / d.
            laws = tuple(tc.ScaledChiSquare(d, kappa * depth ** (1 - 2 * beta), root=True) for depth in depths)
            yield tc.check(f"beta{beta:g}", networks, r"slope of $\log\sqrt D$", tc.Slope(MOVED, depths, laws),
                           exponent(beta), margin=0.1 * profile.precision, basis=tc.Basis("a limit", allowance=0.5),
                           wrong={"nothing vanishes": 0.0, "rate -beta": -beta})  # fmt: skip

    return tc.claim("X1")(slopes)


def test_a_slope_on_depth_is_judged_with_users_names():
    """K13."""
    record = tc.verify(claims=[depth_slopes(lambda beta: 0.5 - beta)], seed=13, threads=1)
    assert record.verdict == "supported"
    assert all({"nothing vanishes", "rate -beta"} <= {v.name for v in f.variants} for f in record.claims[0].findings)
    assert tc.verify(claims=[depth_slopes(lambda beta: -beta)], seed=13, threads=1).verdict == "refuted"


PICTURED = """
import theory_check as tc

def small(profile):
    return {tc.network("linear", width=4, depth=8): 100}

def draw(samples):
    values = samples[0].column("log_norm_ratio")
    return tc.pictures.Picture("mine", "A histogram.", (tc.pictures.HistogramPanel("log R", "x", values, ()),))

histogram = tc.Illustration(experiments=small, draw=draw)

@tc.claim("X1")
def identity(profile):
    "The displacement has its mean, and its median has the slope of the identity regime."
    depths, d = (16, 64), 10
    deep = [tc.network("linear", width=d, depth=depth, beta=1.0) for depth in depths]
    laws = tuple(tc.ScaledChiSquare(d, 1 / depth, root=True) for depth in depths)
    moved = tc.observables.ROOT_DISPLACEMENT
    D = tc.observables.exp(2 * tc.observables.column("log_displacement"))
    wrong = {"an increment a layer": 1.0}
    yield tc.check("mean", deep[0], "E D", tc.Mean(D, 0.01), (1 + 1 / 256) ** 16 - 1, margin=0.03, wrong=wrong)
    wrong = {"nothing vanishes": 0.0}
    yield tc.check("slope/median", tuple(deep), "slope", tc.Slope(moved, depths, laws), -0.5, margin=0.2, wrong=wrong)
"""


def test_own_claims_have_pictures_and_data(tmp_path):
    out = tmp_path / "report"
    assert command("run", "--claims", claims_file(tmp_path, PICTURED), "--seed", 3, "--threads", 1, "--out", out) == 0
    record = load_results(out / "results.json")
    assert [picture.name for picture in record.regimes[0].pictures] == ["mine"]
    assert [path.name for path in (out / "figures").glob("*.png")] == ["mine.png"]
    assert [path.name for path in (out / "figures" / "claims").iterdir()] == ["X1.svg"]
    assert sorted(path.name for path in (out / "data").iterdir()) == ["X1-mean.csv", "X1-slope%2Fmedian.csv"]
    mean, slope = record.claims[0].findings
    text = (out / "data" / "X1-mean.csv").read_text(encoding="utf-8")
    assert text.startswith("# X1/mean: E D\n# formula: exp((2.0 * log_displacement))\n# seed: 3; a row per replicate\n")
    values = np.loadtxt(out / "data" / "X1-mean.csv", delimiter=",", skiprows=text.count("# ") + 1)
    assert len(values) == mean.replicates
    # The interval has the share of the level that the look has which decided.
    planned = plan_claim(next(c for c in load_claims(tmp_path / "my_claims.py") if isinstance(c, Claim)), QUICK)[0]
    alpha = mean.level * planned.shares[planned.looks.index(mean.replicates)]
    again = tc.inference.mean_interval(values, variance_bound=0.01, alpha=alpha)
    assert (again.estimate, again.lower, again.upper) == (mean.estimate, mean.lower, mean.upper)
    rows = (out / "data" / "X1-slope%2Fmedian.csv").read_text(encoding="utf-8").splitlines()
    assert next(row for row in rows if not row.startswith("#")) == "value_1,value_2"
    assert len(rows) == slope.replicates + 1 + sum(row.startswith("#") for row in rows)


def test_the_catalogue_writes_no_data(tmp_path):
    assert command("run", "E3", "--seed", 1, "--threads", 1, "--out", tmp_path) == 0
    assert not (tmp_path / "data").exists()


BELIEVED = """
import theory_check as tc

@tc.claim("X1")
def believed(profile):
    "The mean of R, with a variance that is not that of R."
    deep = tc.network("linear", width=4, depth=32)
    mean, wrong = tc.Mean(tc.observables.NORM_RATIO, {variance}), {{"no growth": 1.0}}
    yield tc.check("mean", deep, "E R", mean, {mean}, margin=0.2 * {mean}, wrong=wrong)
"""


@pytest.mark.parametrize(
    ("variance", "mean", "code"), [(0.5, 2.677, 3), (0.5, 9.0, 3), (20.0, 2.677, 0), (20.0, 9.0, 1)]
)
def test_a_variance_that_is_exceeded_is_inapplicable_and_no_refutation(variance, mean, code, tmp_path, capsys):
    """E R = (1 + 1/32)^32 = 2.677; its variance is 11.1 (E3)."""
    path, out, ledger = (
        claims_file(tmp_path, BELIEVED.format(variance=variance, mean=mean)),
        tmp_path / "out",
        tmp_path / "l.db",
    )
    arguments = ["run", "--claims", path, "--seed", 3, "--threads", 1, "--out", out]
    assert command(*arguments, "--history", ledger, "--new-history") == code
    finding = load_results(out / "results.json").claims[0].findings[0]
    if code == 3:
        assert finding.verdict == "inapplicable"
        printed = capsys.readouterr().out
        assert "inapplicable  X1/mean  the variance exceeds the stated bound 0.5" in printed
        assert "1 point the sample contradicts a hypothesis" in printed
        assert "**Inapplicable: 1 of 1 point.**" in (out / "REPORT.md").read_text(encoding="utf-8")
        assert read_ledger(ledger).records[0].night.claims == {}
    else:
        assert finding.verdict == {0: "supported", 1: "refuted"}[code]
