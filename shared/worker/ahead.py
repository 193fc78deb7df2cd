"""Which files of a result are written with every job, before somebody requests them: the setting VISCERA_FILES.

It lists names, separated by commas. `TENANT:NAME` is for the jobs of one tenant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from shared.errors import VisceraError


def names_ahead(setting: str, tenant: str) -> set[str]:
    """Return the names of the files that jobs of this tenant have written ahead."""
    return {name for owner, name in _entries(setting) if owner in {"", tenant}}


def check_names(setting: str, known: Collection[str]) -> None:
    """Raise VisceraError for a name that no job has."""
    for _, name in _entries(setting):
        if name not in known:
            raise VisceraError(f"VISCERA_FILES names {name}, which no job has.", "bad_setting")


def _entries(setting: str) -> Iterator[tuple[str, str]]:
    for entry in filter(None, (part.strip() for part in setting.split(","))):
        owner, _, name = entry.rpartition(":")
        yield owner, name
