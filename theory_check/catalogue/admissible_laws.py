"""The weight laws that meet the hypotheses of E1, E4 and P3 beyond the common grid, and their networks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from theory_check.claims import Profile
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.networks.branches import BranchName
from theory_check.theory.multiplier import Multiplier

DEPTH = 64


@dataclass(frozen=True)
class AdmissibleLaw:
    """A weight law with the branch and width of its network: narrow where entries are slow to draw."""

    weights: str
    branch: BranchName = "res-3"
    width: int = 6

    @property
    def label(self) -> str:
        """The part of a check's name that tells the network."""
        return f"{self.branch}-{self.weights}-d{self.width}"


#: Skewed entries meet the hypotheses only where no activation sees them.
ADMISSIBLE: tuple[AdmissibleLaw, ...] = (
    AdmissibleLaw("triangular"),
    AdmissibleLaw("ternary"),
    AdmissibleLaw("truncated-normal"),
    AdmissibleLaw("laplace"),
    AdmissibleLaw("sparse"),
    AdmissibleLaw("student", width=4),
    AdmissibleLaw("orthogonal"),
    AdmissibleLaw("exponential", branch="linear"),
)


def capped(profile: Profile) -> Profile:
    """Return the profile, or standard where it is finer: these entries are up to a hundred times slower to draw."""
    return replace(profile, precision=max(profile.precision, 0.4), depth=min(profile.depth, 4))


def network_of(law: AdmissibleLaw, profile: Profile) -> Cell:
    """Return the network of a law at the critical scaling, twice as deep beyond the quick profile."""
    depth = DEPTH * (1 if profile.depth == 1 else 2)
    return network(law.branch, law.weights, width=law.width, depth=depth, gradients=True)


def margin(profile: Profile) -> float:
    """Return the margin of the checks on these laws, relative to a mean or as a distance of laws."""
    return 0.1 if profile.name == "quick" else 0.05


def gaussian_layer(deep: Cell) -> tuple[Multiplier, float, int]:
    """Return the Gaussian one-layer law with the variance of the weights, their other moments disregarded, with
    scaling factor and depth.
    """
    branch, depth = deep.network.branch, deep.network.depth
    gain = deep.weights.gain * (deep.weights.inner.gain if branch.has_inner else 1.0)
    return Multiplier(deep.network.width, branch, gain), float(deep.network.scaling.factors(depth)[0]), depth
