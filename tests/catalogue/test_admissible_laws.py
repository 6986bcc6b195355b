"""The weight laws of E1, E4, E15 and P3: that all are covered, and that targets do not hide what they should find."""

from __future__ import annotations

import pytest
from one_layer_laws import a_layer
from plans import plan_of

from theory_check.catalogue.admissible_laws import ADMISSIBLE
from theory_check.catalogue.contrasts import ZERO_LAST, contrasts
from theory_check.catalogue.critical_scaling import critical_scaling
from theory_check.catalogue.exact_means import exact_means
from theory_check.catalogue.lognormal_limit import fine_checks, lognormal_limit
from theory_check.catalogue.weight_law_table import ROWS, STATEMENTS
from theory_check.claims.claim import PROFILES
from theory_check.claims.networks import layer_law
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import HypothesisError
from theory_check.networks.weight_laws import LAWS
from theory_check.networks.weights import Weights
from theory_check.theory.limits import explosion_law

CLAIMS = {claim.id: claim for claim in (exact_means, lognormal_limit, contrasts, critical_scaling)}
POINTS = {p.id: p for id in CLAIMS for p in plan_of(id)}


def test_every_registered_law_is_in_the_table():
    rows = {row.law.partition(",")[0].partition(":")[0] for row in ROWS}
    assert {law.name for law in LAWS} <= rows
    assert set(ZERO_LAST) == {law.name for law in LAWS if law.variance(law.defaults) == 0.0}


def test_every_entry_of_the_table_is_a_point_on_networks_of_its_law():
    for row in ROWS:
        assert len(row.entries) == len(STATEMENTS)
        law = Weights.parse(row.law.partition(",")[0])
        for entry in row.entries:
            if entry is not None:
                networks = POINTS[entry.point].check.experiments
                assert {network.weights for network in networks} == {law}
                assert {network.network.branch.name for network in networks} == (
                    {"linear"} if "linear" in row.law else {"res-3"}
                )


def test_an_entry_belongs_to_the_statement_of_its_column_unless_it_is_a_contrast():
    for row in ROWS:
        for entry, statement in zip(row.entries, STATEMENTS, strict=True):
            if entry is not None:
                assert entry.point.partition("/")[0] in (statement.partition(":")[0], "E15")
                assert not entry.breaks or entry.point.startswith("E15/")
                point = POINTS[entry.point]
                names = [variant.name for variant in (*point.check.all_variants, *point.too_near)]
                assert not entry.denied or entry.denied in names


def test_every_law_is_checked_forward_and_backward():
    for law in ADMISSIBLE:
        names = [p for p in POINTS if p.startswith(f"E4/{law.label}-")]
        assert {name.rpartition(f"d{law.width}-")[2] for name in names} == {"norm-law", "gradient-law"}


def test_skewed_weights_inside_the_activation_are_no_case_of_the_limit():
    with pytest.raises(HypothesisError, match="symmetric weights inside"):
        layer_law(network("res-3", "exponential", width=6, depth=10))
    assert layer_law(network("linear", "exponential", width=6, depth=10)) == a_layer(6)


def test_the_aim_of_the_fine_checks():
    """Half a per cent of the location, 2% of the variance, for five laws; ten thousand layers as well."""
    for profile in PROFILES.values():
        checks = {check.name: check for check in fine_checks(profile)}
        locations = [c for c in checks.values() if c.name.endswith("fine-location")]
        assert len({c.experiments[0].weights.law for c in locations}) == 5
        assert max(c.experiments[0].network.depth for c in locations) == 10_000
        for check in locations:
            (deep,) = check.experiments
            depth = deep.network.depth
            assert deep.network.width == 40
            assert depth >= 200
            # To 1/L^2, the mean of the Gaussian law, with a kurtosis effect below 1e-2/L.
            gaussian = explosion_law(a_layer(40), depth**-0.5, depth)
            assert check.target[0] == pytest.approx(gaussian.mean, abs=0.04 / depth)
            assert check.tolerance <= 0.005 * check.target[0]
            scale = checks[check.name.replace("location", "scale")]
            assert scale.tolerance <= (0.05 if profile.name == "quick" else 0.02) * scale.target[0] * (1 + 1e-9)


def test_the_aim_of_the_mean_at_depth_1000():
    """To .0005 for five laws on both branches, at every profile."""
    for profile in PROFILES.values():
        found = [c for c in fine_checks(profile) if c.name.endswith("depth1000-location")]
        networks = {(c.experiments[0].network.branch.name, c.experiments[0].weights.law) for c in found}
        assert len(networks) == len(found) == 10
        for check in found:
            network = check.experiments[0].network
            assert (network.width, network.depth) == (40, 1000)
            assert check.tolerance <= 0.0005


def test_fine_checks_refute_half_an_ito_term_and_a_twentieth_of_the_variance():
    names = {v.name for c in fine_checks(PROFILES["standard"]) for v in c.variants if "deep" not in c.name}
    assert {"half the Ito term: drift kappa (1 - 1/d)", "variance 4 kappa / (d + 2)"} <= names


def test_slow_laws_cost_no_more_at_nightly_than_at_standard():
    for law in ADMISSIBLE:
        for claim, kind in (("E1", "universal-norm"), ("E4", "gradient-law"), ("P3", "bounded")):
            name = f"{law.label}-{kind}"
            standard, nightly = (
                next(p.check for p in plan_of(claim, profile) if p.check.name == name)
                for profile in ("standard", "nightly")
            )
            assert standard.experiments == nightly.experiments
            assert standard.margin == nightly.margin
