"""Whose certificates are believed: the authorities of the file given, else the system's."""

from __future__ import annotations

import os
import ssl
from pathlib import Path


def client_context(ca_file: str | Path | None = None) -> ssl.SSLContext:
    """What a client speaks TLS with; OSError (ssl.SSLError is one) where `ca_file` cannot be used.

    The system's authorities are read one by one from their folder, as they are needed: all 140 at once, as the standard
    library reads them from their file, take 1.3 MB.
    """
    if ca_file:
        return ssl.create_default_context(cafile=str(ca_file))
    return ssl.create_default_context(capath=_folder())


def _folder() -> str | None:
    """Where the system keeps its authorities by name (openssl-rehash(1)); None: it does not, or was told of a file."""
    known = ssl.get_default_verify_paths()
    if known.capath is None or known.openssl_cafile_env in os.environ:
        return None
    return known.capath if any(Path(known.capath).glob("*.0")) else None
