"""Observables: what a check looks at, as formulas in the columns of its samples.

A formula is built from :func:`column` with arithmetic and the functions below, and evaluates to one number per
replicate (to one row per replicate, where an estimator says so). Its text is its identity: two observables of one text
are the same, whatever they are called.

>>> displacement = exp(2.0 * column("log_displacement"))
>>> displacement
exp((2.0 * log_displacement))
>>> between(displacement, upper=1.5)
(exp((2.0 * log_displacement)) in [-inf, 1.5])
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from theory_check.experiments.experiment import Sample
from theory_check.foundation.arguments import check_count, check_number, check_text
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.code_identity import code_identity
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_sequence
from theory_check.inference.rates import slope_weights

Samples: TypeAlias = Sequence[Sample[Any]]

#: exp(-inf) = 0: a displacement that did not happen. Any finite logarithm is at least this.
LEAST = -sys.float_info.max


@dataclass(frozen=True)
class Observable:
    """A pure function of the samples of a check, with the formula that tells it from every other.

    Attributes
    ----------
    formula : str
    columns : frozenset of (str, int)
        The columns it reads, each with the place of its experiment in the check.
    """

    formula: str
    evaluate: Callable[[Samples], FloatArray] = field(compare=False, repr=False)
    columns: frozenset[tuple[str, int]] = field(default=frozenset(), compare=False, repr=False)

    #: Indexing has no last place, so that Python's iteration by index would not end.
    __iter__: ClassVar[None] = None

    def __call__(self, samples: Samples) -> FloatArray:
        """Return one value, or one row of values, per replicate."""
        return self.evaluate(samples)

    def __repr__(self) -> str:
        return self.formula

    def __add__(self, other: Observable | float) -> Observable:
        return _combine("+", np.add, self, other)

    def __radd__(self, other: float) -> Observable:
        return _combine("+", np.add, other, self)

    def __sub__(self, other: Observable | float) -> Observable:
        return _combine("-", np.subtract, self, other)

    def __rsub__(self, other: float) -> Observable:
        return _combine("-", np.subtract, other, self)

    def __mul__(self, other: Observable | float) -> Observable:
        return _combine("*", np.multiply, self, other)

    def __rmul__(self, other: float) -> Observable:
        return _combine("*", np.multiply, other, self)

    def __truediv__(self, other: Observable | float) -> Observable:
        return _combine("/", np.divide, self, other)

    def __pow__(self, power: float) -> Observable:
        return _combine("**", np.power, self, power)

    def __and__(self, other: Observable) -> Observable:
        return _combine("and", np.multiply, self, other)

    def __abs__(self) -> Observable:
        return apply("abs", np.abs, self)

    def __getitem__(self, index: int) -> Observable:
        return apply(f"[{index}]", lambda values: values[:, index], self)

    def mean(self) -> Observable:
        """Average over the inputs that share the weights of a replicate."""
        return apply("mean", lambda values: np.asarray(values.mean(axis=1)), self)

    def clip(self, lower: float, upper: float = math.inf) -> Observable:
        """Cut off below and above, for tests of laws and bounded means, which need finite values."""
        return apply(f"clip[{float(lower)!r}, {float(upper)!r}]", lambda values: np.clip(values, lower, upper), self)

    def given(self, event: Observable) -> Observable:
        """Keep the replicates where an event happened, zeros and ones; it must be known before the quantity is."""
        columns = self.columns | event.columns
        return Observable(f"({self} given {event})", lambda s: self(s)[event(s) > 0.0], columns)


def _combine(sign: str, function: Any, left: Observable | float, right: Observable | float) -> Observable:
    def value(part: Observable | float, samples: Samples) -> FloatArray | float:
        return part(samples) if isinstance(part, Observable) else part

    columns = frozenset[tuple[str, int]]().union(*(p.columns for p in (left, right) if isinstance(p, Observable)))
    first, second = (
        part if isinstance(part, Observable) else repr(check_number("a part of an observable", part))
        for part in (left, right)
    )
    return Observable(f"({first} {sign} {second})", lambda s: function(value(left, s), value(right, s)), columns)


def apply(name: str, function: Callable[..., FloatArray], *parts: Observable) -> Observable:
    """Return a function of observables.

    Parameters
    ----------
    name : str
        It must say all of what is computed, numbers included.
    function : callable
        Of one array for each observable.
    *parts : Observable, or the name of a column, or a function of the samples

    Returns
    -------
    Observable
    """
    read = [observable(part) for part in parts]
    columns = frozenset[tuple[str, int]]().union(*(part.columns for part in read))
    return Observable(
        f"{name}({', '.join(map(str, read))})", lambda samples: function(*(part(samples) for part in read)), columns
    )


def column(name: str, experiment: int = 0) -> Observable:
    """Return a column of the sample of one experiment of the check, by its place among them."""
    check_text("column", name)
    check_count("place of an experiment", experiment, 0)
    place = f"@{experiment}" if experiment else ""

    def read(samples: Samples) -> FloatArray:
        if experiment >= len(samples):
            raise SpecificationError(f"column {name} is read from experiment {experiment}, of {len(samples)} from 0 on")
        return samples[experiment].column(name)

    return Observable(f"{name}{place}", read, frozenset({(name, experiment)}))


def observable(what: object) -> Observable:
    """Return an observable from the name of a column, a formula, or a function of the samples.

    A function is known by its code and by the constants it reads; see
    :func:`~theory_check.foundation.code_identity.code_identity`.
    """
    if isinstance(what, Observable):
        return what
    if isinstance(what, str):
        return column(what)
    if not callable(what):
        raise SpecificationError(f"observable is {what!r}; give a column, a formula or a function of the samples")
    _check_function(what)
    return Observable(f"function {code_identity(what)}", lambda samples: _values(what, samples))


def _check_function(function: Callable[..., Any]) -> None:
    """Raise unless a function takes samples alone and returns, rather than yields or awaits."""
    named = f"observable {getattr(function, '__name__', function)!s}"
    if any(
        kind(function)
        for kind in (
            inspect.iscoroutinefunction,
            inspect.isasyncgenfunction,
            inspect.isgeneratorfunction,
            inspect.isclass,
        )
    ):
        raise SpecificationError(f"{named} must be a plain function that returns an array")
    try:
        inspect.signature(function).bind(())
    except TypeError as error:
        raise SpecificationError(f"{named} must take the samples alone: {error}") from None
    except ValueError:  # compiled functions may have no signature
        return


def _values(function: Callable[..., Any], samples: Samples) -> FloatArray:
    """Evaluate a function of the user's on samples that it cannot change."""
    found = function([_protected(sample) for sample in samples])
    rows = {sample.replicates for sample in samples if isinstance(sample, Sample)}
    right = isinstance(found, np.ndarray) and found.dtype.kind in "fbiu" and found.ndim in (1, 2)
    if not right or (rows and len(found) not in rows):
        text = f"{found.dtype} of shape {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise SpecificationError(
            f"observable {getattr(function, '__name__', function)!s} gives {text}; it must give an array with one "
            f"number, or one row of numbers, for each of {' or '.join(map(str, sorted(rows)))} replicates"
        )
    return np.array(found, dtype=np.float64)


