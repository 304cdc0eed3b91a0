"""Tell Sphinx how to build the documentation site: `nox -s docs`.

The site is read from the file system as well as from a server, so nothing in it comes from
elsewhere: no fonts, scripts or pictures of others. `tests/test_site.py` holds that.
"""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "_site"))

project = "Otumat"
author = "The Otumat developers"
project_copyright = "the Otumat developers, MIT licence"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "accessible",
    "commands",
    "repository",
]
exclude_patterns = ["_site", "_build"]

# Every warning is an error (-W); this adds names in docstrings that lead nowhere.
nitpicky = True
nitpick_ignore_regex = [
    # Types of other projects, whose pages a site without a network cannot look up.
    ("py:.*", r"(collections|cryptography|datetime|pathlib|os|typing|types|threading)\..*"),
    # Names that a docstring explains in words beside the signature.
    ("py:class", "Algorithm|Bytecode|Kind|Outcome|State|Stop"),
    ("py:.*", r"(dt|Iterator|Sequence|Mapping|StrPath|Path|Callable|datetime)(\..*)?"),
]

# The protocol's examples hold placeholders where JSON has values.
suppress_warnings = ["misc.highlighting_failure"]

myst_enable_extensions = ["colon_fence", "attrs_block"]
myst_heading_anchors = 4

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
default_role = "code"  # docstrings write code between single backticks

html_theme = "furo"
html_title = "Otumat"
html_static_path = ["_static"]
html_css_files = ["otumat.css"]
html_domain_indices = False
html_show_search_summary = False  # it reads files, which a browser refuses without a server
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {
        "font-stack": "system-ui, sans-serif",
        "font-stack--monospace": "ui-monospace, monospace",
    },
}
