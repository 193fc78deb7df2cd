"""Every route with every kind of identity: a route that nobody thought of fails here."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from services.api.problems import api_routes
from shared.ledger import api_keys as access
from shared.ledger import webhooks
from shared.ledger.tables import api_keys
from tests.shared.ledger.conftest import add_job

PUBLIC = "public"
OWN = "own"
"""A route that shows only what is the caller's, whoever it is."""


@dataclass(frozen=True)
class Rule:
    """What a route needs (a scope, OWN or PUBLIC) and whether it names something that belongs to a tenant."""

    scope: str
    owned: bool = False


JOB, READ, WRITE, ADMIN = "/v1/jobs/{job_id}", "jobs:read", "jobs:write", "admin"
MONAI = "/monailabel"
STUDY = "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"
WORKITEM = "/dicom-web/workitems/{workitem}"
RULES = {
    "GET /livez": Rule(PUBLIC), "GET /readyz": Rule(PUBLIC), "GET /": Rule(PUBLIC), "HEAD /": Rule(PUBLIC),
    "GET /.well-known/smart-configuration": Rule(PUBLIC), "POST /v1/oauth/token": Rule(PUBLIC),
    "POST /v1/session": Rule(PUBLIC), "GET /v1/session/oidc": Rule(PUBLIC),
    "GET /v1/session/oidc/login": Rule(PUBLIC), "GET /v1/session/oidc/callback": Rule(PUBLIC),
    "GET /v1/session": Rule(OWN), "DELETE /v1/session": Rule(OWN), "GET /v1/models": Rule(OWN),
    "GET /docs": Rule(PUBLIC), "GET /docs.css": Rule(PUBLIC),
    "GET /favicon.svg": Rule(PUBLIC), "GET /assets/{name}": Rule(PUBLIC), "GET /web.json": Rule(PUBLIC),
    "GET /sample.nii.gz": Rule(READ),
    "POST /dicom-web/studies": Rule("dicom:write"), "POST /dicom-web/studies/{study}": Rule("dicom:write"),
    "GET /v1/dicom/series": Rule("dicom:read"), "POST /v1/dicom/series/{series}/close": Rule("dicom:write", True),
    "GET /v1/dicom/jobs/{job_id}/same-patient": Rule("dicom:read", True),
    "GET /v1/dicom/deliveries": Rule("dicom:read"), "GET /v1/dicom/destinations": Rule("dicom:read"),
    f"POST {JOB}/deliveries": Rule("dicom:write", True),
    "POST /v1/dicom/deliveries/{delivery_id}/retry": Rule("dicom:write", True),
    "GET /v1/dicom/studies/{study}/deidentified.zip": Rule("dicom:read", True),
    "DELETE /v1/dicom/studies/{study}": Rule("dicom:write", True),
    "POST /dicom-web/workitems": Rule("dicom:write"), "GET /dicom-web/workitems": Rule("dicom:read"),
    "GET /dicom-web/workitems/{workitem}": Rule("dicom:read", True),
    "POST /dicom-web/workitems/{workitem}": Rule("dicom:write"),
    **{f"PUT {WORKITEM}/state{end}": Rule("dicom:write") for end in ("", "/{requester}")},
    **{f"POST {WORKITEM}/cancelrequest{end}": Rule("dicom:write") for end in ("", "/{requester}")},
    **{f"GET /dicom-web{path}": Rule("dicom:read") for path in (
        "/studies", "/series", "/instances", f"{STUDY}/series", f"{STUDY}/instances", f"{SERIES}/instances",
    )},
    **{f"GET /dicom-web{path}": Rule("dicom:read", True) for path in (
        STUDY, SERIES, INSTANCE, f"{STUDY}/metadata", f"{SERIES}/metadata", f"{INSTANCE}/metadata",
        f"{SERIES}/thumbnail", f"{SERIES}/rendered", f"{INSTANCE}/thumbnail", f"{INSTANCE}/rendered",
        f"{INSTANCE}/frames/{{numbers}}", f"{INSTANCE}/frames/{{number}}/thumbnail",
        f"{INSTANCE}/frames/{{number}}/rendered",
    )},
    "GET /metrics": Rule("metrics:read"),
    "POST /v1/jobs": Rule(WRITE), "GET /v1/jobs": Rule(READ), "POST /v1/scans": Rule(WRITE),
    f"GET {JOB}": Rule(READ, True), f"DELETE {JOB}": Rule(WRITE, True), f"PATCH {JOB}": Rule(WRITE, True),
    f"POST {JOB}/cancel": Rule(WRITE, True),
    f"GET {JOB}/early": Rule(READ, True), f"GET {JOB}/early/{{number}}.nii.gz": Rule(READ, True),
    f"GET {JOB}/events": Rule(READ, True), f"GET {JOB}/volume.nii.gz": Rule(READ, True),
    f"GET {JOB}/slices/{{number}}.png": Rule(READ, True), f"GET {JOB}/{{name}}": Rule(READ, True),
    f"HEAD {JOB}/{{name}}": Rule(READ, True), f"HEAD {JOB}/volume.nii.gz": Rule(READ, True),
    f"HEAD {JOB}/slices/{{number}}.png": Rule(READ, True), f"POST {JOB}/share": Rule(WRITE, True),
    f"PUT {JOB}/labels.nii.gz": Rule(WRITE, True), f"PATCH {JOB}/labels.nii.gz": Rule(WRITE, True),
    f"POST {JOB}/labels/preview": Rule(WRITE, True),
    f"GET {JOB}/labels.nii.gz": Rule(READ, True), f"HEAD {JOB}/labels.nii.gz": Rule(READ, True),
    f"GET {JOB}/report.pdf": Rule(READ, True), f"HEAD {JOB}/report.pdf": Rule(READ, True),
    f"GET {JOB}/revisions": Rule(READ, True),
    f"GET {JOB}/measurements": Rule(READ, True),
    f"GET {JOB}/measurements.dcm": Rule(READ, True), f"HEAD {JOB}/measurements.dcm": Rule(READ, True),
    f"PUT {JOB}/measurements/{{measurement_id}}": Rule(WRITE, True),
    f"DELETE {JOB}/measurements/{{measurement_id}}": Rule(WRITE, True),
    f"GET {JOB}/views": Rule(READ, True), f"PUT {JOB}/views/{{view_id}}": Rule(WRITE, True),
    f"DELETE {JOB}/views/{{view_id}}": Rule(WRITE, True),
    f"POST {JOB}/model-link": Rule(READ, True),
    f"GET {JOB}/linked/model.glb": Rule(PUBLIC), f"HEAD {JOB}/linked/model.glb": Rule(PUBLIC),  # by its ticket
    f"GET {JOB}/shares": Rule(WRITE, True), f"DELETE {JOB}/shares/{{share_id}}": Rule(WRITE, True),
    "GET /v1/uploads/{upload_id}": Rule(WRITE, True), "DELETE /v1/uploads/{upload_id}": Rule(WRITE, True),
    "PUT /v1/uploads/{upload_id}/parts/{number}": Rule(WRITE, True),
    "POST /v1/uploads/{upload_id}/complete": Rule(WRITE, True),
    "GET /v1/keys": Rule(ADMIN), "POST /v1/keys": Rule(ADMIN), "DELETE /v1/keys/{key_id}": Rule(ADMIN, True),
    "GET /v1/audit": Rule(ADMIN),
    "GET /v1/webhooks": Rule(ADMIN), "POST /v1/webhooks": Rule(ADMIN),
    "DELETE /v1/webhooks/{webhook_id}": Rule(ADMIN, True), "POST /v1/webhooks/{webhook_id}/rotate": Rule(ADMIN, True),
    "GET /v1/webhooks/{webhook_id}/deliveries": Rule(ADMIN, True),
    f"GET {MONAI}/auth/": Rule(PUBLIC), f"POST {MONAI}/auth/token": Rule(PUBLIC),
    f"GET {MONAI}/auth/token/valid": Rule(READ), f"GET {MONAI}/info/": Rule(READ),
    f"POST {MONAI}/activelearning/{{strategy}}": Rule(WRITE), f"POST {MONAI}/infer/{{model}}": Rule(READ),
    f"PUT {MONAI}/session/": Rule(WRITE), f"GET {MONAI}/session/{{job_id}}": Rule(READ, True),
    f"DELETE {MONAI}/session/{{job_id}}": Rule(WRITE, True),
    f"GET {MONAI}/train/": Rule(READ), f"DELETE {MONAI}/train/": Rule(WRITE),
    **{f"POST {MONAI}/train/{end}": Rule(WRITE) for end in ("", "{model}")},
    f"GET {MONAI}/datastore/": Rule(READ),
    **{f"{method} {MONAI}/datastore/{name}": Rule(READ) for method in ("GET", "HEAD") for name in ("image", "label")},
    **{f"GET {MONAI}/datastore/{name}/info": Rule(READ) for name in ("image", "label")},
    **{f"PUT {MONAI}/datastore/{name}": Rule(WRITE) for name in ("", "image", "label")},
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": Rule(ADMIN, True),
}  # fmt: skip
CHAINS = {
    "share_of_key": ("key", "share"), "session_of_share_of_key": ("key", "share", "session"),
    "session_of_token": ("token", "session"), "session_of_operator": ("operator", "session"),
    "session_of_loopback": ("loopback", "session"), "session_of_key": ("key", "session"),
}  # fmt: skip
"""Every way in which a credential comes from another one, by the kinds from the first to the last."""
ENDED = {
    f"{name}/{kind}_{end}": (name, kind, end)
    for name, chain in CHAINS.items() for kind in chain for end in ("revoked", "expired")
}  # fmt: skip
"""Each of those after the end of each of its links."""
IDENTITIES = (
    "nobody", "expired", "revoked", "wrong_scope", "stranger", "guest_of_another_job", *ENDED, *CHAINS, "owner",
)  # fmt: skip
BODIES = {
    "POST /v1/session": {"key": "x"},
    f"PATCH {JOB}": {"name": "x"},
    f"PUT {JOB}/measurements/{{measurement_id}}": {"kind": "probe", "plane": "axial", "points": [[0, 0, 0]]},
    f"PUT {JOB}/views/{{view_id}}": {"name": "x", "look": {"camera": [0, 0, 0], "target": [0, 0, 1]}},
    f"POST {JOB}/deliveries": {"destination": "x"},
    "POST /v1/webhooks": {"url": "https://hook.example/"},
}


