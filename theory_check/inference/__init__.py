"""Intervals with a guaranteed level at finite sample size, verdicts, and the planning of sample sizes.

The modules know arrays and numbers only. Import them one by one (``from theory_check.inference import intervals``);
SciPy is loaded by the first call that needs it.
"""
