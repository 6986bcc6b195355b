"""Networks of a claim's domain on which its properties are judged, chosen by what planning promises.

Hypothesis draws networks, which costs nothing; few of them are simulated. Each part of the domain (regime, branch, law
of the weights, inputs) gets one, and of the candidates for a part the one that sees the smallest common mistake in the
size of the weights. Then come networks that tell named mistakes which none of these tells, with more time if they need
it, and those that tell nothing of their own get less. No choice looks at a stream on which a network is judged.

Choosing takes as long as judging. A derandomised run would draw the same networks each time, so that its choices are
kept in a file, each claim's for what it states by ``tests/pins``; ``python tests/helpers/claim_examples.py`` writes
them anew. Other runs, and claims that have changed since, choose for themselves.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

import theory_check as tc
from theory_check.claims.estimators import Mean
from theory_check.claims.planning import plan_within
from theory_check.experiments.cell import Cell
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.scalings import Scaling
from theory_check.simulation.runner import run_experiments
from theory_check.verification.drawn import FINE, networks_needed, plan_drawn, sizes_told
from theory_check.verification.repetition import read_network, spell_network

#: What a derandomised run chooses, and what the claims of it state.
KEPT, VERSIONS = Path(__file__).with_suffix(".json"), Path(__file__).parents[1] / "pins" / "versions.json"

#: Names of the first strata of a network: each part of these, and of the inputs, has an example.
STRATA = ("regime", "branch", "weights")

#: Networks that are drawn to find the parts of a domain.
SURVEY = 40

#: More where a part is rare (one of four ways to zero the last layer, one of ten processes) and where many networks see
#: little of the common mistake; fewer where a hypothesis is on a law that takes as long as a sample.
SURVEYS = {"E1": 160, "E15": 120, "E22": 100, "E5": 16, "E17": 24, "E24": 16}

#: Networks of a part that are compared. Of a kernel the cheapest are compared, since many replicates see more than many
#: layers, until one sees ``ENOUGH`` of the common mistake: with the longest time it then sees all.
CANDIDATES, ENOUGH = 4, 0.6

#: Networks that see nothing of the common mistake after which no others are compared: the claim then states laws.
NOTHING = 2

#: Processor seconds of an example, and at most, where a longer time shows the common mistake.
SECONDS, LONGEST = 0.12, 0.8

#: Examples that see less of the common mistake than this have one of the shorter times, if together they tell as much.
LITTLE, SHORTER = 0.5, (0.04, 0.07)

#: Processor seconds that longer examples of a claim add, at most; E1 is to see the size of the weights of every law.
SPARE, MORE_SPARE = 1.0, {"E1": 2.9}

#: Times of the examples that tell a named mistake, the shortest first, and how many networks are planned for.
TIMES, PLANNED_FOR = (SECONDS, 0.3, LONGEST), 40

#: Fewer are planned for, and compared, where the prediction is a law that takes as long as a sample.
FEW_PLANNED = {"E2": 4, "E5": 8, "E7": 8, "E10": 16, "E11": 8, "E13": 8, "E16": 8, "E19": 8, "E24": 8}

#: Pull that a longer example aims at, where 1 is a probability of 99%.
AIM = 1.3

#: First checks of a network that are compared: means, where there are any, and no laws.
COMPARED = 2

#: The common mistake: all scaling factors, or all weights of one matrix, are larger by this factor.
ENLARGED = 1.01

#: Level that examples are planned at, below that of their checks, which then need no more replicates.
PLANNED_LEVEL = 1e-7


def strata(claim, network):
    parts = claim.domain.strata(network)
    inputs = [("inputs", part) for part in parts if part.endswith(("input", "inputs"))]
    return dict([*zip(STRATA, parts, strict=False), *inputs])


#: Networks that a survey may not draw and that every run has, so that each sees one per cent: for E1 those that see the
#: variance of their law, two layers whose sums vary little; for E10 also one whose gradients grow so much that 1% of
#: the factors of the backward pass is 7% of their mean.
SEEING = {
    "E1": tuple(
        tc.network("linear", law, width=width, depth=2, beta=0.0, kernel="dense")
        for law, width in {
            "exponential": 64, "laplace": 32, "orthogonal": 32, "rademacher": 64, "sparse:density=0.3": 64,
            "student:df=20": 8, "ternary": 64, "triangular": 64, "truncated-normal:bound=2": 32, "uniform": 64,
        }.items()
    ),
    "E10": (
        tc.network(
            "res-3", "uniform", width=40, depth=32, beta=0.2, gradients=True, weight_gradients=(1, 16, 32),
            kernel="dense",
        ),
        tc.network("linear", "rademacher", width=32, depth=8, beta=0.64, gradients=True, weight_gradients=(1, 4, 8)),
    ),
    "E17": (tc.network("linear", width=28, depth=21, beta=0.63, kernel="reduced"),),
    "N1": (tc.network("linear", "rademacher", width=17, depth=14, beta=1.44, gradients=True,
                      weight_gradients=tuple(range(1, 15))),),
    "P5": (tc.network("linear", "triangular", width=26, depth=12, beta=1.42, gradients=True),),
}  # fmt: skip

#: Mistakes of one kind differ between networks in a number.
NUMBERS = re.compile(r"\d[\d.]*(e[+-]?\d+)?")


def kind(name):
    """The name of a mistake without its numbers."""
    return NUMBERS.sub("#", name)


def survey(claim):
    """Networks of the domain, drawn and not simulated."""
    found = []

    @settings(
        max_examples=SURVEYS.get(claim.id, SURVEY), database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(claim.domain.networks())
    def draw(network):
        found.append(network)

    draw()
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Choice:
    """A network, the time that its sample may take, and the part of the common mistake's 99% that it sees then."""

    network: Any
    seconds: float
    pull: float


