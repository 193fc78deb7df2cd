"""Each process of an installation gets the secrets and the network that it uses, and no more."""

from collections.abc import Iterator

import pytest
import yaml

from shared.ledger.jobs import STAGES
from tests.deploy.test_files import DEPLOY, KUBERNETES, ROOT, compose, documents

ALL = {"viscera_ledger_url", "viscera_broker_url", "s3_credentials"}
NEEDS = {
    "prepare": ALL - {"viscera_broker_url"},
    **dict.fromkeys((*STAGES, "reconciler"), ALL),
    "dimse": ALL - {"viscera_broker_url"},
    "api": ALL | {"viscera_key", "viscera_metrics_key"},
    "postgres": {"postgres_password", "ledger_password"},
    "valkey": {"valkey_password"},
    "s3": {"s3_config"},
}
"""The secrets of each process, in compose and on Kubernetes."""
SERVICES = {5432, 6379, 8333}
OUTSIDE = {"api", "reconciler"}
"""What asks an identity provider, and what sends webhooks and DICOM results."""


def pods() -> dict[str, dict]:
    """The pod template of every workload by name."""
    found = [document for path in KUBERNETES for document in documents(path)]
    return {
        document["metadata"]["name"]: document["spec"]["template"]
        for document in found
        if document.get("kind") in {"Deployment", "Job", "StatefulSet"}
    }


def secrets(template: dict) -> Iterator[tuple[str, bool]]:
    """The keys of the secret that a pod mounts, and whether each is optional; a whole secret is the key `*`."""
    for volume in template["spec"]["volumes"]:
        sources = [volume] if "secret" in volume else volume.get("projected", {}).get("sources", [])
        for source in (source["secret"] for source in sources if "secret" in source):
            for item in source.get("items", [{"key": "*"}]):
                yield item["key"], source.get("optional", False)


def selects(selector: dict, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        labels.get(term["key"]) in term["values"] and term["operator"] == "In"
        for term in selector.get("matchExpressions", [])
    )


def egress(name: str) -> dict[int, list]:
    """The ports that a pod may open connections to, with the addresses ([]: any)."""
    labels = dict(pods()[name]["metadata"]["labels"])
    if (DEPLOY / "kubernetes" / "base" / f"{name}.yaml").exists():
        (base,) = documents(DEPLOY / "kubernetes" / "base" / "kustomization.yaml")
        labels |= base["labels"][0]["pairs"]
    policies = [one for path in KUBERNETES for one in documents(path) if one.get("kind") == "NetworkPolicy"]
    mine = [
        one["spec"]
        for one in policies
        if "Egress" in one["spec"]["policyTypes"] and selects(one["spec"]["podSelector"], labels)
    ]
    assert mine, "a pod that no policy selects may reach everything"
    return {
        port["port"]: rule.get("to", []) for spec in mine for rule in spec.get("egress", []) for port in rule["ports"]
    }


@pytest.mark.parametrize("name", NEEDS)
def test_a_pod_mounts_the_keys_that_it_uses(name):
    template = pods()[name]
    optional = {"viscera_metrics_key", "viscera_oidc_secret"} if name == "api" else set()
    assert {key for key, _ in secrets(template)} == NEEDS[name] | optional
    assert {key for key, is_optional in secrets(template) if is_optional} == optional
    for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
        assert not any("secretRef" in source for source in container.get("envFrom", []))
        assert not any("secretKeyRef" in entry.get("valueFrom", {}) for entry in container.get("env", []))


def test_every_pod_and_service_is_in_the_table():
    assert set(pods()) == set(NEEDS)
    assert set(compose()["services"]) == {*NEEDS, "proxy"}


@pytest.mark.parametrize("name", NEEDS)
def test_a_container_gets_the_secrets_that_it_uses(name):
    assert set(compose()["services"][name].get("secrets", [])) == NEEDS[name]


def test_nobody_but_postgresql_knows_the_password_of_its_superuser():
    knowing = {name for name, template in pods().items() for key, _ in secrets(template) if key == "postgres_password"}
    assert knowing == {"postgres"}
    services = compose()["services"].items()
    assert [name for name, service in services if "postgres_password" in service.get("secrets", [])] == ["postgres"]


@pytest.mark.parametrize("name", NEEDS)
def test_a_pod_reaches_the_ports_that_it_uses(name):
    ports = egress(name)
    own = SERVICES if name in {*STAGES, *OUTSIDE, "prepare", "dimse"} else set()
    assert set(ports) == {53} | own | ({443} if name in OUTSIDE else set())
    for rule in ports.get(443, []):
        assert rule["ipBlock"]["except"], "the metadata services of clouds are not outside"


def test_prometheus_has_a_key_of_its_own():
    watching = yaml.safe_load((DEPLOY / "compose.watch.yml").read_text())["services"]
    assert watching["prometheus"]["secrets"] == ["viscera_metrics_key"]
    assert watching["grafana"]["secrets"] == ["grafana_password"]
    (job, _) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/viscera_metrics_key"


def test_gateway_and_proxy_have_the_same_public_address():
    services = compose()["services"]
    address = services["api"]["environment"]["VISCERA_PUBLIC_URL"]
    assert services["proxy"]["environment"] == {"VISCERA_PUBLIC_URL": address}
    assert address.endswith(":-https://localhost:8443}")
    assert "{$VISCERA_PUBLIC_URL:https://localhost:8443}" in (DEPLOY / "Caddyfile").read_text()
    (config,) = documents(DEPLOY / "kubernetes" / "base" / "config.yaml")
    assert config["data"]["VISCERA_PUBLIC_URL"].startswith("https://")
    assert "VISCERA_PUBLIC_URL" in (ROOT / "docs" / "operations.md").read_text()
