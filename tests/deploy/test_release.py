"""CI's check of the version finds every place that disagrees, and a release is prepared by one command."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.deploy.test_files import ROOT
from tests.deploy.test_structure import load

PLACES = list(load("release").PLACES)


def release(folder, *arguments):
    command = [sys.executable, folder / ".ci" / "release.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def git(folder, *arguments):
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "tag.gpgSign=false"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A repository of one commit with the files that say the version, all 0.1.0, and a changelog without a release."""
    for name in (".ci/release.py", *PLACES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in PLACES:
        path = tmp_path / name
        path.write_text(load("release").PLACES[name].sub(r"\g<1>0.1.0\g<3>", path.read_text()))
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One thing.\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--no-gpg-sign", "--message", "Start")
    return tmp_path


def change(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_this_repository_agrees_about_its_version():
    assert release(ROOT) == (0, "")


def test_a_release_is_prepared_everywhere_and_the_next_one_must_come_after_it(repository):
    assert release(repository) == (0, "")
    assert release(repository, "0.1.0") == (0, "")
    assert re.search(
        r"## \[Unreleased\]\n\n## \[0\.1\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- One thing\.\n",
        (repository / "CHANGELOG.md").read_text(),
    )
    assert release(repository, "0.2.0") == (1, "CHANGELOG.md has nothing that is unreleased\n")
    change(repository / "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- Another.\n")
    assert release(repository, "0.1.0") == (1, "0.1.0 does not come after 0.1.0\n")
    assert release(repository, "0.2") == (1, "0.2 is not MAJOR.MINOR.PATCH\n")
    assert release(repository, "0.10.0") == (0, "")
    assert all('"0.10.0"' in (repository / name).read_text() for name in PLACES)
    assert release(repository) == (0, "")


@pytest.mark.parametrize("name", PLACES[1:])
def test_a_copy_of_the_version_that_disagrees_is_named(repository, name):
    path = repository / name
    path.write_text(load("release").PLACES[name].sub(r"\g<1>0.3.0\g<3>", path.read_text()))
    assert release(repository) == (1, f"{name} says 0.3.0, pyproject.toml says 0.1.0\n")


def test_a_changelog_with_another_newest_release_or_a_wrong_heading_is_named(repository):
    log = repository / "CHANGELOG.md"
    log.write_text("## [Unreleased]\n\n## [0.2.0] - 2026-01-01\n")
    assert release(repository) == (1, "the newest release of CHANGELOG.md is 0.2.0, pyproject.toml says 0.1.0\n")
    log.write_text("## [Unreleased]\n\n## 0.1.0\n")
    assert release(repository) == (1, "CHANGELOG.md has a heading that is no release: ## 0.1.0\n")
    log.write_text("## [0.1.0] - 2026-01-01\n\n## [0.2.0] - 2026-01-02\n")
    assert release(repository) == (1, "CHANGELOG.md does not have its newest release first\n")


def test_a_tag_of_the_commit_is_that_of_the_version(repository):
    git(repository, "tag", "v0.1.0")
    assert release(repository) == (1, "HEAD has the tag v0.1.0, and CHANGELOG.md has no section for it\n")
    release(repository, "0.1.0")
    assert release(repository) == (0, "")
    git(repository, "tag", "v0.2.0")
    git(repository, "tag", "seen")
    assert release(repository) == (1, "HEAD has the tag v0.2.0, pyproject.toml says 0.1.0\n")
