"""API keys: 256 random bits shown once, stored as a SHA-256 digest, with scopes, expiry and revocation."""

from __future__ import annotations

import binascii
import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, FromClause, Row, insert, or_, select, update

from shared.errors import NotFound, Unauthorized, Unprocessable
from shared.ledger.engine import now
from shared.ledger.ids import new_id
from shared.ledger.jobs import ensure_tenant
from shared.ledger.tables import api_keys

Scope = Literal["jobs:read", "jobs:write", "dicom:read", "dicom:write", "metrics:read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Scopes of a key; `admin` covers keys, webhooks and the audit trail of its own tenant."""
_KINDS = {"key": "vsk_", "session": "vsn_", "share": "vss_", "token": "vst_"}
_ABOVE = api_keys.alias("above")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY, _CHECK = 43, 6
REFUSED = "A valid API key is needed: Authorization: Bearer <key>."


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller: key id, tenant, scopes, and the only visible job if the key is bound to one."""

    key_id: str
    tenant: str
    scopes: frozenset[str] = frozenset(SCOPES)
    job: str | None = None
    name: str = ""
    kind: str = "key"
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """What the ledger knows about a key; never the key itself. Times are seconds since 1970."""

    id: str
    tenant: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    kind: str
    created: float
    expires: float | None
    revoked: float | None


def new_key(kind: str = "key") -> str:
    """Return a new key: a prefix that names its kind, 256 random bits, and a checksum that detects typing errors."""
    body = _base62(secrets.randbits(256), _BODY)
    return _KINDS[kind] + body + _checksum(body)


def well_formed(key: str) -> bool:
    """Return False for a key of our form whose checksum is wrong: a typing error that needs no query."""
    if key[:4] not in _KINDS.values() or len(key) != 4 + _BODY + _CHECK:
        return True  # set by the operator, in another form
    return key[-_CHECK:] == _checksum(key[4:-_CHECK])


def digest(key: str) -> str:
    """Return what the ledger stores of a key. A key has 256 random bits, so guessing can't reverse a plain hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def add_key(
    connection: Connection,
    key: str,
    tenant: str,
    *,
    name: str = "",
    scopes: Collection[str] = SCOPES,
    seconds: float | None = None,
    kind: str = "key",
    job_id: str | None = None,
    parent: str | None = None,
) -> str:
    """Add a key to a tenant, which is created if needed, for `seconds`; return the key's id.

    A key with a `parent` key is valid only while its parent is. Raises Unprocessable for an unknown scope.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise Unprocessable(f"There is no scope of this name; there are {', '.join(SCOPES)}.", "unknown_scope")
    ensure_tenant(connection, tenant)
    known = connection.execute(select(api_keys.c.id).where(api_keys.c.digest == digest(key))).scalar()
    if known is not None:
        return str(known)
    key_id = new_id("key")
    connection.execute(
        insert(api_keys).values(
            id=key_id, tenant=tenant, digest=digest(key), name=name, prefix=key[:8], scopes=sorted(scopes), kind=kind,
            job_id=job_id, parent=parent, created=now(), expires=None if seconds is None else now() + seconds,
        )
    )  # fmt: skip
    return key_id


def caller(connection: Connection, key: str) -> Caller:
    """Return the caller of a key.

    Raises Unauthorized for unknown, expired and revoked keys.
    """
    row = None
    if well_formed(key):
        query = select(api_keys).outerjoin(_ABOVE, api_keys.c.parent == _ABOVE.c.id)
        row = connection.execute(query.where(api_keys.c.digest == digest(key), _valid(), _valid(_ABOVE))).first()
    if row is None:
        raise Unauthorized(REFUSED)
    scopes = frozenset(SCOPES if row.scopes is None else row.scopes)
    return Caller(row.id, row.tenant, scopes, row.job_id, row.name, row.kind, row.expires)


def keys(
    connection: Connection,
    tenant: str | None,
    *,
    job_id: str | None = None,
    kinds: Collection[str] = ("key",),
    valid: bool = False,
) -> list[Key]:
    """Return the keys of a tenant (None: of all tenants), newest first; with `job_id` only those bound to that job."""
    query = select(api_keys).where(api_keys.c.kind.in_(kinds)).order_by(api_keys.c.created.desc())
    if tenant is not None:
        query = query.where(api_keys.c.tenant == tenant)
    if job_id is not None:
        query = query.where(api_keys.c.job_id == job_id)
    if valid:
        query = query.where(_valid())
    return [_key(row) for row in connection.execute(query)]


def get_key(connection: Connection, tenant: str | None, key_id: str) -> Key:
    """Return one key by its id.

    Raises NotFound, also for a key of another tenant.
    """
    query = select(api_keys).where(api_keys.c.id == key_id)
    row = connection.execute(query if tenant is None else query.where(api_keys.c.tenant == tenant)).first()
    if row is None:
        raise NotFound("There is no such key.")
    return _key(row)


def revoke(connection: Connection, tenant: str | None, key_id: str, job_id: str | None = None) -> None:
    """Revoke a key at once and for ever.

    Raises NotFound, also for a key of another tenant.
    """
    where = api_keys.c.id == key_id
    if tenant is not None:
        where &= api_keys.c.tenant == tenant
    if job_id is not None:
        where &= api_keys.c.job_id == job_id
    changed = update(api_keys).where(where).values(revoked=now())
    if not connection.execute(changed).rowcount:
        raise NotFound("There is no such key.")


def forget_expired(connection: Connection, after: float = 86400.0) -> None:
    """Delete sessions, shares and tokens that expired long ago; keys stay, so that the audit trail can be read."""
    over = or_(api_keys.c.expires < now() - after, api_keys.c.revoked < now() - after)
    connection.execute(api_keys.delete().where(api_keys.c.kind != "key", over))


def _valid(table: FromClause = api_keys) -> ColumnElement[bool]:
    return table.c.revoked.is_(None) & or_(table.c.expires.is_(None), table.c.expires > now())


def _key(row: Row[Any]) -> Key:
    scopes = tuple(SCOPES if row.scopes is None else row.scopes)
    return Key(row.id, row.tenant, row.name, row.prefix, scopes, row.kind, row.created, row.expires, row.revoked)


def _base62(number: int, length: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits.rjust(length, "0")


def _checksum(body: str) -> str:
    return _base62(binascii.crc32(body.encode()), _CHECK)
