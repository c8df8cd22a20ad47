"""Climbs from an exception to the frames below."""


def ask(rows, target):
    try:
        return 1 / 0
    except ZeroDivisionError as error:
        return error.__traceback__.tb_frame.f_back.f_globals  # refused
