"""theory_check: theorems about very deep random residual networks as executable claims.

This is the way in. Its names describe a network, simulate it, judge claims, state one's own, and lead to the inference
and to the Hypothesis strategies; ``__init__.pyi`` lists them. Every other module of the package may change. A name is
loaded when it is first used.

>>> import theory_check as tc
>>> network = tc.network("linear", "uniform", width=10, depth=50)
>>> sample = tc.simulate(network, 1000, seed=1)
>>> sample.column("log_norm_ratio").shape
(1000,)
"""

from __future__ import annotations

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
