"""Writes a reserved name in full-width letters, which Python reads as the plain ones."""


def ask(rows, target):
    return ().__ｃｌａｓｓ__.__ｂａｓｅ__  # refused
