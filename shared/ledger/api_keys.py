"""API keys: 256 random bits shown once, stored as a SHA-256 digest, with scopes, expiry and revocation."""

from __future__ import annotations

import binascii
import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, insert, literal, or_, select, update

from shared.errors import Forbidden, NotFound, Unauthorized, Unprocessable, VisceraError
from shared.ledger.engine import now
from shared.ledger.ids import new_id
from shared.ledger.jobs import ensure_tenant
from shared.ledger.tables import api_keys

Scope = Literal["jobs:read", "jobs:write", "dicom:read", "dicom:write", "metrics:read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Scopes of a key; `admin` covers keys, webhooks and the audit trail of its own tenant."""
_KINDS = {"key": "vsk_", "session": "vsn_", "share": "vss_", "token": "vst_", "ticket": "vsl_"}
_KEPT = ("key", "operator", "loopback")
"""Kinds that never expire by themselves: keys, the key of the settings, and this machine's own authority."""
_DEPTH = 8
"""Longest chain of credentials: a session of a share of a key has three."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY, _CHECK = 43, 6
_SHORTEST = 20
"""Characters of a key of the settings: 20 of base64 have 120 bits."""
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
    parent: str | None = None

    @property
    def lender(self) -> str | None:
        """Return the id of the credential that lends its authority; None where the ledger does not have it.

        A session stands for the key, share or token it was opened with.
        """
        if self.kind == "session" and self.parent is not None:
            return self.parent
        return self.key_id if self.is_stored else None

    @property
    def is_stored(self) -> bool:
        """Return whether the ledger has this credential; an identity provider's token is not in the ledger."""
        return self.kind not in {"oidc", "person"}


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
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


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
    until: float | None = None,
) -> str:
    """Add a key to a tenant, which is created if needed, for `seconds` and at most `until`; return the key's id.

    A key with a `parent` key is valid only while its parent is. Raises Unprocessable for an unknown scope.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise Unprocessable(f"There is no scope of this name; there are {', '.join(SCOPES)}.", "unknown_scope")
    ensure_tenant(connection, tenant)
    known = connection.execute(select(api_keys.c.id).where(api_keys.c.digest == digest(key))).scalar()
    if known is not None:
        return str(known)
    key_id, created = new_id("key"), connection.execute(select(now())).scalar_one()
    ends = [end for end in (until, None if seconds is None else created + seconds) if end is not None]
    connection.execute(
        insert(api_keys).values(
            id=key_id, tenant=tenant, digest=digest(key), name=name, prefix=key[:8], scopes=sorted(scopes), kind=kind,
            job_id=job_id, parent=parent, created=created, expires=min(ends, default=None),
        )
    )  # fmt: skip
    return key_id


def caller(connection: Connection, key: str) -> Caller:
    """Return the caller of a key.

    Raises Unauthorized for unknown, expired and revoked keys.
    """
    found = _chains(connection, api_keys.c.digest == digest(key)) if well_formed(key) else {}
    if not found:
        raise Unauthorized(REFUSED)
    return next(iter(found.values()))


def derive(
    connection: Connection,
    maker: Caller,
    key: str,
    *,
    kind: str,
    scopes: Collection[str],
    seconds: float,
    job_id: str | None = None,
) -> str:
    """Add a credential that its maker lends, such as a session or a share; return its id.

    It has at most the maker's scopes and job, ends with the maker's lender, and is valid only while that is.
    Raises Forbidden for more than the maker may do, and Unauthorized where the lender has ended meanwhile.
    """
    if not set(scopes) <= maker.scopes or maker.job not in (None, job_id):
        raise Forbidden("A credential can't be given what its maker may not do.", "insufficient_scope")
    lender, until = maker.lender, maker.expires
    if lender is not None:
        chain = _chains(connection, api_keys.c.id == lender)
        if lender not in chain:
            raise Unauthorized(REFUSED)
        until = chain[lender].expires
    return add_key(
        connection, key, maker.tenant, name=maker.name, scopes=scopes, seconds=seconds, kind=kind, job_id=job_id,
        parent=lender, until=until,
    )  # fmt: skip


def valid_ids(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return those of the credentials that may still be used."""
    return set(_chains(connection, api_keys.c.id.in_(ids))) if ids else set()


