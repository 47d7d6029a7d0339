"""The release; images and pipelines carry it too."""

__version__ = "0.1.0.dev0"
