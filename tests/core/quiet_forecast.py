"""A forecast by Prophet in a process of its own, with the logging and warnings of a program that silenced nothing.

Its arguments are a folder and a number of processes. It fails if anything is in the folder before it ends.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    import numpy as np
    from made_panels import panel

    from forecaster.config import Forecast
    from forecaster.models import prophet
    from forecaster.types import Ask
    from jobs import executor

    folder = Path(sys.argv[1])
    assert Path(tempfile.gettempdir()) == folder
    executor.PATIENCE = 0.0  # or there is too little to do for other processes
    counts = np.random.default_rng(1).poisson(20, (8, 156)).astype(float)
    with executor.executor(Forecast(workers=int(sys.argv[2]))) as work:
        values = prophet.predict(panel(counts), Ask((130, 156), 4, work))
        assert not list(folder.iterdir())
    assert np.isfinite(values).all()
    assert not list(folder.iterdir())
    assert "cmdstanpy" not in sys.modules


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