def routes(app) -> list[str]:
    return sorted(f"{method} {route.path}" for route in api_routes(app.routes) for method in route.methods)


def test_every_route_has_a_rule_and_every_rule_a_route(app):
    assert routes(app) == sorted(RULES)


def test_every_kind_of_credential_is_a_link_of_a_chain_and_lends_a_session():
    links = {kind for chain in CHAINS.values() for kind in chain}
    assert links == (set(access._KINDS) | set(access._KEPT)) - {"ticket"}  # no key: see test_linked.py
    assert {chain[-2] for chain in CHAINS.values() if chain[-1] == "session"} == links - {"session"}


def derived(connection, chain, job_id):
    """The secrets and ids of a chain of credentials, made as the gateway makes them."""
    secret = access.new_key("token" if chain[0] == "token" else "key")
    made = {chain[0]: (secret, access.add_key(connection, secret, "default", kind=chain[0]))}
    for kind in chain[1:]:
        maker, secret = access.caller(connection, secret), access.new_key(kind)
        job = job_id if kind == "share" else maker.job
        scopes = [READ] if kind == "share" else maker.scopes
        key_id = access.derive(connection, maker, secret, kind=kind, scopes=scopes, seconds=600.0, job_id=job)
        made[kind] = (secret, key_id)
    return made


