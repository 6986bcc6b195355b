"""Experiments: frozen specifications, their identity, their cost and their spelling.

An experiment names networks and columns; ``simulation`` computes them.
"""
