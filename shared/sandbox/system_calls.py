"""The seccomp filter of the decoders: which system calls fail, as a program of classic BPF.

The program is a list of `struct sock_filter` (linux/filter.h): 16 bits of code, two jumps of 8 bits that count
instructions to skip, 32 bits of operand. It reads `struct seccomp_data` (linux/seccomp.h).
"""

from __future__ import annotations

import errno
import struct

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column in `_DENIED`, and AUDIT_ARCH_X86_64 or AUDIT_ARCH_AARCH64 (linux/audit.h)."""
SECCOMP = {"x86_64": 317, "aarch64": 277}
"""Number of seccomp(2)."""
_NEWEST = 451
"""Number of the newest call that this table was compared with (cachestat, Linux 6.5): the C library has a substitute
for each later one. The calls of x86-64's second interface, x32, have numbers from 2**30 and fail with them."""
_DENIED: dict[str, dict[str, tuple[int | None, int | None]]] = {
    "network, also by way of io_uring": {
        "socket": (41, 198), "socketpair": (53, 199), "bind": (49, 200), "connect": (42, 203), "listen": (50, 201),
        "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
        "recvfrom": (45, 207), "recvmsg": (47, 212), "recvmmsg": (299, 243),
        "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    },
    "processes and threads": {
        "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "clone": (56, 220),
        "clone3": (435, 435), "unshare": (272, 97), "setns": (308, 268),
    },
    "memory, signals and priority of other processes": {
        "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
        "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
        "process_madvise": (440, 440), "process_mrelease": (448, 448), "tkill": (200, 130),
        "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140),
        "ioprio_set": (251, 30), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
        "sched_setparam": (142, 118), "sched_setattr": (314, 274), "migrate_pages": (256, 238),
        "move_pages": (279, 239),
    },
    "memory and queues that processes share": {
        "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
        "semtimedop": (220, 192), "semctl": (66, 191), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
        "msgctl": (71, 187), "mq_open": (240, 180),
    },
    "parts of the kernel that are often attacked": {
        "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "add_key": (248, 217),
        "request_key": (249, 218), "keyctl": (250, 219),
    },
    "what Landlock does not cover: mounts, handles, modes, owners, attributes, times; truncation before Linux 6.2": {
        "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
        "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
        "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "name_to_handle_at": (303, 264),
        "open_by_handle_at": (304, 265), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53),
        "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5),
        "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
        "fremovexattr": (199, 16), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
        "utimensat": (280, 88), "truncate": (76, 45),
    },
}  # fmt: skip
_KILL, _TGKILL, _PRLIMIT = (62, 129), (234, 131), (302, 261)
_FCNTL, _IOCTL = (72, 25), (16, 29)
_SIGNALS_BY_FCNTL = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: the kernel sends signals to the owner of a file."""
_SIGNALS_BY_IOCTL = (0x8901, 0x8902, 0x5412, 0x541C)
"""FIOSETOWN, SIOCSPGRP, and TIOCSTI and TIOCLINUX, which type into a terminal."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K."""
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE = 0, 4
"""Offsets in `struct seccomp_data`; the arguments follow from 16 on, 8 bytes each, the low half first."""


def filter_program(machine: str, process: int) -> bytes | None:
    """Return the filter for a machine name of uname(2), or None for a machine without one.

    `process` is the id of the process that is filtered: it may send signals to itself, as abort(3) does.
    """
    if machine not in _MACHINES:
        return None
    column, architecture = _MACHINES[machine]
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL_PROCESS),  # a call of another architecture's table (int 0x80)
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _NEWEST + 1, 0, 1),
        _step(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for group in _DENIED.values():
        for numbers in group.values():
            if (number := numbers[column]) is not None:
                program += [_step(_EQUAL, number, 0, 1), refuse]
    for call in (_KILL, _TGKILL):
        program += _where(call[column], 0, (process,), allowed=True)
    program += _where(_PRLIMIT[column], 0, (0, process), allowed=True)
    program += _where(_FCNTL[column], 1, _SIGNALS_BY_FCNTL, allowed=False)
    program += _where(_IOCTL[column], 1, _SIGNALS_BY_IOCTL, allowed=False)
    return b"".join([*program, _step(_RETURN, _ALLOW)])


def _where(number: int, argument: int, values: tuple[int, ...], *, allowed: bool) -> list[bytes]:
    """Return the steps that allow a call where an argument is one of `values` and refuse others, or the reverse."""
    matched, other = _step(_RETURN, _ALLOW), _step(_RETURN, _ERRNO | errno.EPERM)
    if not allowed:
        matched, other = other, matched
    tests = [_step(_EQUAL, value, len(values) - index, 0) for index, value in enumerate(values)]
    body = [_step(_LOAD, 16 + 8 * argument), *tests, other, matched]
    return [_step(_EQUAL, number, 0, len(body)), *body]


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