def end(connection, key_id, how):
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values({how.replace("expired", "expires"): 1.0}))


@pytest.fixture
def asking(app):
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as made:
        yield made


@pytest.fixture
def keys(client, ledger):
    """One key of each kind, and real objects of the owner's to ask for."""
    job_id, other = (add_job(ledger, "default") for _ in range(2))
    made = {name: access.new_key() for name in IDENTITIES}
    with ledger.write() as connection:
        for name in ("expired", "revoked", "owner"):
            access.add_key(connection, made[name], "default")
        access.add_key(connection, made["stranger"], "other")
        access.add_key(connection, made["guest_of_another_job"], "default", scopes=[READ], job_id=other, kind="share")
        expired, revoked = (access.digest(made[name]) for name in ("expired", "revoked"))
        connection.execute(update(api_keys).where(api_keys.c.digest == expired).values(expires=1.0))
        connection.execute(update(api_keys).where(api_keys.c.digest == revoked).values(revoked=1.0))
        for name, chain in CHAINS.items():
            made[name] = derived(connection, chain, job_id)[chain[-1]][0]
        for name, (chain_name, kind, how) in ENDED.items():
            links = derived(connection, CHAINS[chain_name], job_id)
            made[name] = links[CHAINS[chain_name][-1]][0]
            end(connection, links[kind][1], how)
        hook = webhooks.add(connection, "default", "https://hook.example/", webhooks.KINDS)
        spare = access.add_key(connection, access.new_key(), "default")
    upload = client.post("/v1/scans?upload=direct", json={"bytes": 100}).json()["upload"]
    objects = {
        "job_id": job_id, "upload_id": upload, "webhook_id": hook.id, "key_id": spare, "number": 1,
        "name": "report.json", "share_id": "key_x", "delivery_id": "msg_x", "measurement_id": "m_12345678",
        "view_id": "view-0001",
        "study": "1.2.3", "series": "1.2.3.4", "instance": "1.2.3.4.5", "numbers": 1,
        "workitem": "1.2.3.4.6", "requester": "1.2.3", "strategy": "first", "model": "viscera",
    }  # fmt: skip
    return made, objects


