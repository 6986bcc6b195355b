"""Weight laws: the law of one entry of sqrt(d) V, independent from entry to entry.

To add a law, see :func:`theory_check.networks.additions.add_law`, or append one :class:`WeightLaw` to :data:`LAWS`: a
name, a line of description and a plain function that maps two independent uniforms on (0, 1] to one draw of unit
variance. It is then available in Python, on the command line (``--weights NAME``), in the Hypothesis strategies and in
the tests that every law passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from theory_check.networks.definitions import Definition, Parameters

#: ``transform(u, v, constants)``: two independent uniforms on (0, 1] to one draw; compiled, so arithmetic and ``math``
#: only.
Transform = Callable[[float, float, Sequence[float]], float]


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightLaw(Definition):
    """A centred law for the entries of a weight matrix, normalised to unit variance where that is finite.

    Attributes
    ----------
    transform : callable, optional
        Draw from two uniforms. None for the laws with a kernel of their own, named by ``kernel``.
    kurtosis : callable
        Fourth moment over squared variance; infinite where it does not exist.
    variance : callable
        1, or infinite, or 0.
    skewness : float
        Third moment of an entry; 0 for every symmetric law.
    independent : bool
        Whether the entries of a matrix are independent.
    discrete : bool
        Whether an entry takes single values with positive probability, so that sums of entries may vanish.
    kernel : str
        ``entrywise``, or the name of a specialised filler of :mod:`theory_check.kernels.rows`.
    inner : str
        The law of W where it differs (initialisations that zero only the last layer of a branch).
    maximal_width : int, optional
        Widest matrix, for a law that keeps the rows of a block: 256 MB at a width of 1000.
    """

    transform: Transform | None = None
    kurtosis: Callable[[Parameters], float]
    variance: Callable[[Parameters], float] = lambda _: 1.0
    skewness: float = 0.0
    independent: bool = True
    discrete: bool = False
    kernel: str = "entrywise"
    inner: str = ""
    maximal_width: int | None = None

    @property
    def gaussian(self) -> bool:
        """Whether entries are independent and normal: sums of matrices, and matrices after a rotation, have the law."""
        return self.kernel == "normal"

    @property
    def orthogonal(self) -> bool:
        """Whether the rows of a matrix are made orthogonal."""
        return self.kernel == "orthogonal"


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
        work=0.3,
    )  # fmt: skip


LAWS: tuple[WeightLaw, ...] = (
    WeightLaw(name="gaussian", summary="normal entries", kernel="normal", kurtosis=lambda _: 3.0, work=2.6),
    WeightLaw(name="uniform", summary="uniform entries", kernel="uniform", kurtosis=lambda _: 1.8, work=0.85),
    WeightLaw(
        name="rademacher", summary="random signs", kernel="signs", discrete=True, kurtosis=lambda _: 1.0, work=0.55
    ),
    WeightLaw(
        name="triangular",
        summary="sum of two uniform numbers",
        kernel="triangular",
        work=1.05,
        # Uniform on 2^16 places each: 2.4 to nine digits.
        kurtosis=lambda _: 2.4,
    ),
    WeightLaw(
        name="ternary",
        discrete=True,
        summary="random signs, each kept with probability 1/8 and zero otherwise",
        kernel="ternary",
        work=1.2,
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
        work=48.0,
    ),
    WeightLaw(
        name="laplace", summary="double exponential entries", transform=_laplace, kurtosis=lambda _: 6.0, work=22.0
    ),
    WeightLaw(
        name="sparse",
        discrete=True,
        summary="ternary entries: 0, or a random sign with probability density",
        transform=_sparse,
        defaults={"density": 0.1},
        ranges={"density": (1e-6, 1.0 + 1e-12)},
        constants=lambda p: (p["density"], 1.0 / math.sqrt(p["density"])),
        kurtosis=lambda p: 1.0 / p["density"],
        work=16.0,
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
        work=150.0,
        variance=lambda p: 1.0 if p["df"] > 2.0 else math.inf,
    ),
    WeightLaw(
        name="orthogonal",
        summary="sqrt(d) times a Haar orthogonal matrix; entries are uncorrelated but not independent",
        kernel="orthogonal",
        maximal_width=1000,
        independent=False,
        # 3 d/(d + 2) at width d.
        kurtosis=lambda _: 3.0,
        work=2.7,
    ),
    WeightLaw(
        name="exponential",
        summary="exponential entries less their mean: centred but not symmetric",
        kernel="exponential",
        work=2.6,
        kurtosis=lambda _: 9.0,
        skewness=2.0,
    ),
    _zero_last("zero", "last layer of every branch zero, Gaussian inside"),
    _zero_last("skipinit", "SkipInit: branch gain zero, which is a zero last layer"),
    _zero_last("rezero", "ReZero: branch gain zero, which is a zero last layer"),
    _zero_last("fixup", "Fixup: last layer of every branch zero"),
)
