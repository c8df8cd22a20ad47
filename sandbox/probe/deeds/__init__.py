"""The deeds, by kind. What they have in common is in :mod:`sandbox.probe.deed`; all of them are in :mod:`sandbox.probe.catalogue`."""
