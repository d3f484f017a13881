"""signwatch: proof that screens play."""

__version__ = "0.1.0"
