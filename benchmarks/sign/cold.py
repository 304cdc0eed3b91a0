"""What a fresh process pays: the import, and one verification of given data."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

_PIECES = """\
from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
"""


def programs(scratch: Path) -> dict[str, str]:
    """Return the programs to compare, by name; each `ours` stands after its floor."""
    from otumat_sign import _keys, sign

    key, pub = scratch / "cold.pem", scratch / "cold.pub"
    private, public = _keys.generate("rsa", None)
    key.write_bytes(private)
    pub.write_bytes(public)
    data = "21de3a7e942da457fb7c16666395b78ee75bbdf8"
    signature = sign(privkey_path=key, data=data)
    call = f"pubkey_path={str(pub)!r}, data={data!r}, signature={signature!r}"
    return {
        "python -c pass": "pass",
        "import otumat_sign": "import otumat_sign",
        "import the pieces of cryptography": _PIECES,
        "otumat_sign.verify(...)": f"import otumat_sign; otumat_sign.verify({call})",
    }


def measure(scratch: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each program's fresh processes, the rounds interleaved."""
    chosen = programs(scratch)
    times: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, program in chosen.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            times[name].append(time.perf_counter() - start)
    return times
