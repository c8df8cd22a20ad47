"""Imports everything, names with underscores included where a module says so."""

from numpy import *  # refused


def ask(rows, target):
    return genfromtxt("/etc/passwd", dtype=str, delimiter="\n")  # refused
