"""The paths of everything that is kept on disk, and whether that place is ours.

Computes names and creates nothing, except through `make`. It must not know what is in the files.
On Linux, macOS and Windows the data folder is worked out here, as platformdirs would, because
this runs at the import of a stranger's program; any other system asks platformdirs itself.
"""

# pathlib and contextlib are not loaded on the hot path.
# ruff: noqa: PTH102, PTH105, PTH108, PTH111, PTH116, PTH118, PTH120, SIM105, PLR0911

import os
import sys

APP = "otumat-usage"

_owned: set[tuple[str, int]] = set()


def canonical(package: str) -> str:
    """Return the one spelling of a package's name: ``Data_Joint`` and ``data.joint`` are one.

    The result is safe as a file name; "" means that the name is none.
    """
    name = package.lower().replace("_", "-").replace(".", "-")
    name = "-".join([part for part in name.split("-") if part])
    plain = name.replace("-", "")
    return name if plain.isascii() and plain.isalnum() and len(name) <= 100 else ""  # noqa: PLR2004 - names on PyPI are shorter


def folder() -> str:
    """Return the user's data folder for otumat-usage, or "" where there is no home."""
    env = os.environ
    if sys.platform == "win32":
        base = env.get("LOCALAPPDATA", "")
        return os.path.join(base, APP) if base else _ask_platformdirs()
    if sys.platform == "darwin":
        home = os.path.expanduser("~")
        return f"{home}/Library/Application Support/{APP}" if home[:1] == "/" else ""
    if sys.platform != "linux":
        return _ask_platformdirs()
    base = env.get("XDG_DATA_HOME", "").strip()
    if base[:1] == "/":
        return f"{base}/{APP}"
    home = os.path.expanduser("~")
    return f"{home}/.local/share/{APP}" if home[:1] == "/" else ""


def _ask_platformdirs() -> str:
    import platformdirs

    return platformdirs.user_data_dir(APP, appauthor=False)


def legacy_folder(author: str, data_directory: str) -> str:
    """Return where otumat 0.3 kept this package's ``config.json`` and ``main.db``."""
    base = folder()[: -len(APP) - 1]
    if sys.platform == "win32":
        base = f"{base}\\{author}"
    return f"{base}{os.sep}{data_directory}{os.sep}usage"


def package_folder(home: str, package: str) -> str:
    """Return the folder of one package (a canonical name) below *home*."""
    return f"{home}/packages/{package}"


def is_ours(home: str) -> bool:
    """Say whether *home* belongs to this user: nobody else can have put anything there.

    ``sudo`` keeps HOME, a container may run with a home of root's, ``/nonexistent`` has no owner:
    all of these are "no". Windows keeps profiles apart by itself.
    """
    if not home:
        return False
    if sys.platform == "win32":
        return True
    user = os.geteuid()
    if (home, user) in _owned:
        return True
    try:
        if os.stat(os.path.expanduser("~")).st_uid != user:
            return False
        try:
            here = os.lstat(home)
        except FileNotFoundError:
            return True
    except OSError:
        return False
    # A link, or a folder that others may write to, could be somebody's trap (CWE-379).
    if here.st_uid != user or here.st_mode & 0o170022 != 0o040000:  # noqa: PLR2004 - a folder
        return False
    _owned.add((home, user))
    return True


def changed(path: str) -> float:
    """Return when a file was changed, in seconds since the epoch; 0.0 where there is none."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def knows_no_locks(error: OSError) -> bool:
    """Say whether a lock failed because of the file system: NFS without its daemon, Lustre."""
    import errno

    return error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def make(path: str) -> None:
    """Create a folder of ours, and what is missing above it, readable by its owner only.

    Raises:
        OSError: the file system refuses.
    """
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if parent == path:
            raise
        make(parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            return
    settle(os.path.dirname(path))


def write(path: str, data: bytes) -> None:
    """Replace a file of ours as a whole: it is the old one or the new one, never a part.

    Once this returns, the new one is there after a loss of power, too.

    Raises:
        OSError: the file system refuses; the old file is then untouched.
    """
    part = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(part, flags, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(part, path)
        settle(os.path.dirname(path))
    except BaseException:
        try:
            os.unlink(part)
        except OSError:
            pass
        raise


def settle(folder: str) -> None:
    """Force to the disk which files *folder* has, after one was renamed or removed there."""
    if sys.platform == "win32":
        return  # its file system notes that by itself, and no folder can be opened
    try:
        fd = os.open(folder or ".", os.O_RDONLY)
    except OSError:
        return  # we may use it and not read it
    try:
        os.fsync(fd)
    except OSError:
        pass  # a file system that has no such thing
    finally:
        os.close(fd)


def read(path: str, limit: int = 1 << 20) -> bytes:
    """Read a small file of ours, refusing links and files of somebody else.

    Raises:
        OSError: it is missing, not ours (`PermissionError`) or longer than *limit* bytes.
    """
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        about = os.fstat(fd)
        if sys.platform != "win32" and about.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to another user")
        if about.st_size > limit:
            raise OSError(f"{path} is longer than {limit} bytes")
        data = b""
        while chunk := os.read(fd, limit + 1 - len(data)):
            data += chunk
            if len(data) > limit:
                raise OSError(f"{path} is longer than {limit} bytes")
        return data
    finally:
        os.close(fd)