def expected(rule: Rule, identity: str) -> set[int] | None:
    """The statuses that are right; None where any answer but 401, 403 and a 5xx is."""
    if rule.scope == PUBLIC:
        return None
    if identity in {"nobody", "expired", "revoked"} or identity in ENDED:
        return {401}
    is_guest = identity == "guest_of_another_job" or "share" in CHAINS.get(identity, ())
    if rule.scope != OWN and (identity == "wrong_scope" or (is_guest and rule.scope != READ)):
        return {403}
    if rule.owned and identity in {"stranger", "guest_of_another_job"}:
        return {404}
    return None


@pytest.mark.parametrize("route", sorted(RULES))
def test_the_route_lets_in_whom_it_should(asking, keys, route, ledger):
    rule = RULES[route]
    made, objects = keys
    if rule.scope not in {PUBLIC, OWN}:
        with ledger.write() as connection:
            rest = [scope for scope in access.SCOPES if scope != rule.scope]
            access.add_key(connection, made["wrong_scope"], "default", scopes=rest)
    method, path = route.split(" ")
    if path.endswith("/events"):  # an open job's stream has no end
        asking.post(f"/v1/jobs/{objects['job_id']}/cancel", headers={"Authorization": f"Bearer {made['owner']}"})
    for identity in ("nobody",) if rule.scope == PUBLIC else IDENTITIES:  # whom else it lets in changes nothing
        if identity == "wrong_scope" and rule.scope in {PUBLIC, OWN}:
            continue
        asking.headers = {} if identity == "nobody" else {"Authorization": f"Bearer {made[identity]}"}
        body = BODIES.get(route, {} if method == "POST" else None)
        answer = asking.request(method, path.format(**objects), json=body)
        right = expected(rule, identity)
        if right is not None:
            assert answer.status_code in right, (identity, answer.status_code, answer.text)
        elif rule.scope == PUBLIC:
            assert answer.status_code != 403, answer.text
        else:
            assert answer.status_code not in {401, 403}, (identity, answer.text)
            assert answer.status_code < 500, (identity, answer.text)
