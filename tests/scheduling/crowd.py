"""A scheduler whose firings are quick; started by its path, and killed by tests."""

import sys
from pathlib import Path

from mlops_nb.scheduling.scheduler import Scheduler

Scheduler(sys.argv[1], firing=(str(Path(__file__).with_name("quick.py")),)).run()
