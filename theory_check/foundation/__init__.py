"""What every room stands on: errors, checked arguments, array types, files written whole or not at all, random streams.

Only what knows neither networks nor statistics may enter.
"""
