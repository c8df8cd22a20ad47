"""`make study`: every attack of a reviewer, many victims and secrets, under every policy and with the rules off; 95 % limits of shares."""

from __future__ import annotations

from typing import Annotated

import typer

from tests.disclosure.reviewers_run import OF_THE_GATE, Found, play

RULES = {"open": ("--open",), "research": ("--policy", "research"), "default": ("--policy", "default"), "strict": ("--policy", "strict")}


def limits(recovered: int, victims: int) -> tuple[float, float]:
    """Wilson's 95 % limits of a share."""
    if not victims:
        return 0.0, 1.0
    z, share = 1.96, recovered / victims
    middle = share + z * z / (2 * victims)
    half = z * (share * (1 - share) / victims + z * z / (4 * victims**2)) ** 0.5
    return max(0.0, middle - half) / (1 + z * z / victims), (middle + half) / (1 + z * z / victims)


def line(name: str, rules: str, found: list[Found]) -> str:
    """One attack under one policy, in words."""
    recovered, victims = sum(one.recovered for one in found), sum(one.victims for one in found)
    low, high = limits(recovered, victims)
    stopped = sum(one.files_stopped for one in found)
    return f"{name}, {rules}: {recovered} of {victims} ({low:.3f} to {high:.3f}; guess {found[0].guess:.3f}), files stopped {stopped}"


def main(
    secrets: Annotated[int, typer.Option(help="Secrets of the site, each with people of its own.")] = 20,
    victims: Annotated[int, typer.Option(help="Victims for each secret.")] = 10,
    name: Annotated[str, typer.Option(help="Only this attack.")] = "",
) -> None:
    """Play the attacks."""
    for attack in (name,) if name else OF_THE_GATE:
        for rules, options in RULES.items():
            found = [play(attack, *options, "--secret", f"secret {number}", victims=victims, seed=number) for number in range(secrets)]
            typer.echo(line(attack, rules, found))


if __name__ == "__main__":
    typer.run(main)
