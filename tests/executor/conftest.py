from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_cluster import Cluster, cluster

sys.path.append(str(Path(__file__).parents[1] / "core"))


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    with cluster(tmp_path_factory.mktemp("dask")) as made:
        yield made
