"""Bytes that are no UTF-8."""


def manifest():
    return b"name = '\xff\xfe'\n"
