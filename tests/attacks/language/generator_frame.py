"""Climbs from a generator to the frame that runs it, and from there to the runner's globals."""


def ask(rows, target):
    generator = (found for found in [1])
    return generator.gi_frame.f_back.f_globals  # refused
