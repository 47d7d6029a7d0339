"""The site builds without a warning, and its reference has all that there is."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest

import mlops_nb
from mlops_nb import exceptions, testing, types
from mlops_nb.interfaces.cli import verbs
from mlops_nb.interfaces.server.routes import PREFIX, ROUTES
from mlops_nb.settings import Config, dotted
from mlops_nb.tracking import tags

pytest.importorskip("sphinx", reason="the site is built with Python 3.11 or newer")

TOP = Path(__file__).parents[2]
PUBLIC = {"mlops_nb": mlops_nb, "mlops_nb.exceptions": exceptions, "mlops_nb.testing": testing}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    target = (TOP / "Makefile").read_text().partition("\ndocs:")[2].partition("\n\n")[0]
    _, *words = next(line for line in target.splitlines() if "sphinx-build --" in line).split()
    command = [sys.executable, "-m", "sphinx", *words[:-1], str(folder)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


def text(site, page):
    """Return what a page of the site reads."""
    read = (site / f"{page}.html").read_text()
    return html.unescape(re.sub(r"<[^>]+>", "", read.partition("<article")[2]))


def described(site):
    from sphinx.util.inventory import InventoryFile

    found = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    return {name for kind in found.data for name in found.data[kind]}


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_described(site, module):
    names = {f"{module}.{name}" for name in PUBLIC[module].__all__ if not hasattr(types, name)}
    assert names - described(site) - {"mlops_nb.__version__", "mlops_nb.MlopsError"} == set()


def test_every_record_is_described(site):
    found = {name.rpartition(".")[2] for name in described(site) if ".types." in name}
    assert set(types.__all__) - found - {"CommandLineText"} == set()


def test_every_setting_is_described(site):
    page = text(site, "reference/settings")
    known = [field for field in fields(Config) if "description" in field.metadata]
    for field in known:
        assert f"{dotted(field.name)}MLOPS_NB_{field.name.upper()}" in page
        assert field.metadata["description"] in page


def test_every_route_is_described(site):
    page = text(site, "reference/rest")
    assert [r for r in ROUTES if f"{r.method} {PREFIX}{r.path}" not in page] == []


def test_every_command_and_option_is_described(site):
    page = text(site, "reference/cli")
    commands = [c for c in verbs.commands.values() if not isinstance(c, click.Group)]
    options = {opt for c in commands for p in c.params for opt in p.opts if opt.startswith("--")}
    assert [c.name for c in commands if f"jupyter mlops {c.name}" not in page] == []
    assert [option for option in options if option not in page] == []


def test_every_name_in_mlflow_is_described(site):
    page = text(site, "reference/tags")
    names = {v for k, v in vars(tags).items() if k.isupper() and isinstance(v, str)}
    assert {name for name in names if name not in page} <= {tags.PASSED}


def test_pictures_follow_the_theme(site):
    page = (site / "lab.html").read_text()
    shown = re.findall(r'<img[^>]*class="only-(light|dark)[^"]*"[^>]*src="([^"]+)"', page)
    assert {theme for theme, _ in shown} == {"light", "dark"}
    assert all(theme in source and (site / source).exists() for theme, source in shown)
