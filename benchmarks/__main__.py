"""Print the tables, or those that are named: `python -m benchmarks [training] [serving] ...`."""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    capture,
    incremental,
    lab,
    metrics,
    monitoring,
    provisioning,
    serving,
    training,
    tuning,
)

TABLES = {
    "training": training.table,
    "capture": capture.table,
    "metrics": metrics.table,
    "provisioning": provisioning.table,
    "serving": serving.table,
    "tuning": tuning.table,
    "monitoring": monitoring.table,
    "incremental": incremental.table,
    "lab": lab.table,
}


def main(names: list[str]) -> None:
    print(f"{platform.platform()}, Python {platform.python_version()}\n")
    for name in names or TABLES:
        with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
            print(TABLES[name](Path(folder)), flush=True)
            print()


if __name__ == "__main__":
    main(sys.argv[1:])
