"""The user's browser: whether there is one here, and opening a page in it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def is_here(env: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Say whether a browser that reaches this machine's loopback can be expected.

    Over SSH, in a container and without a display there is none, and under WSL the browser is on
    the other side. ``BROWSER`` is its user's word for it.
    """
    if env.get("BROWSER"):
        return True
    if env.get("WSL_DISTRO_NAME") or env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        return False
    if platform in ("win32", "darwin"):
        return True
    inside = Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
    return bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")) and not inside


@contextlib.contextmanager
def showing(url: str) -> Iterator[None]:
    """Open *url* through `webbrowser` in a process of its own, which is gone afterwards.

    A browser may wait, print, or fail in its own ways; none of that may reach this program.
    """
    opener = _open(url)
    try:
        yield
    finally:
        # A graphical browser returned long ago; one that blocks has answered, or never will.
        if opener is not None:
            _end(opener)


def _open(url: str) -> subprocess.Popen[bytes] | None:
    if not sys.executable:
        return None
    with contextlib.suppress(OSError):
        return subprocess.Popen(
            [sys.executable, "-I", "-m", "webbrowser", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return None


def _end(opener: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 2
    while opener.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    if opener.poll() is None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(opener.pid, 15)
        opener.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            opener.wait(1)
