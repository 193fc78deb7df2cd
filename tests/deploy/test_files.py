"""The files of deploy/ pass their own tools, agree with each other and with the code."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine, text

from services.api.metrics import Metrics, exposition
from shared.ledger import claims, jobs, workers
from shared.ledger.jobs import STAGES
from shared.settings import Settings
from shared.worker.queue import make_app
from tests.shared.ledger.conftest import add_job
from tests.support import contracts

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = sorted(path for path in (DEPLOY / "kubernetes").rglob("*.yaml"))
CUSTOM = {"ScaledObject", "TriggerAuthentication", "Kustomization"}
"""Kinds that are not Kubernetes' own."""


def tool(name: str, *arguments: str) -> None:
    command = [str(Path(sys.executable).parent / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def documents(path: Path) -> list[dict]:
    return [document for document in yaml.safe_load_all(path.read_text()) if isinstance(document, dict)]


def compose() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def workloads() -> dict[str, dict]:
    """The first container of every Deployment and Job by name."""
    found = [document for path in KUBERNETES for document in documents(path)]
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]["containers"][0]
        for document in found
        if document.get("kind") in {"Deployment", "Job"}
    }


def test_dockerfile():
    tool("hadolint", "deploy/Dockerfile")


def test_dockerfile_copies_only_what_is_there_and_names_every_service():
    content = (DEPLOY / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", content, re.MULTILINE):
        for source in shlex.split(line)[:-1]:
            assert "$" in source or (ROOT / source).exists(), source
    assert set(re.findall(r"AS with-(\w+)", content)) == {"api", "dimse", "reconciler", *STAGES}


@pytest.mark.parametrize("name", ["docker-compose.yml", "deploy/compose.gpu.yml", "deploy/compose.watch.yml"])
def test_compose_files_follow_the_specification(name):
    tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", name)


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_kubernetes_objects_are_valid(path, tmp_path):
    own = [document for document in documents(path) if document.get("kind") not in CUSTOM]
    if own:
        plain = tmp_path / path.name
        plain.write_text(yaml.safe_dump_all(own))
        tool("kubernetes-validate", "--strict", str(plain))


def test_kustomizations_name_what_is_there():
    for path in DEPLOY.rglob("kustomization.yaml"):
        (found,) = documents(path)
        for entry in found["resources"]:
            assert (path.parent / entry).exists(), entry
        for patch in found.get("patches", []):
            assert "patch" in patch or (path.parent / patch["path"]).exists()


def test_compose_kubernetes_and_the_embedded_system_run_the_same_commands():
    services, pods = compose()["services"], workloads()
    for stage in STAGES:
        assert services[stage]["command"] == pods[stage]["command"] == ["python", "-P", "-m", f"services.{stage}"]
    for name in ("api", "dimse", "reconciler", "prepare"):
        assert services[name]["command"] == pods[name]["command"]
    assert services["api"]["command"][:4] == ["python", "-P", "-m", "services.api"]


def test_every_setting_that_is_set_exists():
    known = {f"VISCERA_{name.upper()}" for name in Settings.model_fields} | {"VISCERA_SECRETS", "VISCERA_PASSWORD_FILE"}
    for path in (ROOT / "docker-compose.yml", DEPLOY / "compose.gpu.yml", DEPLOY / "Dockerfile", *KUBERNETES):
        assert set(re.findall(r"VISCERA_[A-Z_]+", path.read_text())) <= known, path


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
@pytest.mark.parametrize("name", ["base", "gpu", "minimal"])
def test_what_kustomize_renders_is_valid(name, tmp_path):
    folder = str(DEPLOY / "kubernetes" / name)
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = [document for document in yaml.safe_load_all(done.stdout) if document]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([one for one in found if one["kind"] not in CUSTOM]))
    tool("kubernetes-validate", "--strict", str(tmp_path / "all.yaml"))
    assert {one["metadata"].get("namespace", "viscera") for one in found} == {"viscera"}
    named = {(one["kind"], one["metadata"]["name"]): one["spec"] for one in found if "spec" in one}
    scaled = {place: spec["minReplicaCount"] for (kind, place), spec in named.items() if kind == "ScaledObject"}
    least = {"gpu": {"classifier": 0, "segmenter": 0, "mesher": 1}, "base": dict.fromkeys(STAGES, 1), "minimal": {}}
    assert scaled == least[name]
    pod = named["Deployment", "segmenter"]["template"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "viscera", "the policy for metrics asks for it"
    (container,) = pod["spec"]["containers"]
    gpu = container["resources"]["limits"].get("nvidia.com/gpu")
    assert (container["image"], gpu) == (("viscera-segmenter-gpu", 1) if name == "gpu" else ("viscera-segmenter", None))
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    memory = "0" if name == "gpu" else str((4 << 30) * 7 // 8)
    more = {"VISCERA_PROVIDER": "cuda"} if name == "gpu" else {}
    assert environment == {"VISCERA_THREADS": "2", "VISCERA_CHILD_MEMORY": memory} | more
    assert int(container["resources"]["requests"]["cpu"]) == int(environment["VISCERA_THREADS"])
    mounted = {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume}
    assert mounted == {"viscera"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_scan_that_eats_memory_fails_before_the_kernel_chooses_what_to_kill(stage):
    (worker,) = [
        one for one in documents(DEPLOY / "kubernetes" / "base" / f"{stage}.yaml") if one["kind"] == "Deployment"
    ]
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    (bound,) = [int(one["value"]) for one in container["env"] if one["name"] == "VISCERA_CHILD_MEMORY"]
    limit = container["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    assert bound == int(limit.removesuffix("Gi")) * 2**30 * 7 // 8


def test_minimal_makes_the_same_role_as_compose():
    (role,) = [
        one for one in documents(DEPLOY / "kubernetes" / "minimal" / "postgres.yaml") if one["kind"] == "ConfigMap"
    ]
    assert role["data"]["role.sh"] == (DEPLOY / "postgres-role.sh").read_text()


def test_no_pod_is_killed_before_it_has_given_its_work_back():
    soft = make_app("memory://").conf.worker_soft_shutdown_timeout
    grace = {name: service.get("stop_grace_period", "10s") for name, service in compose()["services"].items()}
    for name in STAGES:
        assert int(grace[name].removesuffix("s")) >= 4 * soft
    for path in KUBERNETES:
        for document in documents(path):
            if document.get("kind") == "Deployment":
                assert document["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 4 * soft


def test_pods_are_restricted_and_ask_for_resources():
    for path in KUBERNETES:
        for document in documents(path):
            if document.get("kind") not in {"Deployment", "Job", "StatefulSet"}:
                continue
            pod = document["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert pod["automountServiceAccountToken"] is False
            for container in pod.get("initContainers", []) + pod["containers"]:
                assert container["securityContext"]["allowPrivilegeEscalation"] is False
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
                assert {"cpu", "memory"} <= set(container["resources"]["requests"])


def test_secrets_are_made_once_and_never_for_everybody(tmp_path):
    shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "deploy" / "secrets.sh")], check=True, capture_output=True, timeout=30)
        folder = tmp_path / "deploy" / "secrets"
        seen = {path.name: path.read_text() for path in folder.iterdir()}
        first = locals().get("first", seen)
        assert seen == first
    named = {Path(entry["file"]).name for entry in compose()["secrets"].values()}
    assert named <= set(seen)
    assert seen["ledger_password"] in seen["viscera_ledger_url"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    for name in (".gitignore", ".dockerignore"):
        assert "deploy/secrets/" in (ROOT / name).read_text().splitlines()


@pytest.mark.parametrize("stage", STAGES)
def test_the_scaler_counts_what_waits_and_what_runs(stage, postgresql):
    with contracts.postgresql(postgresql) as ledger:
        (document,) = [
            one for one in documents(DEPLOY / "kubernetes" / "base" / "scaling.yaml")
            if one["kind"] == "ScaledObject" and one["metadata"]["name"] == stage
        ]  # fmt: skip
        assert document["spec"]["scaleTargetRef"]["name"] in workloads()
        query = document["spec"]["triggers"][0]["metadata"]["query"]
        first, second = add_job(ledger), add_job(ledger)
        for done in STAGES[: STAGES.index(stage)]:
            with ledger.write() as connection:
                claim = claims.claim(connection, first, done, "w")
            with ledger.write() as connection:
                claims.complete(connection, claim, [])
        with ledger.write() as connection:
            claims.claim(connection, first, stage, "w")
        with create_engine(ledger.engine.url).connect() as connection:
            assert connection.execute(text(query)).scalar_one() == (2 if stage == "classifier" else 1)
        with ledger.write() as connection:
            jobs.cancel(connection, "t", first)
            jobs.cancel(connection, "t", second)
        with create_engine(ledger.engine.url).connect() as connection:
            assert connection.execute(text(query)).scalar_one() == 0, "nothing keeps a worker that has no work"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian's prometheus) is not installed here")
@pytest.mark.parametrize("arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")])
def test_alerts_are_valid_and_fire_when_they_should(arguments):
    folder = DEPLOY / "prometheus"
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_and_dashboard_ask_only_for_what_there_is(tmp_path):
    ledger = contracts.sqlite(tmp_path)
    with ledger as opened:
        add_job(opened)
        with opened.write() as connection:
            workers.seen(connection, workers.Worker("w", "mesher", None))
        metrics = Metrics()
        metrics.watch(opened)
        families = re.findall(r"^# TYPE (\w+) (\w+)", exposition(metrics).decode(), re.MULTILINE)
        named = {name for name, _ in families}
        named |= {name + end for name, kind in families if kind == "histogram" for end in ("_bucket", "_count", "_sum")}
    asked = (DEPLOY / "prometheus" / "alerts.yml").read_text() + (DEPLOY / "grafana" / "viscera.json").read_text()
    for name in set(re.findall(r"\b(viscera_[a-z_]+|process_[a-z_]+)", asked)):
        assert name in named, name
