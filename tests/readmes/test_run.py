"""Run what READMEs and documentation tell people to run, and compare what they are told they see.

```python blocks are complete programs, each run in an empty folder; ```console blocks are
`$ command` lines with their output, `...` standing for any lines; ```sh blocks are commands that
succeed. All are run in order in one folder. ```console terminal blocks are run at a terminal, where
what stands after `[y/N] ` is typed; a yes on the host's page is given by a stand-in for a browser.

A page that says `pip install` is read on an empty machine: in a new environment, which gets what
the page installs and no more, from the wheels in OTUMAT_WHEELHOUSE. Servers and watchers are begun
as they stand, asked, and ended at the page's end. `<!-- given` in a page's source holds what its
reader has typed before; `<!-- needs: curl -->` before a block leaves it to the session `operating`,
and `<!-- not run: why -->` to the reader: `test_blocks.py` counts these.
"""

from __future__ import annotations

import os
import pathlib

import pytest
from pages import PAGES, blocks, named
from pages._reader import read

pytestmark = [pytest.mark.readme, pytest.mark.timeout(600)]
#: Read here, because no test sees the variables of its developer.
WHEELHOUSE = os.environ.get("OTUMAT_WHEELHOUSE", "")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_blocks_of_a_page_do_what_it_says(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    here = [block for block in blocks(page) if not block.needs]

    failures = read(here, tmp_path, WHEELHOUSE)

    assert not failures, "\n".join(failures)
