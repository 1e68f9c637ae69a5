"""Deliberate mistakes for the port in dkv20.py, by level."""
