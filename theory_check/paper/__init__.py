"""The paper's figures and the phase map over the Hurst index and beta.

What is drawn with published settings enters; statements with a verdict belong to the catalogue.
"""
