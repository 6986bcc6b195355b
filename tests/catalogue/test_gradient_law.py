"""Gradients backward (E16): which networks are checked, and that their law is told from its mirror."""

from __future__ import annotations

import numpy as np
from plans import plan_of

from theory_check.experiments.cell import Sample
from theory_check.foundation.laws import Mirrored

E16 = [planned.check for planned in plan_of("E16")]


def test_gradient_laws_are_checked_on_every_weight_and_told_from_their_mirror():
    laws = [c for c in E16 if c.name.endswith("-law")]
    assert {c.experiments[0].network.branch.name for c in laws} == {"linear", "res-3"}
    assert any(c.experiments[0].network.branch.activation.name == "leaky" for c in laws)
    for check in E16:
        assert check.basis.exact
        assert check.experiments[0].kernel == "dense"
        assert check.experiments[0].gradients
    for check in laws:
        assert any(isinstance(v.estimator.law, Mirrored) for v in check.variants)


def test_a_profile_reads_the_gradient_between_two_layers():
    check = next(c for c in E16 if c.name == "linear-gaussian-d10-depth2-profile")
    sample = Sample(check.experiments[0], 0, {"gradient_profile": np.array([[3.0, 2.0, 0.0]])}, 0.0)
    np.testing.assert_array_equal(check.estimator.observable([sample]), [2.0])
    assert check.experiments[0].recorded_depths == (0, 1, 2)
