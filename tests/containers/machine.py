"""What this machine needs for containers: settings of the engine, and an image to build on.

No image can be pulled where tests run, so one is made of Debian's packages and of the Python that
the tests themselves run with: an environment is rebuilt for that very version.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

TOOLS = ("podman", "runc", "debootstrap")
PACKAGES = ("ca-certificates", "git", "openssh-client", "python3-venv")
PRUNED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale")


def missing() -> str:
    """Return why no container can be had here, "" where one can."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (on Debian: sh .ci/containers)"
    return "" if os.geteuid() == 0 else "making an image with debootstrap takes root"


def settings(folder: Path) -> dict[str, str]:
    """Write the engine's settings; return the variables that name them.

    Images are kept from one run of the tests to the next, apart from those of the machine.
    """
    kept = Path("/var/tmp") / "mlops-nb-containers"
    kept.mkdir(mode=0o700, exist_ok=True)
    engine, storage = folder / "containers.conf", folder / "storage.conf"
    engine.write_text(
        '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]\n'
        '[engine]\nruntime = "runc"\n'
    )
    storage.write_text(
        '[storage]\ndriver = "overlay"\n'
        f'graphroot = "{kept / "storage"}"\nrunroot = "{kept / "run"}"\n'
    )
    return {"CONTAINERS_CONF": str(engine), "CONTAINERS_STORAGE_CONF": str(storage)}


def base_image() -> str:
    """Return the name of an image with Debian and Python, made where there is none yet."""
    recipe = f"{Path(__file__).read_text()}{_suite()}{sys.version}{sys.base_prefix}"
    name = f"localhost/mlops-nb-test-base:{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with alone():
        if subprocess.run(["podman", "image", "exists", name], check=False).returncode:
            with tempfile.TemporaryDirectory(prefix="debian-") as folder:
                _make(Path(folder, "root"))
                _import(Path(folder, "root"), name)
    return name


def alone() -> FileLock:
    """Return a lock for what is made once: processes that come later find it done."""
    return FileLock(Path(tempfile.gettempdir()) / "mlops-nb-containers.lock", mode=0o600)


def _make(root: Path) -> None:
    include = f"--include={','.join(PACKAGES)}"
    command = ["debootstrap", "--variant=minbase", include, _suite(), str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if sys.base_prefix != "/usr":
        _copy_python(Path(sys.base_prefix), root / "usr" / "local")
        subprocess.run(["chroot", str(root), "/sbin/ldconfig"], check=True)
    for path in PRUNED:
        shutil.rmtree(root / path)
        (root / path).mkdir()


def _copy_python(source: Path, target: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ignored = shutil.ignore_patterns("test", "idlelib", "config-*", "__pycache__", "site-packages")
    stdlib = target / "lib" / version
    # Debian keeps a folder there.
    shutil.copytree(source / "lib" / version, stdlib, ignore=ignored, dirs_exist_ok=True)
    (stdlib / "site-packages").mkdir()
    for library in (source / "lib").glob(f"lib{version}*.so*"):
        shutil.copy2(library, target / "lib", follow_symlinks=False)
    shutil.copy2(source / "bin" / version, target / "bin")
    (target / "bin" / "python3").symlink_to(version)


def _import(root: Path, name: str) -> None:
    pack = ["tar", "--directory", str(root), "--create", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
        subprocess.run(
            ["podman", "import", "--quiet", "-", name],
            stdin=packed.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    assert packed.returncode == 0


def _suite() -> str:
    return platform.freedesktop_os_release()["VERSION_CODENAME"]
