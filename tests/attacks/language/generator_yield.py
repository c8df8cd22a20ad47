"""Is a generator itself, to be run half and kept."""


def ask(rows, target):
    yield rows  # refused
