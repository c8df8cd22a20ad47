"""A counter that lives between calls"""


CALLS = 0


def moments(rows, target):
    global CALLS
    CALLS += 1
    return {"total": float(CALLS)}
