"""Computes for ever without returning to the interpreter, where no handler of a signal is run."""


def run(data, params):
    return 9 ** 9 ** (3 if params["is_control"] else 9) > 0
