"""`python -m mlops_nb` is `jupyter mlops`."""

from mlops_nb.interfaces.cli import main

main()