def _protected(sample: Sample[Any]) -> Sample[Any]:
    """Return a sample whose columns cannot be written to; other worlds than samples are left as they are."""
    if not isinstance(sample, Sample):
        return sample
    columns = {name: column.view() for name, column in sample.values.items()}
    for column in columns.values():
        column.flags.writeable = False
    return replace(sample, values=columns)


def exp(x: Observable) -> Observable:
    """Exponential."""
    return apply("exp", np.exp, x)


def log(x: Observable) -> Observable:
    """Natural logarithm."""
    return apply("log", np.log, x)


def cos(x: Observable) -> Observable:
    """Cosine."""
    return apply("cos", np.cos, x)


def expm1(x: Observable) -> Observable:
    """exp(x) - 1."""
    return apply("expm1", np.expm1, x)


def increments(x: Observable) -> Observable:
    """Differences of neighbouring recorded depths or doublings."""
    return apply("increments", lambda values: np.diff(values, axis=1), x)


def pooled(x: Observable) -> Observable:
    """All values of all replicates in one row: martingale differences, for a mean with several values per replicate."""
    return apply("pooled", np.ravel, x)


def stack(*parts: Observable) -> Observable:
    """Several observables side by side, shape (replicates, parts)."""
    return apply("stack", lambda *values: np.stack(values, axis=1), *parts)


def between(x: Observable, lower: float = -math.inf, upper: float = math.inf) -> Observable:
    """Tell by zeros and ones whether lower <= x <= upper.

    Parameters
    ----------
    x : Observable, or the name of a column, or a function of the samples
    lower, upper : float

    Returns
    -------
    Observable
    """
    x, lower, upper = observable(x), check_number("lower", lower), check_number("upper", upper)
    columns = x.columns
    return Observable(
        f"({x} in [{float(lower)!r}, {float(upper)!r}])", lambda s: _is_between(x(s), lower, upper), columns
    )


def _is_between(values: FloatArray, lower: float, upper: float) -> FloatArray:
    return ((values >= lower) & (values <= upper)).astype(np.float64)


