"""Imports something under the name of a guard, so that it is called instead."""

from numpy import dot as _getattr_  # refused


def ask(rows, target):
    return rows.anything
