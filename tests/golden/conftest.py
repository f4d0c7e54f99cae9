"""Golden files hold what people would read. After a wanted change of wording:

    pytest tests/golden --update-golden

then read the difference as carefully as code.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a golden file of this folder, or writes it when asked to."""

    def compare(name: str, text: str) -> None:
        file = Path(__file__).parent / name
        if request.config.getoption("--update-golden", default=False):
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text

    return compare
