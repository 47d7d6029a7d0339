"""Views that a front end keeps alive: a Python file and a script for each."""
