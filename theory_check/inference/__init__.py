"""Statistical inference with a guaranteed level at finite sample size; it knows arrays and numbers, no networks.

Values in, a frozen result out:

* **intervals** of a probability, a quantile, a distance between quantiles, a mean (Catoni; bounded or non-negative
  values), a variance, a Kolmogorov distance, an order of convergence;
* **tests** with exact p-values of a known law, a probability, a quantile, an equivalence, Gaussian vectors;
* **roughness** of paths, by quadratic variations and Whittle's likelihood;
* **sequential evidence** that may be looked at after every observation, and confidence sequences;
* :func:`judge`, from an interval and a prediction to one of three verdicts.

``design`` plans sample sizes and computes what a sample size resolves.
A name is loaded when it is first used; the first call that needs SciPy, statsmodels or compiled loops loads them.

>>> from theory_check.inference import bounded_mean_evidence
>>> bounded_mean_evidence([1, 1, 0, 1, 1, 1, 1, 1, 1, 1] * 5, mean=0.5).crossing(alpha=0.01)
29
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
