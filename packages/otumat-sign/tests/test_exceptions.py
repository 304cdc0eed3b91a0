"""Everything raised on purpose has one base, and the parent that callers expect."""

from __future__ import annotations

import builtins
import pickle
import re

import pytest
from cryptography.exceptions import InvalidSignature as CryptographyInvalidSignature

import otumat_sign
from otumat_sign import exceptions


def _parent(name: str) -> type:
    short = name.rpartition(".")[2]
    return CryptographyInvalidSignature if "." in name else getattr(builtins, short)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_every_exception_derives_from_the_base_and_can_be_pickled(name):
    kind = getattr(exceptions, name)

    assert issubclass(kind, exceptions.SignError)
    assert kind.__module__ == "otumat_sign.exceptions"
    again = pickle.loads(pickle.dumps(kind("why")))
    assert type(again) is kind
    assert str(again) == "why"


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = re.findall(r"[─ ](\w+) +(?:\(([\w.]+)\))?", exceptions.__doc__.split("SignError\n")[1])
    drawn = [(name, parent) for name, parent in drawn if name in exceptions.__all__]

    assert {name for name, _ in drawn} | {"SignError"} == set(exceptions.__all__)
    for name, parent in drawn:
        if parent:
            assert issubclass(getattr(exceptions, name), _parent(parent))


@pytest.mark.parametrize("module", [otumat_sign, exceptions], ids=["package", "exceptions"])
def test_names_that_are_not_there_are_attribute_errors(module):
    with pytest.raises(AttributeError, match="'nonsense'"):
        _ = module.nonsense


@pytest.mark.parametrize("module", [otumat_sign, exceptions], ids=["package", "exceptions"])
def test_all_is_sorted_complete_and_what_dir_shows(module):
    assert dir(module) == module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_the_functions_are_functions_whatever_was_imported():
    from otumat_sign import _digest, _signature

    assert otumat_sign.sign is _signature.sign
    assert otumat_sign.verify is _signature.verify
    assert otumat_sign.hash_pkg is _digest.hash_pkg
