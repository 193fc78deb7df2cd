"""Image tags become digests by asking a registry, with its tokens; nothing is written where it gives none."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from services.local import free_port
from tests.deploy.test_files import DEPLOY, ROOT

INDEX = "application/vnd.oci.image.index.v1+json"
LOGIN = "Basic " + base64.b64encode(b"ward:secret").decode()


class Registry(ThreadingHTTPServer):
    """A registry's v2 API: manifests behind tokens, each for one repository and one minute of use."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server_port}"
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.private: set[str] = set()
        self.state_wrongly = False

    def add(self, name: str, tag: str) -> str:
        body = json.dumps({"mediaType": INDEX, "manifests": [], "annotations": {"name": name, "tag": tag}}).encode()
        self.manifests[name, tag] = body
        return "sha256:" + hashlib.sha256(body).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url, server = urlsplit(self.path), self.server
        if url.path == "/token":
            scope = parse_qs(url.query)["scope"][0]
            assert parse_qs(url.query)["service"] == ["registry.test"]
            allowed = scope.split(":")[1] not in server.private or self.headers["Authorization"] == LOGIN
            return self.reply(200 if allowed else 401, json.dumps({"token": scope}).encode())
        name, _, tag = url.path.removeprefix("/v2/").rpartition("/manifests/")
        scope = f"repository:{name}:pull"
        if self.headers["Authorization"] != f"Bearer {scope}":
            realm = f'Bearer realm="http://{server.host}/token",service="registry.test",scope="{scope}"'
            return self.reply(401, b"{}", {"WWW-Authenticate": realm})
        body = server.manifests.get((name, tag))
        if body is None or INDEX not in self.headers["Accept"]:
            return self.reply(404, b"{}")
        stated = hashlib.sha256(body + b"x" * server.state_wrongly).hexdigest()
        return self.reply(200, body, {"Content-Type": INDEX, "Docker-Content-Digest": f"sha256:{stated}"})

    def reply(self, status, body, headers=None):
        self.send_response(status)
        for name, value in ((headers or {}) | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def registry():
    server = Registry()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def digests(*arguments: str, config: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(DEPLOY / "digests.py"), "--plain-http", *arguments]
    environment = {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(config)}
    return subprocess.run(
        command, input=stdin, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def moved(name: str, registry: Registry, folder: Path) -> tuple[Path, dict[str, str]]:
    """A compose file of this project with its images in the test's registry, and their digests by service."""
    text, found = (ROOT / name).read_text(), {}
    for service, described in yaml.safe_load(text)["services"].items():
        image = described.get("image", "")
        if image.startswith("docker.io/"):
            repository, _, tag = image.removeprefix("docker.io/").rpartition(":")
            found[service] = f"{registry.host}/{repository}:{tag}@{registry.add(repository, tag)}"
    target = folder / Path(name).name
    target.write_text(text.replace("docker.io/", f"{registry.host}/"))
    return target, found


def test_every_image_of_compose_gets_the_digest_that_its_registry_has(registry, tmp_path):
    first, services = moved("docker-compose.yml", registry, tmp_path)
    second, more = moved("deploy/compose.watch.yml", registry, tmp_path)
    out = tmp_path / "digests.yml"
    done = digests("--compose", str(out), str(first), str(second), config=tmp_path)
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load(out.read_text())["services"]
    assert {name: service["image"] for name, service in written.items()} == services | more
    assert {"valkey", "postgres", "s3", "proxy", "prometheus", "grafana"} == set(written)
    assert sorted(done.stdout.split()) == sorted({*services.values(), *more.values()})
    schema = [
        str(Path(sys.executable).parent / "check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        str(out),
    ]
    assert subprocess.run(schema, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kustomize_sets_the_digest_of_every_image(registry, tmp_path):
    tree = tmp_path / "kubernetes"
    shutil.copytree(DEPLOY / "kubernetes", tree)
    expected = set()
    for path in (tree / "minimal").glob("*.yaml"):
        text = path.read_text()
        for document in yaml.safe_load_all(text):
            for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
                repository, _, tag = container["image"].removeprefix("docker.io/").rpartition(":")
                expected.add(f"{registry.host}/{repository}@{registry.add(repository, tag)}")
        path.write_text(text.replace("docker.io/", f"{registry.host}/"))
    rendered = kustomized(tree / "minimal")
    done = digests("--kustomize", str(tree / "digests"), "-", config=tmp_path, stdin=rendered)
    assert done.returncode == 0, done.stderr
    with (tree / "minimal" / "kustomization.yaml").open("a") as file:
        file.write("components: [../digests]\n")
    images = {line.split()[-1] for line in kustomized(tree / "minimal").splitlines() if " image: " in line}
    assert {image for image in images if "/" in image} == expected
    assert {image for image in images if "/" not in image} >= {"viscera-api", "viscera-mesher"}


def kustomized(folder: Path) -> str:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_a_private_image_needs_the_login_of_docker(registry, tmp_path):
    expected = registry.add("ward/image", "1")
    registry.private.add("ward/image")
    (tmp_path / "objects.yaml").write_text(f"containers:\n  - image: {registry.host}/ward/image:1\n")
    refused = digests(str(tmp_path / "objects.yaml"), config=tmp_path)
    assert (refused.returncode, "gives no token" in refused.stderr) == (1, True)
    login = {"auths": {registry.host: {"auth": LOGIN.removeprefix("Basic ")}}}
    (tmp_path / "config.json").write_text(json.dumps(login))
    assert digests(str(tmp_path / "objects.yaml"), config=tmp_path).stdout.strip().endswith(expected)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("{host}/none/such:1", "answers 404"),
        ("127.0.0.1:{port}/a/b:1", "can't be reached"),
        ("viscera-api", "name no image"),
        ("{host}/lying/image:1", "the registry states"),
    ],
)
def test_without_a_digest_nothing_is_written(registry, tmp_path, image, sentence):
    registry.add("lying/image", "1")
    registry.state_wrongly = True
    text = image.format(host=registry.host, port=free_port())
    (tmp_path / "compose.yml").write_text(f"services:\n  a:\n    image: {text}\n")
    done = digests("--compose", str(tmp_path / "out.yml"), str(tmp_path / "compose.yml"), config=tmp_path)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out.yml").exists()
