"""Pin the project in the current folder and print what that took inside of the process.

python -m benchmarks.take NOTEBOOK
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path

from mlops_nb.capture import snapshot
from mlops_nb.settings import Config


def main(notebook: str) -> None:
    config = Config.load()
    wall, cpu = time.monotonic(), sum(_cpu())
    snapshot.take(config, snapshot.Wanted(notebook=Path(notebook)), name=secrets.token_hex(6))
    print(json.dumps({"cpu_s": sum(_cpu()) - cpu, "wall_s": time.monotonic() - wall}))


def _cpu() -> tuple[float, ...]:
    import os

    return os.times()[:4]


if __name__ == "__main__":
    main(sys.argv[1])
