"""What a user installs is whole: the wheel holds the code, the config and the figures, and works away from here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from tree import ROOT

USE = """
from datetime import date
from forecaster import benchmarks, settings
found = settings.load(None, {})
figures = benchmarks.reference(settings.ROOT / "data" / "benchmarks", found.council.code, date(2024, 1, 1), ())
print(settings.__file__, settings.ROOT, len(found.catalogue), len(figures.benchmarks) > 0, sep="\\n")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    ours = {path for folder in ("forecaster", "jobs") for path in (ROOT / folder).rglob("*") if path.is_file()}
    expected = {path.relative_to(ROOT).as_posix() for path in ours if "__pycache__" not in path.parts}
    assert expected <= names(wheel)


def test_the_wheel_holds_the_config_and_the_published_figures(wheel: Path) -> None:
    shipped = {path.relative_to(ROOT).as_posix() for folder in ("config", "data/benchmarks", "data/examples")
               for path in (ROOT / folder).rglob("*") if path.is_file()}  # fmt: skip
    assert {f"forecaster/shipped/{name}" for name in shipped} <= names(wheel)


def test_the_licence_of_the_data_goes_with_it(wheel: Path) -> None:
    assert "forecaster/shipped/data/README.md" in names(wheel)


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    assert {name.split("/")[0] for name in names(wheel)} == {"forecaster", "jobs"}
    assert not [name for name in names(wheel) if name.startswith("tests/") or name.endswith((".pyc", ".db", ".key"))]


def test_an_installed_copy_finds_its_own_config_and_figures(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})\n{USE}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    module, root, measures, figures = done.stdout.split()
    assert Path(module).is_relative_to(tmp_path)
    assert Path(root) == tmp_path / "installed" / "forecaster" / "shipped"
    assert int(measures) > 0
    assert figures == "True"
