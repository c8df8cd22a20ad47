"""CSLMICE, remote module: names what the gate of a site shall compute. It never sees a row."""


def moments(rows, target):
    return {"moments": rows.gram(where=rows.observed(target))}


def score(rows, target, beta):
    return {"score": rows.glm_score(target, beta, family="binomial")}


def gradient_continuous(rows, target, beta):
    return {"gradient": rows.glm_gradient(target, beta, family="gaussian")}


def gradient_binary(rows, target, beta):
    return {"gradient": rows.glm_gradient(target, beta, family="binomial")}


def impute_continuous(rows, target, beta, sigma):
    rows.draw(target, family="gaussian", beta=beta, sigma=sigma)


def impute_binary(rows, target, beta):
    rows.draw(target, family="binomial", beta=beta)
