"""What every room stands on: errors, checked arguments, array types, laws on the line, files, random streams.

Only what knows neither networks nor samples may enter.
"""
