from __future__ import annotations

from collections.abc import Callable

import pytest

from forecaster.simulate import Demo, Story, planted
from tests.simulate.made import FIRST, council


@pytest.fixture(scope="session")
def quiet() -> Demo:
    return council(1)


@pytest.fixture(scope="session")
def told() -> Demo:
    """The same council with everything planted."""
    return council(1, planted(FIRST))


@pytest.fixture(scope="session")
def only() -> Callable[[str], tuple[Demo, Story]]:
    """The same council with one kind of story alone, and that story."""

    def made(kind: str) -> tuple[Demo, Story]:
        story = next(story for story in planted(FIRST) if type(story).__name__ == kind)
        return council(1, (story,)), story

    return made
