"""Gradients backward (E16): which networks are checked, and that their law is told from its mirror."""

from __future__ import annotations

from plans import plan_of

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
