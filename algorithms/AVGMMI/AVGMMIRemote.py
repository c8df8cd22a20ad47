"""AVGMMI, remote module: names what the gate of a site shall compute. It never sees a row."""


def fit_continuous(rows, target, ridge):
    return {"fit": rows.glm_fit(target, family="gaussian", ridge=ridge)}


def fit_binary(rows, target, ridge):
    return {"fit": rows.glm_fit(target, family="binomial", ridge=ridge)}


def impute_continuous(rows, target, beta, sigma):
    rows.draw(target, family="gaussian", beta=beta, sigma=sigma)


def impute_binary(rows, target, beta):
    rows.draw(target, family="binomial", beta=beta)
