"""Weight laws at initialisation: the law of one entry of sqrt(d) V, and the variance convention.

To add a law, append one :class:`WeightLaw` to :data:`LAWS`: a name, a line of description and a plain function that
maps two independent uniforms on (0, 1] to one draw of unit variance. It is then available in Python, on the command
line (``--weights NAME``), in the Hypothesis strategies and in the tests that every law passes. A program adds a law of
its own, for as long as it runs, by :func:`add_law`.

Weights that are correlated from layer to layer follow a :class:`~theory_check.processes.WeightProcess` instead and are
spelled in the same way.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.errors import SpecificationError
from theory_check.processes import PROCESSES, WeightProcess
from theory_check.specifications import check_choice, check_finite, parse_call, render_call

#: ``transform(u, v, constants)``: two independent uniforms on (0, 1] to one draw; compiled, so arithmetic and ``math``
#: only.
Transform = Callable[[float, float, Sequence[float]], float]
Parameters = Mapping[str, float]

Variance = Literal["unit", "he", "glorot", "lecun", "pytorch"]

#: Variance of an entry of a square matrix, times the width: 2/fan-in (He), 2/(fan-in + fan-out) (Glorot), 1/fan-in
#: (LeCun), and 1/(3 fan-in) for PyTorch's default Linear, uniform on +-1/sqrt(fan-in).
GAINS: Mapping[str, float] = MappingProxyType(
    {"unit": 1.0, "he": 2.0, "glorot": 1.0, "lecun": 1.0, "pytorch": 1.0 / 3.0}
)


@dataclass(frozen=True, kw_only=True)
class WeightLaw:
    """A centred law for the entries of a weight matrix, normalised to unit variance where that is finite.

    Attributes
    ----------
    name, summary : str
    defaults : mapping
        Parameters with their default values.
    ranges : mapping
        For each parameter the open interval of accepted values.
    transform : callable, optional
        Draw from two uniforms. None for the laws with a kernel of their own, named by ``kernel``.
    constants : callable
        Numbers that ``transform`` reads, computed once from the parameters.
    kurtosis : callable
        Fourth moment over squared variance; infinite where it does not exist.
    variance : callable
        1, or infinite, or 0.
    skewness : float
        Third moment of an entry; 0 for every symmetric law.
    independent : bool
        Whether the entries of a matrix are independent.
    kernel : str
        ``entrywise``, or the name of a specialised filler of :mod:`theory_check.kernels.rows`.
    inner : str
        The law of W where it differs (initialisations that zero only the last layer of a branch).
    draws : float
        Time that an entry takes, drawn and used, in the unit of :mod:`theory_check.costs`; measured for the laws here.
    """

    name: str
    summary: str
    transform: Transform | None = None
    defaults: Parameters = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    constants: Callable[[Parameters], tuple[float, ...]] = lambda _: ()
    kurtosis: Callable[[Parameters], float]
    variance: Callable[[Parameters], float] = lambda _: 1.0
    skewness: float = 0.0
    independent: bool = True
    kernel: str = "entrywise"
    inner: str = ""
    draws: float = 40.0


def _laplace(u: float, v: float, _constants: Sequence[float]) -> float:
    size = -math.log(u) / math.sqrt(2.0)
    return size if v < 0.5 else -size


def _sparse(u: float, v: float, constants: Sequence[float]) -> float:
    if u >= constants[0]:
        return 0.0
    return constants[1] if v < 0.5 else -constants[1]


def _student(u: float, v: float, constants: Sequence[float]) -> float:
    # Bailey (1994): sqrt(df (u^(-2/df) - 1)) cos(2 pi v); expm1 keeps small values accurate at large df.
    return constants[1] * math.sqrt(math.expm1(constants[0] * math.log(u))) * math.cos(2.0 * math.pi * v)


def _student_constants(parameters: Parameters) -> tuple[float, ...]:
    df = parameters["df"]
    return -2.0 / df, math.sqrt(df - 2.0) if df > 2.0 else math.sqrt(df)


def _truncated_moments(bound: float) -> tuple[float, float]:
    density = math.exp(-bound * bound / 2.0) / math.sqrt(2.0 * math.pi)
    mass = math.erf(bound / math.sqrt(2.0))
    second = 1.0 - 2.0 * bound * density / mass
    return second, 3.0 * second - 2.0 * bound**3 * density / mass


def _truncated_constants(parameters: Parameters) -> tuple[float, ...]:
    bound = parameters["bound"]
    mass = math.erf(bound / math.sqrt(2.0))
    return (1.0 - mass) / 2.0, mass, 1.0 / math.sqrt(_truncated_moments(bound)[0])


def _truncated_kurtosis(parameters: Parameters) -> float:
    second, fourth = _truncated_moments(parameters["bound"])
    return fourth / second**2


def _student_kurtosis(parameters: Parameters) -> float:
    df = parameters["df"]
    return 3.0 + 6.0 / (df - 4.0) if df > 4.0 else math.inf


def _truncated(u: float, _v: float, constants: Sequence[float]) -> float:
    # The normal quantile by algorithm AS 241 (Wichura, 1988), relative error below 1e-15, without its branch for
    # probabilities below 1e-11, which uniforms of 32 bits do not reach.
    probability = constants[0] + constants[1] * u
    q = probability - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = 2509.0809287301226727 * r + 33430.575583588128105
        top = (top * r + 67265.770927008700853) * r + 45921.953931549871457
        top = (top * r + 13731.693765509461125) * r + 1971.5909503065514427
        top = (top * r + 133.14166789178437745) * r + 3.3871328727963666080
        bottom = 5226.4952788528545610 * r + 28729.085735721942674
        bottom = (bottom * r + 39307.895800092710610) * r + 21213.794301586595867
        bottom = (bottom * r + 5394.1960214247511077) * r + 687.18700749205790830
        bottom = (bottom * r + 42.313330701600911252) * r + 1.0
        return constants[2] * q * top / bottom
    tail = probability if q < 0.0 else 1.0 - probability
    r = math.sqrt(-math.log(tail)) - 1.6
    top = 7.74545014278341407640e-4 * r + 2.27238449892691845833e-2
    top = (top * r + 2.41780725177450611770e-1) * r + 1.27045825245236838258
    top = (top * r + 3.64784832476320460504) * r + 5.76949722146069140550
    top = (top * r + 4.63033784615654529590) * r + 1.42343711074968357734
    bottom = 1.05075007164441684324e-9 * r + 5.47593808499534494600e-4
    bottom = (bottom * r + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1
    bottom = (bottom * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940
    bottom = (bottom * r + 2.05319162663775882187) * r + 1.0
    return constants[2] * (-top / bottom if q < 0.0 else top / bottom)


def _zero_last(name: str, summary: str) -> WeightLaw:
    return WeightLaw(
        name=name, summary=summary, kernel="zero", inner="gaussian", kurtosis=lambda _: 0.0, variance=lambda _: 0.0,
        draws=0.3,
    )  # fmt: skip


LAWS: tuple[WeightLaw, ...] = (
    WeightLaw(name="gaussian", summary="normal entries", kernel="normal", kurtosis=lambda _: 3.0, draws=2.6),
    WeightLaw(name="uniform", summary="uniform entries", kernel="uniform", kurtosis=lambda _: 1.8, draws=0.85),
    WeightLaw(name="rademacher", summary="random signs", kernel="signs", kurtosis=lambda _: 1.0, draws=0.55),
    WeightLaw(
        name="triangular",
        summary="sum of two uniform numbers",
        kernel="triangular",
        draws=1.05,
        # Uniform on 2^16 places each: 2.4 to nine digits.
        kurtosis=lambda _: 2.4,
    ),
    WeightLaw(
        name="ternary",
        summary="random signs, each kept with probability 1/8 and zero otherwise",
        kernel="ternary",
        draws=1.2,
        kurtosis=lambda _: 8.0,
    ),
    WeightLaw(
        name="truncated-normal",
        summary="normal entries conditioned on |x| < bound before normalisation",
        transform=_truncated,
        defaults={"bound": 2.0},
        ranges={"bound": (0.01, 6.0)},
        constants=_truncated_constants,
        kurtosis=_truncated_kurtosis,
        draws=48.0,
    ),
    WeightLaw(
        name="laplace", summary="double exponential entries", transform=_laplace, kurtosis=lambda _: 6.0, draws=22.0
    ),
    WeightLaw(
        name="sparse",
        summary="ternary entries: 0, or a random sign with probability density",
        transform=_sparse,
        defaults={"density": 0.1},
        ranges={"density": (1e-6, 1.0 + 1e-12)},
        constants=lambda p: (p["density"], 1.0 / math.sqrt(p["density"])),
        kurtosis=lambda p: 1.0 / p["density"],
        draws=16.0,
    ),
    WeightLaw(
        name="student",
        # The random bits cut the tail at probability 2^-64. Below df = 2.5 that costs more than 0.03% of the variance,
        # at df = 2.1 a tenth of it.
        summary="Student t entries with df degrees of freedom; infinite variance, not normalised, for df <= 2",
        transform=_student,
        defaults={"df": 5.0},
        ranges={"df": (0.5, 1e6)},
        constants=_student_constants,
        kurtosis=_student_kurtosis,
        draws=150.0,
        variance=lambda p: 1.0 if p["df"] > 2.0 else math.inf,
    ),
    WeightLaw(
        name="orthogonal",
        summary="sqrt(d) times a Haar orthogonal matrix; entries are uncorrelated but not independent",
        kernel="orthogonal",
        independent=False,
        # 3 d/(d + 2) at width d.
        kurtosis=lambda _: 3.0,
        draws=2.7,
    ),
    WeightLaw(
        name="exponential",
        summary="exponential entries less their mean: centred but not symmetric",
        kernel="exponential",
        draws=2.6,
        kurtosis=lambda _: 9.0,
        skewness=2.0,
    ),
    _zero_last("zero", "last layer of every branch zero, Gaussian inside"),
    _zero_last("skipinit", "SkipInit: branch gain zero, which is a zero last layer"),
    _zero_last("rezero", "ReZero: branch gain zero, which is a zero last layer"),
    _zero_last("fixup", "Fixup: last layer of every branch zero"),
)


#: Laws that this program has added to the built-in ones, by name. A name is given once, and what it means enters the
#: identity of every cell that uses it.
_ADDED: dict[str, WeightLaw] = {}

#: Points in either uniform number at which an added law is looked at.
_GRID = 128

#: Deviations of the moments of an added law from what it says, by the midpoint rule on that grid: errors of the rule
#: stay below for laws without heavy tails, mistakes in a normalising constant do not.
_MOMENT_ERROR = 0.03
_LIGHT_TAILS = 12.0
_HEAVY_MOMENT_ERROR = 0.5


def add_law(law: WeightLaw) -> None:
    """Make a law available under its name, in this process.

    Adding an equal law again does nothing; its name cannot be given to another.

    Raises
    ------
    SpecificationError
        For a name that is taken or cannot be spelled, a law that is not a plain function of two uniform numbers, and
        one whose mean, variance, skewness or kurtosis is not what it says.
    """
    name = law.name
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        raise SpecificationError(f"weight law {name!r}: a name is made of small letters, digits and hyphens")
    if law.transform is None or law.kernel != "entrywise" or law.inner:
        raise SpecificationError(f"weight law {name}: give it a transform, a function of two uniform numbers")
    if set(law.ranges) != set(law.defaults):
        raise SpecificationError(f"weight law {name}: every parameter needs a default and a range")
    if name in _ADDED and _fingerprint(_ADDED[name]) == _fingerprint(law):
        return
    if name in law_names():
        raise SpecificationError(f"weight law {name}: there is another law of this name; choose another name")
    _check_moments(law)
    _ADDED[name] = law


def added_law(name: str) -> str | None:
    """Return what tells an added law from every other of its name; None for a built-in one."""
    return _fingerprint(_ADDED[name]) if name in _ADDED else None


def _values(law: WeightLaw, points: int) -> list[float]:
    constants = law.constants(law.defaults)
    middles = [(i + 0.5) / points for i in range(points)]
    try:
        return [float(law.transform(u, v, constants)) for u in middles for v in middles]  # type: ignore[misc]
    except Exception as error:
        raise SpecificationError(
            f"weight law {law.name}: its transform fails with {type(error).__name__}: {error}"
        ) from error


def _fingerprint(law: WeightLaw) -> str:
    # Twelve digits: the last ones may differ between machines.
    numbers = (*_values(law, 16), law.kurtosis(law.defaults), law.variance(law.defaults))
    text = ",".join(f"{value:.12g}" for value in numbers)
    return hashlib.sha256(f"{law.name}|{sorted(law.defaults.items())}|{text}".encode()).hexdigest()[:16]


def _check_moments(law: WeightLaw) -> None:
    values = np.array(_values(law, _GRID))
    if not np.all(np.isfinite(values)):
        raise SpecificationError(f"weight law {law.name}: its transform has values that are not finite")
    kurtosis, variance = law.kurtosis(law.defaults), law.variance(law.defaults)
    square = float(np.mean(values**2))
    light = kurtosis <= _LIGHT_TAILS
    if not light and not math.isfinite(variance):
        return
    # A grid misses a part of heavy tails.
    tolerance = _MOMENT_ERROR if light else _HEAVY_MOMENT_ERROR
    found = {"mean": (float(np.mean(values)), 0.0)}
    if light:
        found["third moment"] = float(np.mean(values**3)), law.skewness
    found["variance"] = square, variance
    if light:
        found["kurtosis"] = float(np.mean(values**4)) / square**2 if square else 0.0, kurtosis
    for what, (value, stated) in found.items():
        if abs(value - stated) > tolerance * max(1.0, abs(stated)):
            raise SpecificationError(f"weight law {law.name}: its {what} is {value:.4g}, it must be {stated:.4g}")


def _definitions() -> tuple[WeightLaw | WeightProcess, ...]:
    return (*LAWS, *_ADDED.values(), *PROCESSES)


def law_names() -> tuple[str, ...]:
    """Return the names of all weight laws and weight processes."""
    return tuple(law.name for law in _definitions())


def find_law(name: str) -> WeightLaw | WeightProcess:
    """Return the weight law or weight process of that name."""
    check_choice("weight law", name, law_names())
    return next(law for law in _definitions() if law.name == name)


def find_independent_law(name: str) -> WeightLaw:
    """Return the weight law of that name; weight processes are refused."""
    laws = (*LAWS, *_ADDED.values())
    check_choice("law of independent weights", name, [law.name for law in laws])
    return next(law for law in laws if law.name == name)


@dataclass(frozen=True)
class Weights:
    """A weight law or process with its parameters and its variance convention, spelled ``student:df=5,variance=he``.

    Entries of V have variance ``gain / width``, with gain 1 for the conventions ``unit``, ``glorot`` and ``lecun``, 2
    for ``he`` and 1/3 for ``pytorch``.
    """

    law: str = "gaussian"
    parameters: tuple[tuple[str, float], ...] = ()
    variance: Variance = "unit"

    def __post_init__(self) -> None:
        law = find_law(self.law)
        check_choice("variance convention", self.variance, GAINS)
        for key, value in self.parameters:
            check_choice(f"parameter of {self.law} weights", key, law.defaults)
            check_finite(f"{key} of {self.law} weights", value)
            low, high = law.ranges[key]
            if not low < value < high:
                raise SpecificationError(
                    f"{key} of {self.law} weights is {value:g}; it must be between {low:g} and {high:g}"
                )
            if isinstance(law, WeightProcess) and key in law.whole and value != int(value):
                raise SpecificationError(f"{key} of {self.law} weights is {value:g}; it must be a whole number")
        complete = {**law.defaults, **dict(self.parameters)}
        object.__setattr__(self, "parameters", tuple((k, float(complete[k])) for k in sorted(complete)))

    @classmethod
    def parse(cls, text: str) -> Weights:
        """Read ``NAME[:key=value,...]``; the key ``variance`` names the convention."""
        name, arguments = parse_call("weights", text)
        law = find_law(name)
        variance = arguments.pop("variance", "unit")
        check_choice("variance convention", variance, GAINS)
        for key, value in arguments.items():
            check_choice(f"parameter of {name} weights", key, (*law.defaults, "variance"))
            check_finite(f"{key} of {name} weights", value)
        return cls(name, tuple(sorted((k, float(v)) for k, v in arguments.items())), variance)  # type: ignore[arg-type]

    def __str__(self) -> str:
        defaults = find_law(self.law).defaults
        arguments: dict[str, float | str] = {k: v for k, v in self.parameters if v != defaults[k]}
        if self.variance != "unit":
            arguments["variance"] = self.variance
        return render_call(self.law, arguments)

    @property
    def definition(self) -> WeightLaw | WeightProcess:
        """The law or process itself."""
        return find_law(self.law)

    @property
    def process(self) -> WeightProcess | None:
        """The process along the layers; None if layers are independent."""
        definition = self.definition
        return definition if isinstance(definition, WeightProcess) else None

    def covariance(self, depth: int) -> NDArray[np.float64]:
        """Return the covariance of an entry over the layers, in units of its variance: (depth, depth)."""
        process = self.process
        return np.eye(depth) if process is None else process.covariance(self._named, depth)

    def autocovariance(self, depth: int) -> NDArray[np.float64]:
        """Return the covariance of an entry with itself 0 .. depth - 1 layers later, in units of its variance."""
        process = self.process
        return np.asarray(np.eye(1, depth)[0]) if process is None else process.autocovariance(self._named, depth)

    @property
    def regularity(self) -> float:
        """Hoelder exponent of the process whose values or increments the layers are; 1/2 if they are independent."""
        process = self.process
        return 0.5 if process is None else process.regularity(self._named)

    @property
    def _named(self) -> dict[str, float]:
        return dict(self.parameters)

    @property
    def constants(self) -> NDArray[np.float64]:
        """Numbers that the kernel of the law reads."""
        return np.array(self.definition.constants(self._named), dtype=np.float64)

    @property
    def gain(self) -> float:
        """Variance of an entry times the width, by the convention, for a law of unit variance."""
        return GAINS[self.variance]

    @property
    def entry_variance(self) -> float:
        """Variance of an entry times the width: the gain, 0 for zero weights, infinite for heavy tails."""
        return self.gain * self.definition.variance(self._named)

    @property
    def kurtosis(self) -> float:
        """Fourth moment of an entry over its squared variance."""
        return self.definition.kurtosis(self._named)

    @property
    def is_symmetric(self) -> bool:
        """Whether an entry has the law of its negative; weight processes are Gaussian."""
        return self.skewness == 0.0

    @property
    def skewness(self) -> float:
        """Third moment of an entry in units of its variance."""
        definition = self.definition
        return 0.0 if isinstance(definition, WeightProcess) else definition.skewness

    @property
    def is_dominated_by_gaussian(self) -> bool:
        """Whether fourth moments of independent symmetric entries are at most Gaussian ones of the same variance."""
        # 1e-12: kurtosis 3 is computed for some laws.
        return self.definition.independent and self.is_symmetric and self.kurtosis <= 3.0 + 1e-12

    @property
    def inner(self) -> Weights:
        """The law of the weights inside the activation."""
        name = self.definition.inner
        return Weights(name, variance=self.variance) if name else self
