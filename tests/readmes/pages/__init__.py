"""The pages that people read, and a machine on which their blocks are run."""

from __future__ import annotations

from pages._blocks import PAGES, ROOT, Block, Command, blocks, commands, named, statements

__all__ = ["PAGES", "ROOT", "Block", "Command", "blocks", "commands", "named", "statements"]
