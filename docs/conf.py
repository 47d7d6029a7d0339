"""How the site is built: `make docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mlops_nb.version import __version__

project = "mlops_nb"
author = "the mlops_nb authors"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "building",
]
exclude_patterns = ["_build", "building", "pictures"]
highlight_language = "none"
# Quotes stay those that one types.
smartquotes_action = "D"
nitpicky = True
# In docstrings `this` is code, as it is on every page.
default_role = "code"

myst_heading_anchors = 3
# Lists of what is generated are too long for a heading each in the page's own contents.
toc_object_entries_show_parents = "hide"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
add_module_names = False
html_static_path = ["building/static"]
html_css_files = ["site.css"]
html_title = f"mlops_nb {release}"
html_copy_source = False
html_show_sourcelink = False
