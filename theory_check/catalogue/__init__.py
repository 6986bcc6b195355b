"""The statements themselves, one file for a statement or for a family of few, with their pictures.

Mathematics enters here in the words of ``claims``; a mechanism that two statements share belongs there.
"""
