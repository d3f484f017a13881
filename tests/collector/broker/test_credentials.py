from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collector.broker.credentials import CredentialStore, PasswordHash, read_credentials, write_credentials
from common.config import ConfigError
from common.tasks import cancel, spawn
from signwatch.cli import main
from tests.collector.broker.helpers import cheap_hash, write_users
from tests.fixtures.waiting import until


def test_a_hash_fits_its_password_only_and_survives_being_written_down() -> None:
    stored = PasswordHash.parse(str(PasswordHash.of("open sesame")))
    assert stored.fits("open sesame")
    assert not stored.fits("open sesame ")
    assert not stored.fits("")


def test_two_hashes_of_one_password_differ() -> None:
    assert str(PasswordHash.of("same")) != str(PasswordHash.of("same"))


async def test_a_right_password_is_remembered_and_a_wrong_one_never_accepted(tmp_path: Path) -> None:
    path = tmp_path / "credentials.toml"
    write_users(path, "acme/player-1")
    store = CredentialStore(path)
    for _ in range(2):
        assert await store.verify("acme/player-1", "secret-acme/player-1")
        assert not await store.verify("acme/player-1", "wrong")
        assert not await store.verify("acme/player-9", "secret-acme/player-1")


async def test_attempts_at_the_same_time_cost_one_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "credentials.toml"
    write_users(path, "acme/player-1")
    store = CredentialStore(path)
    hashed: list[str] = []
    fits = PasswordHash.fits

    def counted(stored: PasswordHash, password: str) -> bool:
        hashed.append(password)
        return fits(stored, password)

    monkeypatch.setattr(PasswordHash, "fits", counted)
    attempts = [store.verify("acme/player-1", "secret-acme/player-1") for _ in range(20)]
    assert await asyncio.gather(*attempts) == [True] * 20
    assert hashed == ["secret-acme/player-1"]


async def test_an_attempt_that_is_given_up_is_not_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "credentials.toml"
    write_users(path, "acme/player-1")
    store = CredentialStore(path)
    given_up = spawn(store.verify("acme/player-1", "secret-acme/player-1"), "verify")
    await asyncio.sleep(0)
    await cancel(given_up)
    await until(lambda: "acme/player-1" in store._known and not store._attempts, "it is known all the same")


async def test_a_changed_file_tells_who_must_go(tmp_path: Path) -> None:
    path = tmp_path / "credentials.toml"
    write_users(path, "acme/stays", "acme/changes", "acme/leaves")
    store = CredentialStore(path)
    assert await store.verify("acme/changes", "secret-acme/changes")
    write_credentials(path, {"acme/changes": cheap_hash("new"), "acme/leaves": None, "acme/comes": cheap_hash("hi")})
    assert store.refresh() == {"acme/changes", "acme/leaves"}
    assert store.refresh() == set()
    assert not await store.verify("acme/changes", "secret-acme/changes")
    assert await store.verify("acme/changes", "new")
    assert not await store.verify("acme/leaves", "secret-acme/leaves")
    assert await store.verify("acme/comes", "hi")


async def test_a_file_that_breaks_while_running_locks_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "credentials.toml"
    write_users(path, "acme/player-1")
    store = CredentialStore(path)
    path.write_text("this is = not [ toml", encoding="utf-8")
    assert store.refresh() == set()
    assert await store.verify("acme/player-1", "secret-acme/player-1")


def test_writing_keeps_the_lines_of_others_and_their_comments(tmp_path: Path) -> None:
    path = tmp_path / "credentials.toml"
    path.write_text(f'# shop 7\n"acme/a" = "{cheap_hash("a")}"\n', encoding="utf-8")
    write_credentials(path, {"acme/b": cheap_hash("b")})
    write_credentials(path, {"acme/a": None})
    assert path.read_text(encoding="utf-8").startswith("# shop 7\n")
    assert set(read_credentials(path)) == {"acme/b"}


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "credentials.toml"
    write_credentials(path, {"acme/a": cheap_hash("a")})
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('"Acme/a" = "x"', 'Acme/a: names no device or service; write "tenant/device" or a service'),
        ('"acme/a/b" = "x"', "acme/a/b: names no device or service"),
        ('"acme/a" = 1', "acme/a: is no string; write it with: signwatch broker passwd acme/a --file"),
        ('"acme/a" = "md5$x"', "acme/a: is not of the form scrypt$n$r$p$salt$hash"),
        ('"acme/a" = "scrypt$2$1$1$!$!"', "acme/a: has a number or a base64 part that cannot be read"),
        ('"acme/a" = "scrypt$1099511627776$8$1$AA==$AA=="', "acme/a: has parameters out of range"),
        ('"acme/a" = "x', "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_remedy(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "credentials.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_credentials(path)
    assert str(path) in str(refused.value)
    assert complaint in str(refused.value)


def test_a_missing_file_tells_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="signwatch broker passwd collector --file"):
        CredentialStore(tmp_path / "none.toml")


def test_passwd_prints_each_password_once_and_keeps_the_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "credentials.toml"
    assert main(["broker", "passwd", "acme/a", "collector", "--file", str(path)]) == 0
    printed = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert set(printed) == {"acme/a", "collector"}
    stored = read_credentials(path)
    assert all(stored[user].fits(password) for user, password in printed.items())
    assert not any(password in path.read_text(encoding="utf-8") for password in printed.values())


def test_remove_takes_a_user_out_and_refuses_a_stranger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "credentials.toml"
    write_users(path, "acme/a", "acme/b")
    assert main(["broker", "remove", "acme/a", "--file", str(path)]) == 0
    assert set(read_credentials(path)) == {"acme/b"}
    assert main(["broker", "remove", "acme/a", "--file", str(path)]) == 1
    assert "acme/a: is not in" in capsys.readouterr().err


def test_passwd_does_not_add_to_a_file_that_is_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "collector.toml"
    path.write_text("[ledger]\npath = 'x'\n", encoding="utf-8")
    assert main(["broker", "passwd", "acme/a", "--file", str(path)]) == 1
    assert path.read_text(encoding="utf-8") == "[ledger]\npath = 'x'\n"
    assert "ledger: is no string" in capsys.readouterr().err
