"""Imports a module that was not loaded before the lockdown."""


def run(data, params):
    import colorsys

    return colorsys.rgb_to_hsv(1, 1, 1)
