"""What can be simulated: frozen specifications, their identity, their cost and their spelling.

An experiment says which networks and which columns; how they are simulated is said in ``simulation``.
"""
