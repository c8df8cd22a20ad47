"""An estimate that is not the root of its sums"""


def fit(rows, target):
    return {"fit": rows.design(target)[0]}


def score(rows, target, beta):
    seen = rows.observed(target)
    X = rows.design(target)[seen]
    return {"gradient": X.T @ (rows.outcome(target)[seen] - X @ beta), "information": X.T @ X}
