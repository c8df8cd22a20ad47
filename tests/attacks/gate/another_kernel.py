"""Fills a declared field with another kernel's answer."""


def ask(rows, target):
    return {"moments": rows.glm_fit(target, family="gaussian", ridge=0.0)}
