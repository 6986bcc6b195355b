"""Activations, branches, scalings, inputs, weight laws and weight processes, with what is known about each.

A value knows its own properties, so that no other room compares names; nothing here draws or simulates.
"""
