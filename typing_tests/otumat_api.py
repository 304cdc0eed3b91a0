"""The suite's import names as a type checker sees them; nothing here is ever run."""

from __future__ import annotations

from typing import assert_type

import otumat
from otumat import hash_pkg, sign, verify
from otumat.usage import UsageAgent
from otumat.watch import WatchAgent

assert_type(otumat.DISABLE_USAGE_TRACKING_PACKAGES, list[str])
assert_type(hash_pkg(pkgpath="plugin"), str)
assert_type(sign(privkey_path="key.pem", data="0" * 40), str)
verify(pubkey_path="key.pub", data="0" * 40, signature="")

agent = UsageAgent(author="A", data_directory="d", package_name="p", host="https://h.example")
agent.log(event_type="import")
assert_type(WatchAgent, type[WatchAgent])
