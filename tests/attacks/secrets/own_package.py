"""Reads the files of this program, where keys may lie beside them."""

import sys


def run(data, params):
    with open(sys.executable, "rb") as file:
        return file.read(4)
