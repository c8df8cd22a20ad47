# -*- coding: utf-7 -*-
"""Declares another encoding, in which the comment below would be code; sources are UTF-8 whatever they say."""


def ask(rows, target):
    # +AAo-    return ().__class__.__base__
    return {"moments": rows.gram(where=rows.observed(target))}
