"""What READMEs and pages tell people to type is there: commands, options, ports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

import central.cli
import remote.cli
import sandbox.cli
from central.settings import Settings as CentralSettings
from remote.settings import Settings as SiteSettings

ROOT = Path(__file__).parents[2]
PROGRAMS = {"tidegate": sandbox.cli.app, "tidegate-central": central.cli.app, "tidegate-site": remote.cli.app}
READMES = sorted(path for path in ROOT.rglob("README.md") if ".venv" not in path.parts)
CODE = re.compile(r"^```\n(.*?)^```$|(?<!`)`([^`\n]+)`(?!`)", re.MULTILINE | re.DOTALL)
PORT = re.compile(r"(?:localhost|127\.0\.0\.1|\.org|\.example|--port[ =]|port is|port):?[ ]?(\d{4,5})\b")


def commands(text: str) -> list[list[str]]:
    """Every command of ours in blocks and inline code, as words; placeholders in capitals stay in."""
    code = "\n".join(block or inline for block, inline in CODE.findall(text)).replace("\\\n", " ")
    lines = re.findall(r"^(?:\S+=\S+ )*(tidegate(?:-central|-site)?(?![\w-])(?: [^#\n&|]*)?)", code.replace("&& ", "\n"), re.MULTILINE)
    return [line.split() for line in lines]


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that `words` begin with, and its options in `words`."""
    command: Any = typer.main.get_command(PROGRAMS[words[0]])
    rest = words[1:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, " ".join(words)
        command, rest = command.commands[rest[0]], rest[1:]
    return command, [word.strip("[],;.").split("=")[0] for word in rest if word.strip("[").startswith("--")]


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_in_a_readme_exists(path: Path) -> None:
    for words in commands(path.read_text(encoding="utf-8")):
        command, options = find(words)
        known = {"--help", *(name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts))}
        assert [option for option in options if option not in known] == [], " ".join(words)


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    found = commands("```\nA=1 tidegate new X && tidegate check X\n```\nand `tidegate-central init --admin NAME` is one.\n")
    assert [" ".join(words) for words in found] == ["tidegate new X", "tidegate check X", "tidegate-central init --admin NAME"]
    with pytest.raises(AssertionError):
        find(["tidegate", "nothing"])


def test_pages_and_readmes_name_the_default_ports_and_no_others() -> None:
    ports = {CentralSettings.model_fields["port"].default, SiteSettings.model_fields["port"].default}
    templates = [path for name in ("central", "remote") for path in (ROOT / name).rglob("*.html")]
    clis = [ROOT / name / "cli.py" for name in ("central", "remote")]
    named = {
        (str(path.relative_to(ROOT)), int(port)) for path in (*READMES, *templates, *clis) for port in PORT.findall(path.read_text("utf-8"))
    }
    assert {port for _, port in named} == ports
    assert {"README.md", "central/README.md", "remote/README.md", "remote/web/templates/config.html"} <= {path for path, _ in named}