def always(event: Observable) -> Observable:
    """Tell by zeros and ones whether an event happened at every depth of a replicate."""
    return apply("always", lambda values: np.asarray(np.min(values, axis=1)), event)


def at_beta(name: str, beta: float) -> Observable:
    """Return a column of a sweep at one of its betas, for the first input."""
    check_text("column", name)
    beta = check_number("beta", beta)

    def evaluate(samples: Samples) -> FloatArray:
        position: int = samples[0].experiment.betas.index(beta)
        return samples[0].column(name)[:, position, 0]

    return Observable(f"{name} at beta {float(beta)!r}", evaluate, frozenset({(name, 0)}))


def error_slope(name: str, depths: tuple[int, ...], experiment: int = 0) -> Observable:
    """Return the slope of log error on log depth of each replicate, from a column of errors (replicates, depths).

    A replicate with an error of 0, a network that never moved, has no slope; it is given slope 0 and counts against
    convergence.

    Parameters
    ----------
    name : str
    depths : tuple of int
    experiment : int
        Place in the check.

    Returns
    -------
    Observable

    Raises
    ------
    SpecificationError
        Unless the depths are whole numbers of which at least two differ.
    """
    depths = tuple(check_count("depth", depth) for depth in check_sequence("depths", depths))
    if len(set(depths)) < 2:
        raise SpecificationError(f"depths must hold at least two different depths, got {list(depths)}")

    def slope(errors: FloatArray) -> FloatArray:
        weights = slope_weights(np.log(np.array(depths, dtype=np.float64)))
        moved = np.all(errors > 0.0, axis=1)
        return np.where(moved, np.log(np.where(moved[:, None], errors, 1.0)) @ weights, 0.0)

    return apply(f"slope over {list(depths)}", slope, column(name, experiment))


def displacement_slope(experiment: int = 0) -> Observable:
    """Return the slope of log sqrt(D) on log L between the coarsest and the finest depth of an Euler experiment.

    A network that never moved is given slope 0: it counts against vanishing and against explosion.
    """
    check_count("place of an experiment", experiment, 0)

    def evaluate(samples: Samples) -> FloatArray:
        values = samples[experiment].column("log_displacement")[:, [0, -1]]
        depths = samples[experiment].experiment.depths
        moved = np.all(np.isfinite(values), axis=1)
        kept: FloatArray = np.where(moved[:, None], values, 0.0)
        return np.asarray((kept[:, 1] - kept[:, 0]) / math.log(depths[-1] / depths[0]))

    return Observable(f"displacement slope@{experiment}", evaluate, frozenset({("log_displacement", experiment)}))


LOG_NORM_RATIO = column("log_norm_ratio")
LOG_DISPLACEMENT = column("log_displacement")
LOG_GRADIENT_RATIO = column("log_gradient_ratio")
LOG_GRADIENT_DISPLACEMENT = column("log_gradient_displacement")
NORM_RATIO = exp(LOG_NORM_RATIO)
ROOT_DISPLACEMENT = exp(LOG_DISPLACEMENT)
DISPLACEMENT = exp(2.0 * LOG_DISPLACEMENT)
GRADIENT_RATIO = exp(LOG_GRADIENT_RATIO)
GRADIENT_DISPLACEMENT = exp(2.0 * LOG_GRADIENT_DISPLACEMENT)
LOG_DETERMINANT = column("log_determinant")

#: log R, each layer counted as at least a halving of the squared norm; and less what is known to have mean 0 of it, to
#: second order in the factors, see :mod:`theory_check.theory.controlled_logarithm`.
LOG_FLOORED_RATIO = column("log_floored_ratio")
_PROJECTION, SQUARE_CONTROL = column("control_projection"), column("control_square")
SECOND_ORDER_CONTROL = column("control_length") - 0.5 * SQUARE_CONTROL
CONTROLLED_LOG_RATIO = LOG_FLOORED_RATIO - _PROJECTION - SECOND_ORDER_CONTROL


def controlled_square(centre: float, projection_variance: float) -> Observable:
    """Return the square of the floored log R about a value, less what is known to have mean 0 of it.

    Parameters
    ----------
    centre : float
    projection_variance : float
        Of the first control, known exactly.

    Returns
    -------
    Observable
    """
    crossed = _PROJECTION * _PROJECTION - projection_variance + 2.0 * (_PROJECTION * SECOND_ORDER_CONTROL)
    return (LOG_FLOORED_RATIO - centre) ** 2 - crossed


#: Cosine of the outputs of two inputs.
COSINE = column("cosine_output")[1]

#: <h_L, h_L'> of the first two inputs, in units of the norms at the input.
PRODUCT = COSINE * exp(0.5 * (LOG_NORM_RATIO[0] + LOG_NORM_RATIO[1]))
