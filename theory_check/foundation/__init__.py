"""What every room stands on: errors, checked arguments, arrays, laws on the line, records, files, random streams.

Only what knows neither networks nor samples may enter.
"""
