"""What is installed: few packages, each with a reason, each pinned by hash in locks that agree."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tree import ROOT, imports, modules

MOST = 22
# used without an import: zoneinfo reads tzdata where the machine has no zone files
NOT_IMPORTED = {"tzdata"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DIRECT = {canonicalize_name(Requirement(line).name): Requirement(line) for line in PROJECT["project"]["dependencies"]}
EXTRAS = {
    canonicalize_name(Requirement(line).name): Requirement(line)
    for lines in PROJECT["project"]["optional-dependencies"].values()
    for line in lines
}
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")
PINNED = re.compile(r"([a-z0-9-]+)==(\S+?)(?: ; (.+))?")


def entries(lock: str) -> list[tuple[str, list[str]]]:
    """Each entry of a lock: its first line, and its hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace(" \\\n", "\n")
    return [
        (first, [h.strip() for h in rest]) for first, *rest in (e.splitlines() for e in re.split(r"\n(?=\S)", text))
    ]


def pins(lock: str) -> set[tuple[str, str, str]]:
    """Each entry of a lock as (package, version, marker)."""
    found = [PINNED.fullmatch(first) for first, _ in entries(lock)]
    return {(m[1], m[2], m[3] or "") for m in found if m}


def group(name: str) -> set[str]:
    """The packages of a dependency group, those of the groups it includes too."""
    items = PROJECT["dependency-groups"][name]
    inner = [canonicalize_name(Requirement(item).name) for item in items if isinstance(item, str)]
    return {*inner, *(found for item in items if isinstance(item, dict) for found in group(item["include-group"]))}


@cache
def outside() -> set[str]:
    """The packages our code imports, by the names they are installed under."""
    names = {i.split(".")[0] for tree in modules().values() for i in imports(tree)}
    foreign = names - set(sys.stdlib_module_names) - {"forecaster", "jobs"}
    installed = packages_distributions()
    return {canonicalize_name(installed[name][0]) for name in foreign}


def reasons() -> dict[str, str]:
    """The table of docs/architecture.md: package to reason."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("\n## Dependencies\n")[2]
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", text.partition("\n## ")[0], re.MULTILINE)
    return {name: reason for name, reason in rows if name != "package"}


def test_there_are_at_most_22_direct_dependencies() -> None:
    assert len(DIRECT) <= MOST


def test_every_dependency_has_its_reason_in_the_docs() -> None:
    assert set(reasons()) == set(DIRECT)
    assert all(len(reason) > 15 for reason in reasons().values())


@pytest.mark.parametrize("name", DIRECT)
def test_every_dependency_is_used(name: str) -> None:
    assert name in outside() | NOT_IMPORTED


def test_everything_our_code_imports_is_a_direct_dependency() -> None:
    """pydantic-core is half of pydantic: it names the type of an error. An extra may be imported where it is wanted."""
    assert outside() - {"pydantic-core"} <= {*DIRECT, *EXTRAS}


@pytest.mark.parametrize("requirement", DIRECT.values(), ids=str)
def test_a_dependency_comes_from_the_registry_by_version(requirement: Requirement) -> None:
    assert requirement.url is None
    assert any(part.operator in (">=", "~=", "==") for part in requirement.specifier)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_pinned_and_hashed(lock: str) -> None:
    assert entries(lock)
    for first, hashes in entries(lock):
        assert PINNED.fullmatch(first), f"{lock}: {first}"
        assert hashes, f"{lock}: {first} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), f"{lock}: {first}"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_no_file_and_no_repository(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|@|--(index|extra-index|find-links|trusted)|\bgit\b|file:", text)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock"])
def test_the_locks_agree(lock: str) -> None:
    assert pins(lock) <= pins("requirements-dev.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_python_gets_the_same_versions(lock: str) -> None:
    """A laptop, CI and the container work out the same figures."""
    names = [name for name, _, _ in pins(lock)]
    assert len(names) == len(set(names))


def test_the_locks_hold_every_version_that_the_project_allows() -> None:
    """After an edit of pyproject.toml: `make lock`."""
    for name, requirement in DIRECT.items():
        versions = [version for package, version, _ in pins("requirements.lock") if package == name]
        assert versions, f"{name} is not locked: run `make lock`"
        assert all(version in requirement.specifier for version in versions), f"{name}: run `make lock`"


def test_each_lock_holds_its_group_and_the_container_no_tool() -> None:
    held = {lock: {name for name, _, _ in pins(lock)} for lock in LOCKS}
    assert group("dev") <= held["requirements-dev.lock"]
    assert group("build") <= held["requirements-build.lock"]
    assert "psycopg" in held["requirements.lock"]
    assert "distributed" not in held["requirements.lock"]
    assert not held["requirements.lock"] & {"pytest", "mypy", "ruff", "hatchling", "hypothesis"}
