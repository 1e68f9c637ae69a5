"""Faults for the port in dkv20.py, by the level at which they must be noticed."""
