"""Smuggles a reserved name in by ** at run time; the name arrives as a text and stays one."""


def ask(rows, target):
    return dict(**{"__class__": inner(**{"_getattr_": max})})


def inner(**names):
    return names["_getattr_"].join  # raises
