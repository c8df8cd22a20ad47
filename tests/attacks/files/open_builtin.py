"""Reads the canary with open()."""


def run(data, params):
    with open(params["canary"]) as file:
        return file.read()
