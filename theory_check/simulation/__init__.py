"""From an experiment and a seed to a sample: passes through the layers, paths of weights, the runner and its archive.

Orchestration of kernels enters; formulas and verdicts stay out.
"""
