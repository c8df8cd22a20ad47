"""Reads attributes by matching, without writing an attribute."""


def ask(rows, target):
    match rows:  # refused
        case object(__class__=kind):
            return kind
