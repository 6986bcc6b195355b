"""Checks: one quantity of one network against its prediction, and how they are spelled."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from theory_check.claims.estimators import Estimator, Range
from theory_check.experiments.cell import CONTROL_COLUMNS, GRADIENT_COLUMNS, Cell
from theory_check.experiments.experiment import Experiment
from theory_check.foundation.arguments import check_nonnegative, check_number, check_text
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.laws import Law, Normal, Shifted
from theory_check.foundation.user_code import called_at
from theory_check.inference.validation import check_level

#: Probability, at most, that a check does not support a true statement by lack of replicates; the default.
MISS_RATE = 1e-6

#: A wrong value must lie this many tolerances from the target: nearer ones cannot be told from it.
LEAST_DISTANCE = 2.0

#: Sizes of mistakes that are tried until one lies far enough.
_SIZES = (0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3,
          0.4, 0.5, 0.6, 0.75, 1.0, 1.5, 2.0)  # fmt: skip

#: Distance, in tolerances, within which two predictions are one.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Basis:
    """Why a margin is as wide as it is, and what follows for the test.

    Attributes
    ----------
    reason : str
    exact : bool
        Whether the prediction is exact at this size, so that a miss of the target alone refutes it.
    allowance : float
        Part of the margin that planning leaves free for a finite-size error without a proven bound.
    """

    reason: str
    exact: bool = False
    allowance: float = 0.0

    def __post_init__(self) -> None:
        check_text("the reason of a basis", self.reason)
        if not 0.0 <= check_number("the allowance of a basis", self.allowance) < 1.0:
            raise SpecificationError(f"the allowance of a basis is {self.allowance!r}; it must be from 0 to below 1")


EXACT = Basis(
    "the prediction is exact at this depth and width; the margin is the resolution that the profile pays for",
    exact=True,
)

EXACT_AT_DEPTHS = Basis(
    "the prediction is exact at these depths and this width; the margin is the resolution that the profile pays for",
    exact=True,
)

IDENTITY = Basis(
    "an identity; the margin is the share of networks that a sample of this size could overlook", exact=True
)

#: A limit law whose exact distance from the law at this depth is known.
PROVEN = Basis("limit law; its exact distance from the law at this depth is the remainder")

LIMIT = Basis(
    "limit law; for this weight law the error at finite depth, of order 1/L, has no proven constant", allowance=0.3
)


@dataclass(frozen=True)
class Variant:
    """A nearby false statement that a check must refute: another target, or another estimator, on the same samples.

    Attributes
    ----------
    name : str
    target : (float, float), optional
    estimator : Estimator, optional
    distance : float, optional
        From the predicted value or law, in tolerances; None if only samples can tell.
    sized : float
        Its size, if that and with it the name follow the margin; otherwise 0.
    """

    name: str
    target: Range | None = None
    estimator: Estimator | None = None
    distance: float | None = None
    sized: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One quantity of one network against its prediction; :func:`check` spells it and describes its fields.

    Margin and miss rate decide how many replicates there are; a check never says so itself.
    """

    name: str
    experiments: tuple[Experiment, ...]
    quantity: str
    estimator: Estimator
    target: Range
    margin: float
    basis: Basis
    remainder: float = 0.0
    miss_rate: float = MISS_RATE
    variants: tuple[Variant, ...] = ()
    place: str = field(default="", compare=False, repr=False)
    sized: Mapping[str, Callable[[float], object]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def tolerance(self) -> float:
        """Distance from the target that still counts as agreement: margin and remainder."""
        return self.margin + self.remainder

    @property
    def null(self) -> Range:
        """Values that a true statement allows: the target, widened by the tolerance unless it is exact."""
        if self.basis.exact:
            return self.target
        return self.target[0] - self.tolerance, self.target[1] + self.tolerance

    @cached_property
    def displaced(self) -> tuple[Variant, ...]:
        """The statements at twice the tolerance on either side: a check of the code, not of the claim."""
        found = self.estimator.displaced(self.target, LEAST_DISTANCE * self.tolerance)
        return tuple(
            Variant(text, at if isinstance(at, tuple) else None, None if isinstance(at, tuple) else at, LEAST_DISTANCE)
            for text, at in found.items()
        )

    @property
    def all_variants(self) -> tuple[Variant, ...]:
        """The displaced statements and the named mistakes."""
        return (*self.displaced, *self.variants)

    def within(self, margin: float) -> Check:
        """Return the check with another margin; mistakes of a size have the smallest that this margin tells."""
        other = replace(self, margin=margin)
        scale = self.tolerance / other.tolerance
        kept = (v if v.distance is None else replace(v, distance=v.distance * scale)
                for v in self.variants if not v.sized)  # fmt: skip
        return replace(other, variants=(*kept, *_told(other)))


def check(
    name: str,
    experiments: Experiment | tuple[Experiment, ...],
    quantity: str,
    estimator: Estimator,
    target: float | Range | None = None,
    *,
    margin: float,
    basis: Basis = EXACT,
    remainder: float = 0.0,
    miss_rate: float = MISS_RATE,
    wrong: Mapping[str, object] | None = None,
    sized: Mapping[str, Callable[[float], object]] | None = None,
) -> Check:
    """Return a check: what is measured, the prediction, why the margin is what it is, and the mistakes to refute.

    Parameters
    ----------
    name : str
        Point of the claim's grid, ``rademacher-d40-law``; never changes meaning.
    experiments : Experiment, or a tuple of them
        As ``network`` returns them.
    quantity : str
        What is estimated, Markdown with inline mathematics.
    estimator : Estimator
        ``Mean``, ``Probability``, ``median``, ``Quantile``, ``Spread``, ``Distance``, ``Slope``, ...
    target : float or (float, float), optional
        Prediction at this size; default: that of the estimator's law.
    margin : float
        Deviation that counts as agreement.
    basis : Basis
        ``EXACT``, ``LIMIT``, or one with a reason of its own.
    remainder : float
        Proven error of the prediction at this size.
    miss_rate : float
        Probability, at most, that a true statement is not supported by lack of replicates.
    wrong : mapping
        From each mistake to what it would predict: a value, two values for a range, a law, another observable of the
        same samples, or another estimator. What equals the prediction is no mistake and is left out here; planning
        leaves out the values that lie too near at a profile. If all are, the check cannot be planned.
    sized : mapping
        Mistakes of a size, ``{"weights of {:.0%} more variance": prediction}``, with the value or law that each size
        predicts. The smallest of a few round sizes that the margin tells from the target is one of the mistakes: it
        shows what the margin resolves where other mistakes are far.

    Returns
    -------
    Check

    Raises
    ------
    SpecificationError
        If there is no target, or an argument is of another kind or outside its range.
    """
    several = experiments if isinstance(experiments, tuple) else (experiments,)
    _check_parts(name, several, quantity, estimator, basis)
    predicted = _target(name, estimator, target)
    if not (isinstance(margin, (int, float, np.number)) and 0.0 < margin < math.inf):
        raise SpecificationError(f"check {name}: its margin is {margin!r}; it must be positive and finite")
    check_nonnegative(f"check {name}: its remainder", remainder)
    check_level(f"check {name}: its miss_rate", miss_rate)
    _check_mistakes(name, "wrong", wrong)
    _check_mistakes(name, "sized", sized)
    made = Check(
        name=name, experiments=_observing(several, estimator), quantity=quantity, estimator=estimator,
        target=predicted, margin=margin, basis=basis, remainder=remainder, miss_rate=miss_rate, place=called_at(),
        sized=sized or {},
    )  # fmt: skip
    variants = (_variant(made, text, what) for text, what in (wrong or {}).items())
    return replace(made, variants=(*(v for v in variants if not _is_prediction(made, v)), *_told(made)))


def higher(value: float, unit: float = 1.0) -> Callable[[float], float]:
    """Return what a quantity is if it is higher by a size, in units: for ``sized``."""
    return lambda size: value + size * unit


def heavier(limit: Normal, more: float) -> Normal:
    """Return the limit of a log norm for weights of more variance, by a share: for ``sized``."""
    return Normal((1.0 + more) * limit.mean, (1.0 + more) * limit.variance)


def drifting(law: Law, drift: float) -> Callable[[float], Law]:
    """Return what the law of a log norm is if its drift is larger by a share: for ``sized``."""
    return lambda more: Shifted(law, more * drift)


def _told(made: Check) -> Iterator[Variant]:
    """Return each mistake of a size at the smallest that lies more than two tolerances from the prediction."""
    least = (1.0 + 1e-9) * LEAST_DISTANCE
    for text, predict in made.sized.items():
        for size in _SIZES:
            variant = _variant(made, text.format(size), predict(size))
            if variant.distance is not None and variant.distance > least:
                yield replace(variant, sized=size)
                break


def _check_parts(
    name: object, experiments: tuple[object, ...], quantity: object, estimator: object, basis: object
) -> None:
    """Raise unless the parts of a check are of their kinds."""
    # Names stand in those of files, and after the claim's in "E4/NAME".
    part = "[A-Za-z0-9][A-Za-z0-9.:=_+-]*"
    if not (isinstance(name, str) and re.fullmatch(f"{part}(/{part})*", name)):
        raise SpecificationError(f"the name of a check is {name!r}; it must be made of letters, digits and .:=_+-/")
    check_text(f"check {name}: its quantity", quantity)
    if not experiments or not all(hasattr(experiment, "block_size") for experiment in experiments):
        given = experiments[0] if len(experiments) == 1 else experiments
        raise SpecificationError(
            f"check {name}: its experiment is {reprlib.repr(given)}; give what network(...) returns, or a tuple"
        )
    if not isinstance(estimator, Estimator):
        raise SpecificationError(f"check {name}: its estimator is {estimator!r}; give one, such as median(...)")
    if not isinstance(basis, Basis):
        raise SpecificationError(f"check {name}: its basis is {basis!r}; give EXACT, LIMIT or a Basis")


def _target(name: str, estimator: Estimator, target: float | Range | None) -> Range:
    predicted = estimator.prediction if target is None else target
    if predicted is None:
        raise SpecificationError(f"check {name}: give it a target, which {estimator.kind} estimates do not have")
    low, high = _range(predicted, f"check {name}: its target")
    if not (low <= high and (math.isfinite(low) or math.isfinite(high))):
        raise SpecificationError(f"check {name}: its target is {predicted!r}; it must be a number, or two in order")
    return low, high


def _check_mistakes(name: str, what: str, mistakes: object) -> None:
    if not (mistakes is None or isinstance(mistakes, Mapping)):
        raise SpecificationError(f"check {name}: {what} is {mistakes!r}; it must be a dictionary of mistakes")
    for text in mistakes or ():
        check_text(f"check {name}: a mistake in {what}", text)


def _observing(experiments: tuple[Experiment, ...], estimator: Estimator) -> tuple[Experiment, ...]:
    """Let networks carry the gradient back, or sum control variates, where the estimator reads such a column."""

    def reads(place: int, columns: Collection[str]) -> bool:
        return any(name in columns for name, of in estimator.observable.columns if of == place)

    def observing(e: Cell, place: int) -> Cell:
        gradients = e.gradients or reads(place, GRADIENT_COLUMNS)
        # A chain for norms alone may be too narrow to carry gradients; where it is exact, the reduced kernel is.
        kernel = "reduced" if gradients and not e.gradients and e.kernel == "chain" else e.kernel
        return replace(e, kernel=kernel, gradients=gradients, controls=e.controls or reads(place, CONTROL_COLUMNS))

    return tuple(observing(e, place) if isinstance(e, Cell) else e for place, e in enumerate(experiments))


def _range(value: float | Range, what: str = "the value of a mistake") -> Range:
    parts = value if isinstance(value, tuple) else (value, value)
    if len(parts) != 2:
        raise SpecificationError(f"{what} is {value!r}; it must be a number, or two in order")
    return check_number(what, parts[0]), check_number(what, parts[1])


def _variant(made: Check, text: str, what: object) -> Variant:
    if isinstance(what, (int, float, tuple)):
        value = _range(what)
        apart = max(made.target[0] - value[1], value[0] - made.target[1])
        return Variant(text, value, None, apart / made.tolerance)
    estimator = made.estimator.instead(what)
    apart_laws = made.estimator.separation(estimator)
    return Variant(text, None, estimator, None if apart_laws is None else apart_laws / made.tolerance)


def _is_prediction(made: Check, variant: Variant) -> bool:
    """Tell whether a named mistake says what the check says, as "kappa is missing" does where kappa is 1."""
    if variant.target is None:
        return variant.distance is not None and variant.distance <= _ROUNDING
    apart = max(abs(theirs - own) for theirs, own in zip(variant.target, made.target, strict=True))
    return apart <= _ROUNDING * made.tolerance
