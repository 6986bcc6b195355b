"""Labelled images to train on: one set that comes with the package, and those read from files of the user.

``digits.xz`` holds 1,797 handwritten digits; ``digits-license.txt`` says whose they are and what may be done with them.
"""
