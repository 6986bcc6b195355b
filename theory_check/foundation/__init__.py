"""Errors, checked arguments, arrays, laws on the line, records, files and random streams, which every room uses.

Only what knows neither networks nor samples may enter.
"""
