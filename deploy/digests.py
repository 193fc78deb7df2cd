"""Pins images by digest: asks each registry for what a tag means now, and writes files that lay the digests over.

    python3 deploy/digests.py --compose deploy/compose.digests.yml docker-compose.yml deploy/compose.watch.yml
    kubectl kustomize OVERLAY | python3 deploy/digests.py --kustomize deploy/kubernetes/digests -

A tag may be moved to another image at any time, a digest may not. Only images with a registry in their name are asked
for: others are built here. Needs Python alone. Credentials are those of `docker login` (config.json).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    )
)  # fmt: skip
"""Types of manifests; those of several platforms first, so that a digest is right on each of them."""
_IMAGE = re.compile(r"^\s*(?:-\s+)?image:\s*[\"']?(?P<image>[^\s\"'#]+)", re.MULTILINE)
_SERVICE = re.compile(r"^  (?P<service>[\w.-]+):\s*$|^    image:\s*[\"']?(?P<image>[^\s\"'#]+)", re.MULTILINE)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LARGEST = 4 << 20
"""Bytes of a manifest, the bound that registries have."""


class Failure(Exception):
    """A registry gave no digest; the text says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """A reference `HOST/NAME:TAG`, as it is written."""

    text: str

    @property
    def host(self) -> str:
        """Return the registry's address."""
        host = self.text.partition("/")[0]
        return "registry-1.docker.io" if host == "docker.io" else host

    @property
    def name(self) -> str:
        """Return the repository in the registry."""
        return self.text.partition("/")[2].rpartition(":")[0] if self.is_tagged else self.text.partition("/")[2]

    @property
    def tag(self) -> str:
        """Return the tag, `latest` where none is written."""
        return self.text.rpartition(":")[2] if self.is_tagged else "latest"

    @property
    def is_tagged(self) -> bool:
        """Return whether a tag is written; a colon before the last slash is that of a port."""
        return ":" in self.text.rpartition("/")[2]

    @property
    def untagged(self) -> str:
        """Return the reference without its tag."""
        return self.text.rpartition(":")[0] if self.is_tagged else self.text


def is_resolvable(text: str) -> bool:
    """Return whether a reference names a registry and no digest."""
    host, slash, _ = text.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost") and "@" not in text and "$" not in text


def digest(image: Image, *, plain_http: bool = False) -> str:
    """Return `sha256:...` of the manifest that the tag means now, computed from its bytes.

    Raises Failure.
    """
    scheme = "http" if plain_http else "https"
    url = f"{scheme}://{image.host}/v2/{image.name}/manifests/{urllib.parse.quote(image.tag)}"
    try:
        body, headers = _get(url, None)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise Failure(f"{image.text}: the registry answers {error.code}.") from error
        token = _token(error.headers.get("WWW-Authenticate", ""), image, scheme)
        try:
            body, headers = _get(url, token)
        except urllib.error.HTTPError as second:
            raise Failure(f"{image.text}: the registry answers {second.code}.") from second
    computed = "sha256:" + hashlib.sha256(body).hexdigest()
    if (stated := headers.get("Docker-Content-Digest", computed)) != computed:
        raise Failure(f"{image.text}: the registry states {stated}, its bytes have {computed}.")
    return computed


def _token(challenge: str, image: Image, scheme: str) -> str:
    """Return the Authorization header that a challenge asks for (distribution specification, token authentication)."""
    kind, _, rest = challenge.partition(" ")
    fields = dict(_CHALLENGE.findall(rest))
    own = _authorization(image.host)
    if kind.lower() == "basic" and own:
        return own
    if kind.lower() != "bearer" or not fields.get("realm", "").startswith(f"{scheme}://"):
        raise Failure(f"{image.text}: the registry asks for {kind or 'nothing'} authentication, which is not at hand.")
    query = {"scope": fields.get("scope", f"repository:{image.name}:pull")}
    if "service" in fields:
        query["service"] = fields["service"]
    try:
        body, _ = _get(f"{fields['realm']}?{urllib.parse.urlencode(query)}", own)
        answer = json.loads(body)
    except (urllib.error.HTTPError, ValueError) as error:
        raise Failure(f"{image.text}: the registry gives no token.") from error
    return f"Bearer {answer.get('token') or answer.get('access_token', '')}"


def _get(url: str, authorization: str | None) -> tuple[bytes, HTTPMessage]:
    request = urllib.request.Request(url, headers={"Accept": ACCEPT, "User-Agent": "viscera"})
    if authorization:
        request.add_unredirected_header("Authorization", authorization)  # not for the host that an answer leads to
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read(_LARGEST), answer.headers
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        raise Failure(f"{urllib.parse.urlsplit(url).netloc} can't be reached: {error}.") from error


def _authorization(host: str) -> str | None:
    """Return the credentials of `docker login` for a registry."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        known = json.loads((folder / "config.json").read_text())["auths"]
    except (OSError, ValueError, KeyError):
        return None
    names = (host, f"https://{host}", *(["https://index.docker.io/v1/"] if host == "registry-1.docker.io" else []))
    value = next((known[name].get("auth") for name in names if name in known), None)
    return f"Basic {value}" if value else None


def compose(texts: Iterable[str], pinned: dict[str, str]) -> str:
    """Return a compose file that sets the image of every service that has a pinned one."""
    lines = ["# Written by deploy/digests.py.", "services:"]
    for text in texts:
        service = ""
        for match in _SERVICE.finditer(text):
            service = match["service"] or service
            if match["image"] in pinned:
                lines += [f"  {service}:", f"    image: {match['image']}@{pinned[match['image']]}"]
    return "\n".join(lines) + "\n"


def kustomize(pinned: dict[str, str]) -> str:
    """Return a component of kustomize that sets the digest of every pinned image."""
    head = "# Written by deploy/digests.py.\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
    entries = (f"  - {{name: {Image(text).untagged}, digest: {digest}}}\n" for text, digest in sorted(pinned.items()))
    return head + "".join(entries)


def main() -> None:
    """Write the files that are asked for, or nothing where a digest is not to be had."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="+", help="compose files or Kubernetes objects; - for standard input")
    parser.add_argument("--compose", type=Path, metavar="FILE", help="write a compose file to lay over")
    parser.add_argument("--kustomize", type=Path, metavar="DIR", help="write a component of kustomize")
    parser.add_argument("--plain-http", action="store_true", help="for a registry without TLS on this machine")
    args = parser.parse_args()
    texts = [sys.stdin.read() if name == "-" else Path(name).read_text() for name in args.files]
    named = dict.fromkeys(match["image"] for text in texts for match in _IMAGE.finditer(text))
    try:
        pinned = {text: digest(Image(text), plain_http=args.plain_http) for text in named if is_resolvable(text)}
    except Failure as error:
        sys.exit(str(error))
    if not pinned:
        sys.exit("These files name no image with a registry and without a digest.")
    for text, value in pinned.items():
        print(f"{text}@{value}")
    if args.compose:
        args.compose.write_text(compose(texts, pinned))
    if args.kustomize:
        args.kustomize.mkdir(parents=True, exist_ok=True)
        (args.kustomize / "kustomization.yaml").write_text(kustomize(pinned))


if __name__ == "__main__":
    main()
