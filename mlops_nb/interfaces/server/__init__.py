"""The verbs over HTTP: an extension of Jupyter Server, and the orchestrator of other services.

`routes.py` is the table of all of it; handlers and the OpenAPI description are made from its rows.
"""
