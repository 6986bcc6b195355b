"""Paths of weights that are correlated from layer to layer: factors of covariances, writers, and sources of layers."""
