"""Takes from this process what a decoder does not need: network, other processes, other files.

Two mechanisms of Linux that need no privileges: Landlock (files, by path) and a seccomp filter (system calls).
A kernel without one of them runs the decoder without it. Structures and numbers: landlock(7), seccomp(2) and the
headers linux/landlock.h, linux/seccomp.h, linux/filter.h, linux/audit.h and linux/prctl.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from shared.sandbox import system_calls

_SET_DUMPABLE = 4
_SET_NO_NEW_PRIVS = 38
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
"""Numbers of the system calls, the same on every architecture."""
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_FILE, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_ON_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE
"""Rights that a rule for a single file may name."""
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Number of rights on files that each version of Landlock's interface knows; later versions add none."""
_SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime",
    "/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/urandom", "/proc/self/statm", "/proc/cpuinfo",
    "/proc/meminfo", "/sys/devices/system/cpu",
)  # fmt: skip
"""What the dynamic linker, the C library and numerical libraries read."""


def isolate(readable: Iterable[Path], writable: Iterable[Path], scratch: Path | None) -> list[str]:
    """Restrict this process for good and return the names of the mechanisms that are in force.

    It may read the Python installation, system libraries and `readable` (files or folders), write the existing files
    `writable`, and create files in the folder `scratch`. The process must have a single thread.
    """
    if sys.platform != "linux":
        return []
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(_SET_DUMPABLE, 0, 0, 0, 0)  # no other process of this user reads its memory
    if system.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):  # without it an unprivileged process may use neither mechanism
        return []
    active = []
    if _landlock(system, readable, writable, scratch):
        active.append("landlock")
    if _seccomp(system):
        active.append("seccomp")
    return active


def _landlock(system: ctypes.CDLL, readable: Iterable[Path], writable: Iterable[Path], scratch: Path | None) -> bool:
    version = system.syscall(_LANDLOCK_CREATE, None, 0, 1)  # 1: LANDLOCK_CREATE_RULESET_VERSION
    if version < 1:
        return False
    handled = (1 << _RIGHTS.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0  # bind and connect of TCP
    scopes = 0b11 if version >= 6 else 0  # abstract Unix sockets and signals to processes outside
    attributes = struct.pack("=QQQ", handled, network, scopes)
    ruleset = system.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        read = _READ_FILE | _READ_DIR
        for path in {*map(Path, _SYSTEM), *_python(), *readable}:
            _allow(system, ruleset, path, read & handled)
        for path in writable:
            _allow(system, ruleset, path, _ON_FILES & handled)
        if scratch is not None:
            _allow(system, ruleset, scratch, (read | _ON_FILES | _MAKE_FILE | _REMOVE_FILE) & handled)
        return bool(system.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(system: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    """Add a rule for a file or for a folder with all below it; a path that does not exist needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights &= rights if path.is_dir() else _ON_FILES
        rule = struct.pack("=Qi", rights, place)  # struct landlock_path_beneath_attr is packed
        system.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0)  # 1: LANDLOCK_RULE_PATH_BENEATH
    finally:
        os.close(place)


def _python() -> set[Path]:
    """Return the folders of Python's library, of packages, and of libraries that the operator names.

    Not the whole prefix of an environment, and of a checkout only `shared`: both may have the data folder of
    `viscera serve` in them.
    """
    package = Path(__file__).resolve().parents[1]
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    prefixes = [Path(prefix, name) for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", "lib64")]
    named = [Path(text) for text in (*sys.path, *libraries) if text]
    folders = {path.resolve() for path in (*prefixes, *named)}
    checkout = {package.parent} if (package.parent / "pyproject.toml").exists() else set()
    return (folders - checkout) | {package}


def _seccomp(system: ctypes.CDLL) -> bool:
    program = system_calls.filter_program(os.uname().machine, os.getpid())
    if program is None:
        return False
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions (8 bytes each), and after padding their address
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    number = system_calls.SECCOMP[os.uname().machine]
    # 1: SECCOMP_SET_MODE_FILTER; 1: SECCOMP_FILTER_FLAG_TSYNC, for threads that a library may have started
    return bool(system.syscall(number, 1, 1, described) == 0)
