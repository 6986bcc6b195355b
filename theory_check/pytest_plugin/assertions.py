"""Assertions that take a sampler and give a verdict.

A sampler is a function ``sampler(rng, n)`` of a NumPy generator and a number: it returns n independent values. NumPy's
own methods are such functions, ``np.random.Generator.random(rng, n)``, and so is ``lambda rng, n: rng.exponential(2.0,
n)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from theory_check.pytest_plugin.sampled_verdicts import Options, SampledVerdicts

if TYPE_CHECKING:
    from theory_check.inference.intervals import Interval
    from theory_check.pytest_plugin.sampling import Sampler

Target = float | tuple[float, float]


class Assertions(SampledVerdicts):
    """Verdicts on samplers: each assertion draws the sample that its level, miss rate and margin need.

    The k-th assertion of a test has the part 1 / (k (k + 1)) of its level; all of them together have the level, however
    many there are. Its streams are ``np.random.default_rng([seed, k, j])``, j = 0 for the sampler. Samples are looked
    at while they grow, and stop when they are decided. A sampler whose values depend on their neighbours, or break a
    stated bound, is refused as well.
    """

    def mean(
        self,
        sampler: Sampler,
        target: Target,
        *,
        margin: float,
        variance_bound: float | None = None,
        support: tuple[float, float] | None = None,
        kurtosis_bound: float | None = None,
        **options: Unpack[Options],
    ) -> Interval:
        """Assert a mean, under one stated bound: on the variance, the range or the kurtosis of the values.

        Parameters
        ----------
        sampler : callable
            Of a generator and a number n; returns n values.
        target : float or (float, float)
            The mean, or two numbers that it lies between.
        margin : float
            Deviation that still counts as agreement.
        variance_bound : float, optional
            Upper bound on the variance.
        support : (float, float), optional
            Lowest and highest value.
        kurtosis_bound : float, optional
            Upper bound on E (x - mu)^4 over the squared variance: 3 for normal laws, 9 for exponential ones. A pilot
            sample then limits the variance.
        **options
            See :class:`Options`.

        Returns
        -------
        Interval
            That was judged.

        Examples
        --------
        >>> import numpy as np
        >>> evidence = Assertions("tests/test_uniform.py::test_mean", 1e-6)
        >>> wrong = {"on [-1, 1]": lambda rng, n: rng.uniform(-1.0, 1.0, n), "a third": 1 / 3}
        >>> found = evidence.mean(np.random.Generator.random, 0.5, margin=0.05, support=(0, 1), wrong=wrong)
        >>> found.inside(0.45, 0.55), evidence.spent
        (True, 5e-07)
        """
        __tracebackhide__ = True
        from theory_check.pytest_plugin import moments

        return self._sampled(
            lambda of, tolerance, pilot: moments.mean(
                of[0], target, tolerance, variance_bound=variance_bound, support=support, kurtosis_bound=kurtosis_bound,
                pilot=pilot,
            ),
            (sampler,), margin, options,
        )  # fmt: skip

    def probability(self, sampler: Sampler, target: Target, *, margin: float, **options: Unpack[Options]) -> Interval:
        """Assert the probability of an event.

        Parameters
        ----------
        sampler : callable
            Of a generator and a number n; returns n times whether the event happened.
        target, margin, **options
            As for :meth:`mean`.

        Returns
        -------
        Interval

        Examples
        --------
        >>> evidence = Assertions("tests/test_uniform.py::test_thirds", 1e-6)
        >>> found = evidence.probability(lambda rng, n: rng.random(n) < 1 / 3, 1 / 3, margin=0.05, wrong={"half": 0.5})
        >>> found.inside(0.28, 0.39)
        True
        """
        __tracebackhide__ = True
        from theory_check.pytest_plugin import statements

        return self._sampled(
            lambda of, tolerance, _: statements.probability(of[0], target, tolerance), (sampler,), margin, options
        )

    def quantile(
        self, sampler: Sampler, target: Target, *, probability: float, margin: float, **options: Unpack[Options]
    ) -> Interval:
        """Assert a quantile, by order statistics: for every law, without a bound.

        The sample doubles until it is decided, up to 4 million values; ``miss`` has no part in it.

        Parameters
        ----------
        sampler, target, margin, **options
            As for :meth:`mean`.
        probability : float
            Of a value up to the quantile: 1/2 for the median.

        Returns
        -------
        Interval

        Examples
        --------
        >>> import numpy as np
        >>> evidence = Assertions("tests/test_cauchy.py::test_median", 1e-6)
        >>> cauchy = np.random.Generator.standard_cauchy
        >>> evidence.quantile(cauchy, 0.0, probability=0.5, margin=0.1, wrong={"shifted": 0.2}).inside(-0.1, 0.1)
        True
        """
        __tracebackhide__ = True
        from theory_check.pytest_plugin import statements

        return self._sampled(
            lambda of, tolerance, _: statements.quantile(of[0], target, tolerance, probability=probability),
            (sampler,), margin, options,
        )  # fmt: skip

    def law(self, sampler: Sampler, law: object, *, margin: float, **options: Unpack[Options]) -> Interval:
        """Assert a law, up to a Kolmogorov distance.

        Parameters
        ----------
        sampler : callable
            As for :meth:`mean`.
        law : callable, or object with a method ``cdf``
            The distribution function, or a law of SciPy with its parameters; it may have atoms.
        margin : float
            Distance between distribution functions that still counts as agreement.
        **options
            See :class:`Options`. A wrong law is an object with a method ``cdf``; a function is a wrong sampler.

        Returns
        -------
        Interval
            Of the distance.

        Examples
        --------
        >>> import numpy as np
        >>> from scipy.stats import norm
        >>> evidence = Assertions("tests/test_normal.py::test_law", 1e-6)
        >>> wrong = {"wider": norm(scale=1.5), "uniform": np.random.Generator.random}
        >>> evidence.law(np.random.Generator.standard_normal, norm(), margin=0.08, wrong=wrong).upper < 0.08
        True
        """
        __tracebackhide__ = True
        from theory_check.pytest_plugin import statements

        return self._sampled(
            lambda of, tolerance, _: statements.law(of[0], law, tolerance), (sampler,), margin, options
        )

    def same_law(self, first: Sampler, second: Sampler, *, margin: float, **options: Unpack[Options]) -> Interval:
        """Assert that two samplers have one law, up to a Kolmogorov distance, by bands about both empirical laws.

        Parameters
        ----------
        first, second : callable
            As for :meth:`mean`.
        margin : float
            Distance between distribution functions that still counts as agreement.
        **options
            See :class:`Options`. A wrong sampler stands in the place of the second; a pair of samplers, of both.

        Returns
        -------
        Interval
            Of the distance.

        Examples
        --------
        >>> import numpy as np
        >>> evidence = Assertions("tests/test_exponential.py::test_inversion", 1e-6)
        >>> inverted = lambda rng, n: -np.log1p(-rng.random(n))
        >>> wrong = {"of mean 2": lambda rng, n: rng.exponential(2.0, n)}
        >>> exponential = np.random.Generator.standard_exponential
        >>> evidence.same_law(inverted, exponential, margin=0.15, wrong=wrong).upper < 0.15
        True
        """
        __tracebackhide__ = True
        from theory_check.pytest_plugin import statements

        return self._sampled(
            lambda of, tolerance, _: statements.same_law(of[0], of[1], tolerance), (first, second), margin, options
        )

    def order(
        self,
        sampler: Sampler,
        target: Target,
        *,
        sizes: Sequence[float],
        margin: float,
        variance_bounds: Sequence[float] | None = None,
        kurtosis_bound: float | None = None,
        **options: Unpack[Options],
    ) -> Interval:
        """Assert an order of convergence: the slope of log mean error on log size, with its sign.

        By step sizes a scheme that converges has a positive slope, by numbers of steps a negative one. The sample
        doubles until it is decided, up to 4 million rows; ``miss`` has no part in it.

        Parameters
        ----------
        sampler : callable
            Of a generator and a number n; returns n rows with an error for each size. Errors of a row may share their
            random numbers, and should.
        target, margin, **options
            As for :meth:`mean`.
        sizes : sequence of float
            Different positive numbers.
        variance_bounds : sequence of float, optional
            Upper bound on the variance of an error at each size.
        kurtosis_bound : float, optional
            As for :meth:`mean`, of the errors at each size.

        Returns
        -------
        Interval
            Of the slope; the whole line while an error is not five standard errors from 0.

        Examples
        --------
        >>> import numpy as np
        >>> evidence = Assertions("tests/test_steps.py::test_order", 1e-6)
        >>> steps = np.array([0.1, 0.05, 0.025])
        >>> error = lambda rng, n: rng.exponential(1.0, (n, 1)) * np.sqrt(steps)
        >>> found = evidence.order(error, 0.5, sizes=steps, margin=0.1, kurtosis_bound=9.0, wrong={"one": 1.0})
        >>> found.inside(0.4, 0.6)
        True
        """
        __tracebackhide__ = True
        from theory_check.pytest_plugin import moments

        return self._sampled(
            lambda of, tolerance, pilot: moments.order(
                of[0], target, tolerance, sizes=sizes, variance_bounds=variance_bounds, kurtosis_bound=kurtosis_bound,
                pilot=pilot,
            ),
            (sampler,), margin, options, columns=len(sizes),
        )  # fmt: skip

    def not_rejected(self, test: Any, *, wrong: Mapping[str, Any] | None = None) -> None:
        """Assert that a significance test does not reject at the level of this assertion; it supports nothing.

        Parameters
        ----------
        test : Test, or result of a test of SciPy
            With its p-value, on values that were drawn from ``seed``. The p-value must be right at the level, which is
            far in the tail: prefer exact tests.
        wrong : mapping of str to the same
            Tests of wrong statements, or on wrong samples, which must reject.

        Examples
        --------
        >>> import numpy as np
        >>> from theory_check.inference import smirnov_test
        >>> evidence = Assertions("tests/test_uniform.py::test_symmetry", 1e-6)
        >>> u = np.random.default_rng(evidence.seed).random((3, 1000))
        >>> test, wrong = smirnov_test(u[0], 1 - u[1]), smirnov_test(u[0], u[2] ** 2)
        >>> evidence.not_rejected(test, wrong={"of the square": wrong})
        """
        __tracebackhide__ = True
        _, alpha = self._share()
        tests = [("not rejected", "the test", test), *(("rejected", name, one) for name, one in (wrong or {}).items())]
        for wanted, name, one in tests:
            p_value = getattr(one, "p_value", getattr(one, "pvalue", None))
            if p_value is None:
                self._fail(f"{name!r} is no result of a test: it has neither p_value nor pvalue, but is {one!r}")
            verdict = "rejected" if float(p_value) <= alpha else "not rejected"
            self._note(wanted, verdict, name, None, p_value=float(p_value), level=alpha)
            if verdict != wanted:
                method = getattr(one, "method", type(one).__name__)
                self._fail(f"{verdict}, expected {wanted}: {name}: {method}, p = {p_value:.3g} at level {alpha:.3g}")
