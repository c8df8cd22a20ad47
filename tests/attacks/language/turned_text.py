"""Shows a reviewer another order of words than Python reads (CVE-2021-42574)."""

LIMIT = "user‮ ⁦# only for tests⁩ ⁦"  # refused


def ask(rows, target):
    return {"moments": rows.gram(where=rows.observed(target))}
