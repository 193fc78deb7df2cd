"""Operator commands on the ledger: `viscera keys`, `clients`, `audit`, `corrections`, `ledger`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from services import installation
from shared.errors import VisceraError
from shared.ledger import Ledger, api_keys, audit, clients, corrected, open_ledger
from shared.operations.rebuild import rebuild
from shared.process import exclusive
from shared.settings import Settings
from shared.storage.connect import open_store

Command = Callable[[str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]


def register(command: Command) -> None:
    """Add these commands to the parser."""
    sub = command("keys", keys)
    sub.add_argument("action", choices=("create", "list", "revoke"))
    sub.add_argument("id", nargs="?", help="the key to revoke")
    sub.add_argument("--tenant", default="default")
    sub.add_argument("--name", default="", help="a name for the key")
    sub.add_argument("--scopes", default=",".join(api_keys.SCOPES), help=f"among {', '.join(api_keys.SCOPES)}")
    sub.add_argument("--days", type=float, help="until the key expires")
    installation.add_option(sub)
    sub = command("clients", systems)
    sub.add_argument("action", choices=("add", "list", "remove"))
    sub.add_argument("id", nargs="?", help="the client id")
    sub.add_argument("--tenant", default="default")
    sub.add_argument("--scopes", default="jobs:read,jobs:write,dicom:read,dicom:write")
    sub.add_argument("--jwks", help="its public keys: a JSON file, or the https URL where it publishes them")
    installation.add_option(sub)
    sub = command("audit", trail)
    sub.add_argument("action", choices=("verify", "export"))
    sub.add_argument("--tenant", help="default: all")
    sub.add_argument("--format", choices=("json", "fhir"), default="json")
    installation.add_option(sub)
    sub = command("corrections", corrections)
    sub.add_argument("action", choices=("consent", "withdraw", "list", "export"))
    sub.add_argument(
        "folder", nargs="?", type=Path, help="where `export` writes; `./viscera train prepare --data` reads it"
    )
    sub.add_argument("--tenant", default="default")
    installation.add_option(sub)
    sub = command("ledger", rebuild_ledger)
    sub.add_argument("action", choices=("rebuild",))
    installation.add_option(sub)


def rebuild_ledger(args: argparse.Namespace) -> None:
    """Rebuild a lost ledger from the store's manifests; existing rows stay as they are."""
    if args.data is None:
        settings = Settings()
        _rebuild(settings.ledger_url, settings.store_url)
        return
    if not (args.data / "store").is_dir():
        raise VisceraError(f"There is no store in {args.data}.", "no_store")
    data = args.data.resolve()
    with exclusive(data / "lock"):
        _rebuild(f"sqlite:///{data / 'ledger.db'}", f"file://{data / 'store'}")


def _rebuild(ledger_url: str, store_url: str) -> None:
    made = open_ledger(ledger_url)
    made.migrate()
    result = rebuild(made, open_store(store_url))
    made.close()
    print(
        f"{result.scans} scans and {result.ended + result.opened} jobs are back, {result.opened} of them begin anew; "
        f"{result.known} jobs were there."
    )
    if result.revisions:
        print(f"{result.revisions} revisions are back; their models are written again.")
    for lost, why in result.lost:
        print(f"{lost}: {why}")
    if result.lost:
        raise VisceraError(f"{len(result.lost)} jobs or scans can't be restored.", "incomplete")


def keys(args: argparse.Namespace) -> None:
    """Create, list and revoke API keys."""
    ledger = installation.ledger_of(args.data)
    with ledger.write() as connection:
        if args.action == "create":
            key = api_keys.new_key()
            scopes = [scope.strip() for scope in args.scopes.split(",") if scope.strip()]
            seconds = args.days * 86400.0 if args.days else None
            key_id = api_keys.add_key(connection, key, args.tenant, name=args.name, scopes=scopes, seconds=seconds)
            audit.record(connection, args.tenant, "operator", "create_key", key_id)
            print(f"{key_id}\n{key}\nThe key is shown only this once.")
        elif args.action == "revoke":
            tenant = api_keys.get_key(connection, None, args.id or "").tenant
            api_keys.revoke(connection, None, args.id)
            audit.record(connection, tenant, "operator", "revoke_key", args.id)
        else:
            for record in api_keys.keys(connection, None):
                print(_line(record))
    ledger.close()


def systems(args: argparse.Namespace) -> None:
    """Register hospital systems that authenticate with keys of their own (SMART Backend Services)."""
    ledger = installation.ledger_of(args.data)
    with ledger.write() as connection:
        if args.action == "add":
            if not args.id or not args.jwks:
                raise VisceraError("Name the client and its keys: viscera clients add ID --jwks FILE.", "usage")
            scopes = [scope.strip() for scope in args.scopes.split(",") if scope.strip()]
            published = args.jwks.startswith("https://")
            jwks = None if published else json.loads(Path(args.jwks).read_text())
            url = args.jwks if published else None
            clients.add(connection, args.id, args.tenant, scopes, jwks=jwks, jwks_url=url)
        elif args.action == "remove":
            clients.remove(connection, args.id or "")
        for client in clients.every(connection):
            print(f"{client.id}  {client.tenant}  {','.join(client.scopes)}  {client.jwks_url or 'keys on file'}")
    ledger.close()


def corrections(args: argparse.Namespace) -> None:
    """Export accepted corrections as training data without patient data, for tenants that consent."""
    ledger = installation.ledger_of(args.data)
    if args.action == "export":
        _export(args, ledger)
    elif args.action in {"consent", "withdraw"}:
        with ledger.write() as connection:
            corrected.set_consent(connection, args.tenant, allowed=args.action == "consent")
            audit.record(connection, args.tenant, "operator", f"{args.action}_learning", args.tenant)
    with ledger.read() as connection:
        for tenant, allowed in corrected.consent(connection).items():
            print(f"{tenant}  {'corrections may be exported' if allowed else 'no consent'}")
    ledger.close()


def _export(args: argparse.Namespace, ledger: Ledger) -> None:
    from shared.operations.corrections import export  # loads nibabel, which no other command here needs

    if args.folder is None:
        raise VisceraError("Name the folder: viscera corrections export FOLDER.", "usage")
    for line in export(ledger, installation.store_of(args.data), args.tenant, args.folder):
        print(line)


def trail(args: argparse.Namespace) -> None:
    """Verify the audit trail's hash chain, or print the trail."""
    ledger = installation.ledger_of(args.data)
    with ledger.read() as connection:
        for tenant in [args.tenant] if args.tenant else audit.audited(connection):
            if args.action == "verify":
                count, head = audit.verify(connection, tenant)
                print(f"{tenant}: {count} records, unbroken; head {head or '-'}")
            elif args.format == "fhir":
                from services.api import fhir  # needs the gateway's dependencies

                print(json.dumps(fhir.bundle(audit.records(connection, tenant))))
            else:
                for record in audit.records(connection, tenant):
                    print(json.dumps({name: getattr(record, name) for name in audit.Record.__slots__}))
    ledger.close()


def _line(key: api_keys.Key) -> str:
    now = datetime.now(UTC).timestamp()
    state = "revoked" if key.revoked else "expired" if key.expires and key.expires < now else "valid"
    return f"{key.id}  {key.tenant}  {key.prefix}...  {state}  {','.join(key.scopes)}  {key.name}"
