"""Reads the environment of another process of its user from /proc."""


def run(data, params):
    with open(f"/proc/{params['victim']}/environ", "rb") as file:
        return params["variable"].encode() in file.read()
