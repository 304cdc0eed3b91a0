"""Write the reference of the command line from what `--help` prints, when the site is built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from click.testing import CliRunner
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from otumat.cli import otumat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

#: What click leaves of a terminal of 80 columns.
WIDTH = 78
_LISTED = re.compile(r"^  ([a-z][a-z-]*)(?:  |$)", re.MULTILINE)


def helps(path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the words and the help of the command at *path*, and of each that its help lists.

    Raises:
        RuntimeError: a command has no help.
    """
    done = CliRunner().invoke(
        otumat, [*path[1:], "--help"], prog_name=path[0], terminal_width=WIDTH
    )
    if done.exit_code or not done.output:
        raise RuntimeError(f"{' '.join(path)} --help: {done.output or done.exception}")
    yield path, done.output
    for name in _LISTED.findall(done.output.partition("\nCommands:\n")[2]):
        yield from helps((*path, name))


class Commands(SphinxDirective):
    """`{commands} otumat`: a section for that command and for each below it."""

    has_content = False
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        return [
            self._section(" ".join(path), text)
            for path, text in helps(tuple(self.arguments[0].split()))
        ]

    def _section(self, name: str, text: str) -> nodes.section:
        section = nodes.section(ids=[name.replace(" ", "-")], names=[name])
        section += nodes.title(name, "", nodes.literal(name, name))
        section += nodes.literal_block(text, text, language="text")
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive to Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
