"""An import that is not offered"""


import os


def moments(rows, target):
    return {"total": float(len(os.listdir()))}
