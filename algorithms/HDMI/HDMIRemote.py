"""HDMI, remote module: names what the gate of a site shall compute. It never sees a row."""


def score_continuous(rows, target, exclusion, theta):
    return {"score": rows.selection_score(target, exclusion, theta, family="gaussian")}


def score_binary(rows, target, exclusion, theta):
    return {"score": rows.selection_score(target, exclusion, theta, family="binomial")}


def impute_continuous(rows, target, exclusion, theta):
    rows.draw_selection(target, exclusion, theta, family="gaussian")


def impute_binary(rows, target, exclusion, theta):
    rows.draw_selection(target, exclusion, theta, family="binomial")