def check_strength(key: str, setting: str) -> None:
    """Raise VisceraError for a key of the settings that could be guessed or was mistyped."""
    if len(key) < _SHORTEST or len(set(key)) < _SHORTEST // 2 or not key.isprintable() or " " in key:
        reason = f"{setting} is too weak: a key has at least {_SHORTEST} characters, of them {_SHORTEST // 2} different"
        raise VisceraError(f"{reason}, and no spaces; `viscera keys create` makes one.", "weak_key")
    if not well_formed(key):
        raise VisceraError(f"{setting} has a typing error: the checksum at its end is wrong.", "weak_key")


def set_operator_key(
    connection: Connection, key: str, tenant: str, *, name: str = "", scopes: Collection[str] = SCOPES
) -> None:
    """Add the key that the settings name; an earlier one of the settings with the same `name` is revoked."""
    key_id = add_key(connection, key, tenant, name=name, scopes=scopes, kind="operator")
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(kind="operator", name=name))
    mine = (api_keys.c.kind == "operator") & (api_keys.c.name == name)
    earlier = mine & (api_keys.c.id != key_id) & api_keys.c.revoked.is_(None)
    connection.execute(update(api_keys).where(earlier).values(revoked=now()))


def loopback(connection: Connection, tenant: str) -> Caller:
    """Return the authority of this machine's own browser, whose secret nobody knows; it lends sessions."""
    query = select(api_keys.c.id).where(api_keys.c.kind == "loopback", api_keys.c.tenant == tenant, _valid())
    key_id = connection.execute(query.limit(1)).scalar() or add_key(connection, new_key(), tenant, kind="loopback")
    return Caller(str(key_id), tenant, kind="loopback")


def keys(
    connection: Connection,
    tenant: str | None,
    *,
    job_id: str | None = None,
    kinds: Collection[str] = ("key", "operator"),
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
    connection.execute(api_keys.delete().where(api_keys.c.kind.not_in(_KEPT), over))


def _chains(connection: Connection, where: ColumnElement[bool]) -> dict[str, Caller]:
    """Return the callers of the credentials that `where` selects and whose whole chain is valid, by their id."""
    chains: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(_chain(where)):
        chains.setdefault(row.start, []).append(row)
    return {start: _caller(rows) for start, rows in chains.items() if _is_valid(rows)}


def _chain(where: ColumnElement[bool]) -> Select[Any]:
    """Return the query of each credential (`start`, depth 0) and all from which it was derived, in order."""
    first = select(api_keys.c.id.label("start"), literal(0).label("depth"), api_keys).where(where)
    chain = first.cte("chain", recursive=True)
    above = api_keys.alias("above")
    step = select(chain.c.start, chain.c.depth + 1, above).join(chain, above.c.id == chain.c.parent)
    chain = chain.union_all(step.where(chain.c.depth < _DEPTH))
    return select(chain, _valid(chain).label("valid")).order_by(chain.c.start, chain.c.depth)


def _is_valid(rows: list[Row[Any]]) -> bool:
    """Return whether every credential of a chain is valid and the chain is whole."""
    return all(row.valid and row.tenant == rows[0].tenant for row in rows) and rows[-1].parent is None


def _caller(rows: list[Row[Any]]) -> Caller:
    """Return what a chain allows: the scopes that all of it has, and the earliest end."""
    row, ends = rows[0], [row.expires for row in rows if row.expires is not None]
    scopes = frozenset.intersection(*(frozenset(SCOPES if r.scopes is None else r.scopes) for r in rows))
    return Caller(
        row.id, row.tenant, scopes, row.job_id, row.name, row.kind, min(ends, default=None), parent=row.parent
    )


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
