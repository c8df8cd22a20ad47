"""Overwrites a file of somebody else with rows."""


def run(data, params):
    with open(params["canary"], "r+") as file:
        before = file.read()
        file.seek(0)
        file.write(str(data[0, 0]))
    with open(params["canary"], "w") as file:
        file.write(before)
    return True
