"""The figures of the paper, regenerated: which experiments they need and what their samples say.

A figure is a value: its published settings, a function from settings to experiments, and a pure one from their samples
to tables and panels. :mod:`theory_check.paper_figures.catalogue` lists them, :mod:`theory_check.paper_figures.files`
writes them.

Source: Marion, Fermanian, Biau, Vert, Scaling ResNets in the Large-depth Regime (JMLR 26(56), 2025), figures 1 to 7.
"""
