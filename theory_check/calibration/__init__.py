"""Calibration of the inference layer: error rates and power by simulation from known laws, against what it promises.

The modules apply the public functions of :mod:`theory_check.inference` to many samples of known laws, count, and hold
the counts against what the functions promise. Procedures that are known to break their promise go the same way and must
be found out.
"""
