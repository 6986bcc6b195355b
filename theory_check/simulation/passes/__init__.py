"""Passes through the layers of a block, forward and back: a protocol and one module for each kernel of that name."""
