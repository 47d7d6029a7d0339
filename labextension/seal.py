"""Write down what the built front end was built from, so that a test without Node can tell.

The test sees a source that was changed and not built; `.ci/labextension --check` sees all.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
PLACE = FOLDER.parent / "mlops_nb" / "labextension" / "source.sha256"
_SOURCES = (
    "package.json",
    "rspack.config.js",
    "schema/*",
    "src/**/*.ts*",
    "style/*",
    "tsconfig.json",
    "yarn.lock",
)


def digest() -> str:
    """Return the SHA-256 over all sources, with their paths."""
    found = hashlib.sha256()
    for path in sorted({path for pattern in _SOURCES for path in FOLDER.glob(pattern)}):
        name, data = path.relative_to(FOLDER).as_posix().encode(), path.read_bytes()
        found.update(b"%d %s %d\n" % (len(name), name, len(data)) + data)
    return found.hexdigest()


if __name__ == "__main__":
    PLACE.write_text(digest() + "\n")
    sys.stdout.write(f"wrote {PLACE.name}\n")
