"""How a claim is spelled, planned and judged: checks, estimators, observables.

No statement of the catalogue enters; it is written in these words as a user's own claims are.
"""
