"""Every claim with a domain, on networks that Hypothesis draws from it: its own checks judge them.

A theorem speaks of all networks within its hypotheses, the grid of the catalogue of a few. Each example is a network
with all its checks on one sample, on streams of its own; the examples of a claim share its level. Besides some free
ones there is one for each part of the domain: regime, branch, law of the weights (``claim_examples``).
"""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from claim_examples import ENLARGED, SECONDS, Choice, choices, chosen, kind, strata, survey
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from properties import drawn

import theory_check as tc
from theory_check.experiments.first_step import FirstStep
from theory_check.foundation.errors import NumericalOverflowError
from theory_check.inference.intervals import Interval
from theory_check.verification.drawn import judge_planned, plan_drawn, sizes_told
from theory_check.verification.repetition import spell_network

CLAIMS = {claim.id: claim for claim in tc.all_claims() if claim.domain is not None}

#: Level of a claim: those of fifty claims together are half of the family level.
LEVEL = 1e-5

#: Networks of a claim that are drawn freely; other parts of the domain are chosen from a survey.
FREE = 2

REPEAT = """\
from theory_check.verification.drawn import judge_drawn
from theory_check.verification.repetition import find_claim, read_network
network = read_network({network!r})
print(judge_drawn(find_claim({claim!r}), network, seed={{seed}}, level={{level}}, seconds={seconds}))"""

#: The mistake that all exact means are compared by.
COMMON = f"all factors larger by {ENLARGED - 1.0:.0%}"

#: What the properties found: the oracle of E10 was a staircase where log R hardly varies, and N4 divided 0 by 0 where
#: all gradients vanish.
KEPT = {
    "E10": (
        tc.network(
            "res-3", activation="leaky:slope=0.3", width=31, depth=59, beta=1.23, kernel="reduced", gradients=True,
            weight_gradients=(1, 30, 59),
        ),
    ),
    "E8": (tc.network("res-3", "rademacher", width=1, depth=1, beta=0.25, gradients=True),),  # h_1 = 0, p_0 = 0
    "N4": (FirstStep(network=tc.network(width=1, depth=8, beta=0.87).network, weights=tc.Weights("sparse")),),
}  # fmt: skip


def untold(times):
    """Why none of the networks tells a mistake."""
    return "agrees with the statement at finite size" if times == math.inf else f"needs {times:.2g} times the networks"


@pytest.mark.statistical(level=LEVEL)
@pytest.mark.parametrize("id", CLAIMS)
def test_claims_hold_all_over_their_domains(evidence, id):
    claim = CLAIMS[id]
    examples, refuted, named = FREE + len(KEPT.get(id, ())) + len(choices(claim)), set(), set()
    sizes, needed, last = {}, {}, []

    def holds_on(networks, count, seconds, pull):
        @drawn(count)
        @given(networks)
        def holds(network):
            planned = plan_drawn(claim, network, level=LEVEL / examples, seconds=seconds)
            assume(planned)
            repeat = REPEAT.format(network=spell_network(network), claim=id, seconds=seconds)
            with evidence.share(network, examples=examples, strata=strata(claim, network), repeat=repeat) as example:
                if pull > 0.0:
                    needed[COMMON] = min(needed.get(COMMON, math.inf), pull**-2)
                try:
                    drawn_findings = judge_planned(planned, example.seed)
                except NumericalOverflowError:
                    reject()
                for found in drawn_findings:
                    finding = found.finding
                    judged = {"margin": finding.margin, "remainder": finding.remainder, "exact": finding.exact}
                    interval = Interval(finding.estimate, finding.lower, finding.upper, finding.level, finding.method)
                    example.supports(interval, target=(finding.target_lower, finding.target_upper), **judged)
                    for variant in finding.variants:
                        if variant.distance is not None:
                            wrong = Interval(
                                variant.estimate, variant.lower, variant.upper, finding.level, finding.method
                            )
                            example.refutes(wrong, target=(variant.target_lower, variant.target_upper), **judged)
                    told = [variant for variant in finding.variants if not variant.name.startswith("a value ")]
                    named.update(variant.name for variant in told)
                    refuted.update(variant.name for variant in told if variant.verdict == "refuted")
                    for name, times in found.needed.items():
                        needed[kind(name)] = min(needed.get(kind(name), math.inf), times)
                    for text, size in sizes_told(found.planned).items():
                        sizes[text] = min(sizes.get(text, math.inf), size)
                last.append(example)

        holds()

    holds_on(claim.domain.networks(), FREE, SECONDS, 0.0)
    for choice in (*(Choice(network, SECONDS, 0.0) for network in KEPT.get(id, ())), *choices(claim)):
        with suppress(Unsatisfiable):  # an input of width 1 was 0, one in a million
            holds_on(st.just(choice.network), 1, choice.seconds, choice.pull)
    for name, times in needed.items():
        last[-1].mistakes[name if times <= 1.0 else f"{name} ({untold(times)})"] = times <= 1.0
    for text, size in sizes.items():
        name = text.format(size) if size < math.inf else kind(text.format(1))
        last[-1].mistakes[name] = size < math.inf
    assert refuted or not named, f"no named mistake of {id} was refuted: {sorted(named)}"


@pytest.mark.parametrize("id", ["C1", "P8"])
def test_kept_networks_lie_in_the_parts_that_others_would_be_chosen_for(id):
    parts = [
        {part for choice in found for part in strata(CLAIMS[id], choice.network).items()}
        for found in (choices(CLAIMS[id]), chosen(CLAIMS[id], survey(CLAIMS[id])))
    ]
    assert parts[0] == parts[1] != set()
