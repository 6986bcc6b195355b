"""Closed forms and numerical oracles: moments, exact laws, limits, diffusions, flows, recursions.

No randomness; each function cites its source or its derivation.
"""
