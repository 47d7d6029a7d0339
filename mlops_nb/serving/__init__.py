"""The model service: what a package runs as, in a process, in an image and on KServe alike.

It lives in the model's own environment and travels inside the package, so it imports nothing of
this project but itself, and no library but msgspec, uvicorn and what the model needs.
"""
