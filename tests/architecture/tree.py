"""What the tests of the architecture look at: our own files, as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# rooms of forecaster/ that do I/O; the rest is core
SHELL = ("settings", "config", "benchmarks", "store", "read", "channels", "web")


def modules(*folders: str) -> dict[str, ast.Module]:
    """Returns every module of our packages by its dotted name, migrations included."""
    paths = [path for folder in folders or ("forecaster", "jobs") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {_dotted(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}


def core() -> dict[str, ast.Module]:
    """Returns the modules of the core: those of forecaster/ that are not shell."""
    return {name: tree for name, tree in modules("forecaster").items() if f"{name}.".split(".")[1] not in SHELL}


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yields each call with the last word of what is called: `dt.datetime.now()` is "now"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield last_word(node.func), node


def last_word(node: ast.expr) -> str:
    """Returns the last word of a dotted expression, "" for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def imports(tree: ast.Module) -> Iterator[str]:
    """Yields what a module imports, by dotted name; for `from a import b` that is "a"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield node.module or ""


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
