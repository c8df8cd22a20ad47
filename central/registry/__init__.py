"""Pairs: immutable versions by digest."""
