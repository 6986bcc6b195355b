"""Closed forms and numerical oracles: moments, exact laws, limits, diffusions, flows, recursions.

Nothing here is random; the head of each module states its source or derivation. What simulates or draws does not enter.
"""
