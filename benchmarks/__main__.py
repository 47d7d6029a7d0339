"""Measure, print, and keep: `python -m benchmarks [--quick] [--write] [training] [serving] ...`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path

from benchmarks import pages, record

# In the order of the page; each is a module of its name. It has `measure`, the names of its TABLES,
# the PACKAGES that its figures depend on, and the values that its constants have when it is QUICK.
NAMES = (
    "training",
    "capture",
    "metrics",
    "provisioning",
    "serving",
    "tuning",
    "monitoring",
    "incremental",
    "lab",
    "growth",
    "throughput",
)


def main() -> int:
    """Measure what is named, or all.

    Returns:
        1 where one has failed; the others are measured and kept all the same.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {' '.join(NAMES)}")
    parser.add_argument(
        "--quick", action="store_true", help="see whether all of it works; the figures are none"
    )
    parser.add_argument("--write", action="store_true", help="keep the results, and write pages")
    parser.add_argument(
        "--pages", action="store_true", help="measure nothing: write pages from what is kept"
    )
    asked = parser.parse_args()
    if asked.pages:
        pages.write(record.load())
        return 0
    if asked.quick and asked.write:
        parser.error("--quick finds no figures that could be kept: leave out --write")
    names = asked.names or list(NAMES)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}")
    # Before the first of them begins: later it is our own.
    load = os.getloadavg()[0]
    failed = []
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        try:
            found = measured(name, load, quick=asked.quick)
        except Exception:
            # One that fails costs no more than itself, after all the time the others have taken.
            traceback.print_exc()
            failed.append(name)
            continue
        print("\n\n".join(table.text() for table in found.tables), end="\n\n", flush=True)
        if asked.write:
            known = record.load() | {name: found}
            results = {one: known[one] for one in NAMES if one in known}
            record.keep(results)
            pages.write(results)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def measured(name: str, load: float, *, quick: bool) -> record.Found:
    """Measure one."""
    module = import_module(f"benchmarks.{name}")
    if quick:
        vars(module).update(module.QUICK)
    where = record.here(module.PACKAGES, load)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        tables = tuple(module.measure(Path(folder)))
    assert tuple(table.name for table in tables) == module.TABLES
    return record.Found(measured=where, seconds=time.monotonic() - start, tables=tables)


if __name__ == "__main__":
    sys.exit(main())
