"""From claims to a judged run, and from runs to the evidence of many nights.

The only room that joins claims with samples; it names no statement.
"""
