#!/bin/sh
# Gathers what a machine without the internet needs, on one that has it; see docs/operations.md.
#   deploy/offline.sh wheels DIR [SERVICE...]   wheels by the lock files' hashes, and the project's own (default: all)
#   deploy/offline.sh images DIR                every image of docker-compose.yml, built and pulled, in one file
#   deploy/offline.sh check DIR                 there, before anything is installed: is everything as it was packed?
# PYTHON names the Python whose wheels are wanted (default: python3): the same version and platform as over there.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
[ $# -ge 2 ] || { sed -n '2,6s/^# *//p' "$0"; exit 2; }
what=$1 out=$2
shift 2
python=${PYTHON:-python3}

sums() {
    (cd "$out" && find . -type f ! -name SHA256SUMS | sort | xargs -d '\n' sha256sum >SHA256SUMS)
}

case $what in
wheels)
    mkdir -p "$out/wheels" "$out/requirements"
    [ $# -gt 0 ] || set -- api classifier segmenter mesher dimse reconciler
    for service in "$@"; do
        cp "$here/requirements/$service.txt" "$out/requirements/"
        "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
            --requirement "$out/requirements/$service.txt" --dest "$out/wheels"
    done
    "$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$out/wheels" "$here"
    for wheel in "$out"/wheels/viscera-*.whl; do
        version=$(basename "$wheel" | cut -d- -f2)
        printf 'viscera==%s --hash=sha256:%s\n' "$version" "$(sha256sum "$wheel" | cut -d' ' -f1)"
    done >"$out/requirements/viscera.txt"
    sums
    ;;
images)
    mkdir -p "$out"
    cd "$here"
    export COMPOSE_PROFILES=dimse
    docker compose build
    docker compose pull --ignore-buildable
    # shellcheck disable=SC2046
    docker save --output "$out/images.tar" $(docker compose config --images | sort -u)
    cp -R docker-compose.yml deploy "$out/"
    rm -rf "$out/deploy/secrets"
    sums
    ;;
check)
    cd "$out"
    sha256sum --check --quiet SHA256SUMS
    ;;
*)
    echo "unknown: $what" >&2
    exit 2
    ;;
esac
