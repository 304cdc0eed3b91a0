"""The import names of the suite: lazy, complete, and the same objects as the parts' own."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import otumat
import otumat_sign
import otumat_usage
import otumat_watch


def test_functions_of_the_signing_library_are_the_same_objects():
    assert otumat.hash_pkg is otumat_sign.hash_pkg
    assert otumat.sign is otumat_sign.sign
    assert otumat.verify is otumat_sign.verify


@pytest.mark.parametrize(
    ("alias", "library"),
    [("signing", otumat_sign), ("usage", otumat_usage), ("watch", otumat_watch)],
)
def test_a_module_alias_offers_exactly_the_public_names_of_its_library(alias, library):
    module = getattr(otumat, alias)
    importlib.import_module(f"{library.__name__}.cli")  # an attribute now, which is not public

    assert dir(module) == sorted(library.__all__)
    assert all(getattr(module, name) is getattr(library, name) for name in library.__all__)
    for name in ("_private", "cli"):
        with pytest.raises(AttributeError, match="has no public attribute"):
            getattr(module, name)


@pytest.mark.parametrize(
    "statement",
    [
        "from otumat import hash_pkg, sign, verify",
        "from otumat.usage import UsageAgent",
        "from otumat.watch import WatchAgent",
        "import otumat.signing; otumat.signing.hash_pkg",
        "import otumat; otumat.usage.UsageAgent, otumat.watch.WatchAgent",
        "from otumat.signing import *; hash_pkg",
        "import otumat; assert otumat.__version__.split('.')[1:]",
        "from otumat import *; DISABLE_USAGE_TRACKING_PACKAGES",
    ],
)
def test_the_documented_imports_work_in_a_fresh_interpreter(statement):
    subprocess.run([sys.executable, "-c", statement], check=True)


def test_sign_stays_a_function_whatever_is_imported():
    code = (
        "import otumat.signing, otumat_sign.cli, otumat_sign.exceptions, otumat\n"
        "from otumat import sign\n"
        "assert callable(sign) and callable(otumat.sign) and callable(otumat_sign.sign)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_global_list_is_a_plain_list_and_dir_names_the_public_api():
    assert otumat.DISABLE_USAGE_TRACKING_PACKAGES == []
    assert dir(otumat) == sorted(otumat.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'otumat' has no attribute 'no_such'"):
        otumat.no_such  # noqa: B018