@cache
def choices(claim):
    """Return the kept choices if the run is derandomised and the claim is unchanged; else choose, once in a process."""
    kept = _kept() if settings().derandomize else {}
    return kept.get(claim.id) or chosen(claim, survey(claim))


@cache
def _kept():
    versions = json.loads(VERSIONS.read_text())["quick"]
    return {
        id: [Choice(read_network(network), seconds, pull) for network, seconds, pull in found]
        for id, (version, found) in json.loads(KEPT.read_text()).items()
        if version == versions.get(id)
    }


def chosen(claim, networks):
    """Return choices that together lie in each part of the domain."""
    missing = {part for network in networks for part in strata(claim, network).items()}
    found, pulls = [], {}
    for kernel in ("dense", "reduced", "chain"):
        best = _sharpest(claim, [network for network in networks if getattr(network, "kernel", "") == kernel], pulls)
        if pulls.get(best):
            found.append(Choice(best, SECONDS, pulls[best]))
    found += [Choice(network, SECONDS, pull(claim, network, SECONDS)) for network in SEEING.get(claim.id, ())]
    missing -= {part for choice in found for part in strata(claim, choice.network).items()}
    while missing:
        covered = {network: len(missing & set(strata(claim, network).items())) for network in networks}
        most = max(covered.values(), default=0)
        if most == 0:  # what is left is too dear
            break
        candidates = [network for network in networks if covered[network] == most][:CANDIDATES]
        for network in candidates:
            if network not in pulls:
                pulls[network] = pull(claim, network, SECONDS) if any(pulls.values()) else 0.0
        best = max(candidates, key=pulls.get)
        if not pulls[best] and not planned(claim, best, SECONDS):
            networks.remove(best)
            continue
        found.append(Choice(best, SECONDS, pulls[best]))
        missing -= set(strata(claim, best).items())
    return _shorter(claim, _telling(claim, networks, _longer(claim, found)))


@cache
def planned(claim, network, seconds):
    """The checks that the time pays for; none if it pays for none."""
    return plan_drawn(claim, network, level=PLANNED_LEVEL, seconds=seconds)


def _told(claim, network, seconds):
    """Return pairs of a kind of mistake and whether the network tells it within a time."""
    plans = planned(claim, network, seconds)
    return {(kind(name), times <= 1.0) for plan in plans for name, times in networks_needed(plan).items()}


def _told_together(claim, choices):
    """Return the least need of each kind of mistake, 1 if some network tells it, and the smallest size that is told."""
    needed, sizes = {}, {}
    for plan in (plan for choice in choices for plan in planned(claim, choice.network, choice.seconds)):
        for name, times in networks_needed(plan).items():
            needed[kind(name)] = min(needed.get(kind(name), math.inf), max(times, 1.0))
        for text, size in sizes_told(plan).items():
            sizes[text] = min(sizes.get(text, math.inf), size)
    return needed, sizes


def _shorter(claim, choices):
    """Give less time to those that see little of the common mistake and tell nothing that the others do not."""
    together, most = _told_together(claim, choices), max((choice.pull for choice in choices), default=0.0)
    for place, choice in enumerate(choices):
        sees = choice.pull >= LITTLE or choice.pull == most > 0.0
        checks = len(planned(claim, choice.network, choice.seconds))
        for seconds in () if sees else SHORTER:
            pull = choice.pull * math.sqrt(seconds / choice.seconds)
            others = [*choices[:place], Choice(choice.network, seconds, pull), *choices[place + 1 :]]
            as_many = seconds < choice.seconds and len(planned(claim, choice.network, seconds)) == checks
            if as_many and _told_together(claim, others) == together:
                choices = others
                break
    return choices


