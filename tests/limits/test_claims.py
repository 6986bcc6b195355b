"""Every claim with a domain, on networks that Hypothesis draws from it: its own checks judge them.

A theorem speaks of all networks within its hypotheses, the grid of the catalogue of a few. Each example is a network
and one of its checks, simulated on streams of its own; the examples of a claim share its level. After some free ones
the property asks for networks of each part of the domain that is still missing: regime, branch, law of the weights.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from properties import drawn

import theory_check as tc
from theory_check.claims.planning import plan_within
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import Interval
from theory_check.verification.drawn import judge_drawn
from theory_check.verification.repetition import spell_network

CLAIMS = {claim.id: claim for claim in tc.all_claims() if claim.domain is not None}

#: Level of a claim: those of fifty claims together are half of the family level.
LEVEL = 1e-5

#: Networks of a claim that are drawn freely.
FREE = 4

#: Processor time of an example, in seconds. Margins that it does not pay for are widened.
SECONDS = 0.25

#: What the first strata of a network are; parts of these are asked for.
STRATA = ("regime", "branch", "weights")

#: Draws that find out what parts a domain has, and how often a part must appear there to be asked for.
SURVEY, LEAST = 40, 3

REPEAT = """\
from theory_check.verification.drawn import judge_drawn
from theory_check.verification.repetition import find_claim, read_network
network = read_network({network!r})
print(judge_drawn(find_claim({claim!r}), network, {check!r}, seed={{seed}}, level={{level}}, seconds={seconds}))"""


def strata(claim, network):
    return dict(zip(STRATA, claim.domain.strata(network), strict=False))


def affordable(claim, network, level):
    """Names of the checks of a network that a sample within the time can judge."""
    names = []
    for check in claim.domain.checks(network, 1.0):
        try:
            plan_within(check.name, check, level, SECONDS)
        except SpecificationError:
            continue
        names.append(check.name)
    return names


def parts_of(claim):
    """The parts of the domain, each (name, value), that are neither rare nor too dear; nothing is simulated."""
    found = Counter()

    @settings(
        max_examples=SURVEY, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(claim.domain.networks())
    def survey(network):
        # What is paid at this level, smaller than that of any example, is paid at that of an example.
        if affordable(claim, network, LEVEL / SURVEY):
            found.update(strata(claim, network).items())

    survey()
    return [part for part, count in found.items() if count >= LEAST]


@pytest.mark.statistical(level=LEVEL)
@pytest.mark.parametrize("id", CLAIMS)
def test_claims_hold_all_over_their_domains(evidence, id):
    claim = CLAIMS[id]
    parts = parts_of(claim)
    examples, seen, refuted, named = FREE + len(parts), set(), set(), set()

    def holds_on(networks, count):
        @drawn(count)
        @given(networks, st.integers(0, 5))
        def holds(network, index):
            names = affordable(claim, network, LEVEL / examples)
            assume(names)
            check, place = names[index % len(names)], strata(claim, network)
            repeat = REPEAT.format(network=spell_network(network), claim=id, check=check, seconds=SECONDS)
            with evidence.share(network, check, examples=examples, strata=place, repeat=repeat) as example:
                finding = judge_drawn(claim, network, check, seed=example.seed, level=example.level, seconds=SECONDS)
                judged = {"margin": finding.margin, "remainder": finding.remainder, "exact": finding.exact}
                interval = Interval(finding.estimate, finding.lower, finding.upper, finding.level, finding.method)
                example.supports(interval, target=(finding.target_lower, finding.target_upper), **judged)
                for variant in finding.variants:
                    if variant.distance is not None:
                        wrong = Interval(variant.estimate, variant.lower, variant.upper, finding.level, finding.method)
                        example.refutes(wrong, target=(variant.target_lower, variant.target_upper), **judged)
                told = [variant for variant in finding.variants if not variant.name.startswith("a value ")]
                named.update(variant.name for variant in told)
                refuted.update(variant.name for variant in told if variant.verdict == "refuted")
            seen.update(place.items())

        holds()

    holds_on(claim.domain.networks(), FREE)
    for part in parts:
        if part not in seen:
            holds_on(claim.domain.networks().filter(lambda network, p=part: p in strata(claim, network).items()), 1)
    assert seen >= set(parts)
    assert refuted or not named, f"no named mistake of {id} was refuted: {sorted(named)}"
