"""A Plan on real Linux hosts: the cage around a run, its namespaces and wires, and the proof that they are as asked.

Nothing is imported here: the janitor and the cage's first process start from this package in a few milliseconds.
"""
