"""Closed forms and numerical oracles for deep random residual networks: numbers in, numbers out, no randomness."""