def _telling(claim, networks, choices):
    """Add networks, or more time, that tell the mistakes which the others do not."""
    found = {choice.network: choice for choice in choices}
    known = set().union(*(_told(claim, choice.network, choice.seconds) for choice in choices))
    few = networks[: FEW_PLANNED.get(claim.id, PLANNED_FOR)]
    for seconds, network in product(TIMES, few):
        untold = {name for name, is_told in known if not is_told and (name, True) not in known}
        if not untold:
            break
        before = found.get(network, Choice(network, 0.0, 0.0))
        new = _told(claim, network, max(seconds, before.seconds))
        if {(name, True) for name in untold} & new:
            known |= new
            found[network] = replace(before, seconds=max(seconds, before.seconds))
    return list(found.values())


def _sharpest(claim, networks, pulls):
    """The network that sees most, cheapest first until it is enough; None if none can be compared."""
    compared = []
    for network in sorted(networks, key=lambda network: network.work_per_block / network.block_size):
        if enlarged(network) is not None:
            pulls[network] = pull(claim, network, SECONDS)
            compared.append(pulls[network])
            most = max(compared)
            few = len(compared) == FEW_PLANNED.get(claim.id, 0)
            # Without exact means there is nothing to compare.
            if few or len(compared) >= (CANDIDATES if most >= ENOUGH else NOTHING if most == 0.0 else math.inf):
                break
    return max((n for n in networks if n in pulls), key=pulls.get, default=None)


def _longer(claim, choices):
    """Give more time to those that then see the mistake, the cheapest first: what is seen grows as its root."""
    given, spare, first = [], MORE_SPARE.get(claim.id, SPARE), SEEING.get(claim.id, ())
    for choice in sorted(choices, key=lambda one: (one.network not in first, -one.pull)):
        needed = min(SECONDS * max(AIM / max(choice.pull, 1e-9), 1.0) ** 2, LONGEST)
        if choice.pull * math.sqrt(needed / SECONDS) < 1.0 or needed - SECONDS > spare:
            given.append(choice)
            continue
        spare -= needed - SECONDS
        given.append(replace(choice, seconds=needed, pull=choice.pull * math.sqrt(needed / SECONDS)))
    return given


def enlarged(network):
    """The network with larger factors, which has the same checks; None if that cannot be spelled."""
    if not isinstance(network, Cell):
        return None
    shape = network.network
    if shape.scaling.kind == "sequence":
        factors = tuple(ENLARGED * shape.scaling.factors(shape.depth))
        return replace(network, network=replace(shape, scaling=Scaling.sequence(factors)))
    if shape.scaling.beta is None or shape.depth == 1:
        return None
    beta = shape.scaling.beta - math.log(ENLARGED) / math.log(shape.depth)
    return replace(network, network=replace(shape, scaling=Scaling.power(beta)))


def pull(claim, network, seconds):
    """How far the mistake moves an exact mean, in units of what its sample sees with a probability of 99%.

    What a statement makes of the networks of one block, and what the statement about the enlarged network makes of
    them, differ by that mistake. 0 without exact means that the time pays for.
    """
    moved, found, samples = enlarged(network), 0.0, None
    if moved is None:
        return found
    others = iter(claim.domain.build(moved, 1.0))
    for check in islice(claim.domain.build(network, FINE), COMPARED):
        # Predictions of laws take longer than a sample, so those of the other network are made for means alone.
        if not (check.basis.exact and isinstance(check.estimator, Mean)):
            break
        other = next(others, None)
        if other is None or not isinstance(other.estimator, Mean):
            break
        try:
            planned = plan_within(check.name, check, PLANNED_LEVEL, seconds)
        except SpecificationError:
            continue
        samples = samples or list(run_experiments({e: e.block_size for e in check.experiments}, 0, threads=1).values())
        shift = np.mean(check.estimator.observable(samples)) - np.mean(other.estimator.observable(samples))
        shift += other.target[0] - check.target[0]
        resolution = check.estimator.resolution(check.target, planned.replicates, planned.level)
        found = max(found, abs(float(shift)) / resolution)
    return found


def _spelled(claim):
    """The choices of a claim, a line for each network."""
    found = (json.dumps([spell_network(c.network), round(c.seconds, 4), round(c.pull, 4)]) for c in choices(claim))
    return ",\n".join(found)


if __name__ == "__main__":
    settings.register_profile("kept", derandomize=True, database=None)
    settings.load_profile("kept")
    KEPT.write_text("{}")
    stated = json.loads(VERSIONS.read_text())["quick"]
    kept = {claim.id: (stated[claim.id], _spelled(claim)) for claim in tc.all_claims() if claim.domain is not None}
    parts = (f"{json.dumps(id)}: [{json.dumps(version)}, [\n{lines}\n]]" for id, (version, lines) in kept.items())
    KEPT.write_text("{\n" + ",\n".join(parts) + "\n}\n")
