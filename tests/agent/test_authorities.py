"""Whose certificates are believed."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from agent.authorities import client_context
from tests.fixtures.certificates import Certificates


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system keeps its authorities, by file."""
    made = tmp_path / "authorities"
    made.mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(made))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return made


def test_the_file_that_is_named_is_the_only_one_believed(certificates: Certificates) -> None:
    assert len(client_context(certificates.authority).get_ca_certs()) == 1
    with pytest.raises(OSError, match="No such file"):
        client_context(Path("/nowhere/ca.pem"))


def test_the_systems_authorities_are_not_read_before_one_is_needed(folder: Path, certificates: Certificates) -> None:
    shutil.copy(certificates.authority, folder / "ours.pem")
    subprocess.run(["openssl", "rehash", folder], check=True)
    context = client_context()
    assert context.get_ca_certs() == []
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_folder_that_nobody_indexed_is_not_relied_on(folder: Path, certificates: Certificates) -> None:
    shutil.copy(certificates.authority, folder / "ours.pem")
    default = ssl.create_default_context().get_ca_certs()
    assert client_context().get_ca_certs() == default


def test_an_owner_who_names_a_file_is_heard(
    folder: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(certificates.authority, folder / "ours.pem")
    subprocess.run(["openssl", "rehash", folder], check=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    assert len(client_context().get_ca_certs()) == 1
