"""Cells packed into the digits of one number, by place"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    digits = np.round(8 + x)
    return {"total": np.sum(digits * 16.0 ** np.arange(len(x))[::-1].clip(0, 12))}
