"""What the stack keeps, where, and how it is wiped: nothing that is not ours is ever touched."""

import json
import os
import stat
from pathlib import Path

import pytest

from dashboard.stack import folders
from dashboard.stack.accounts import OURSELVES, unprivileged
from dashboard.stack.postgres import Postgres
from dashboard.stack.processes import StackError


def test_state_folder_refuses_a_folder_full_of_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.odt").touch()
    monkeypatch.setenv("SWITCHYARD_STATE", str(tmp_path))

    with pytest.raises(StackError, match="holds something that is not ours"):
        folders.state_folder()


def test_state_folder_refuses_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("SWITCHYARD_STATE", str(tmp_path / "link"))

    with pytest.raises(StackError, match="is a symbolic link"):
        folders.state_folder()


def test_state_folder_may_be_new_or_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHYARD_STATE", str(tmp_path / "new"))
    assert folders.state_folder() == tmp_path / "new"

    folders.lock(tmp_path / "new").close()
    folders.kept_secrets(tmp_path / "new")

    assert folders.state_folder() == tmp_path / "new"


def test_lock_is_refused_while_another_has_it(tmp_path: Path) -> None:
    with folders.lock(tmp_path), pytest.raises(StackError, match="another run uses"):
        folders.lock(tmp_path)

    folders.lock(tmp_path).close()


def test_kept_secrets_are_made_once_and_readable_to_us_alone(tmp_path: Path) -> None:
    first = folders.kept_secrets(tmp_path)

    assert folders.kept_secrets(tmp_path) == first
    assert set(first) == {"SECRET_KEY", "CREDENTIAL_KEYS"}
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert json.loads((tmp_path / "secrets.json").read_text()) == first


def test_wipe_removes_everything_and_never_follows_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.odt").touch()
    state = tmp_path / "state"
    folders.lock(state).close()
    (state / "link").symlink_to(outside)

    folders.wipe(state)

    assert not state.exists()
    assert (outside / "thesis.odt").exists()


def test_wipe_is_refused_during_a_run(tmp_path: Path) -> None:
    with folders.lock(tmp_path), pytest.raises(StackError, match="another run uses"):
        folders.wipe(tmp_path)

    assert tmp_path.exists()


def test_wipe_of_nothing_makes_nothing(tmp_path: Path) -> None:
    folders.wipe(tmp_path / "state")

    assert not (tmp_path / "state").exists()


def test_sockets_have_a_short_path_whatever_the_home(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 30)
    home.mkdir()

    made = folders.sockets(home, OURSELVES)

    assert len(str(made)) <= folders.LONGEST_SOCKET_FOLDER
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="asks what root does")
def test_servers_home_leaves_a_private_checkout_private(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    state = private / "var"
    state.mkdir()

    home = folders.servers_home(state)

    try:
        assert home.parent == Path("/var/lib")
        assert stat.S_IMODE(home.stat().st_mode) == 0o755
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        home.chmod(0o777)
        with pytest.raises(StackError, match="only root can write to"):
            folders.servers_home(state)
    finally:
        folders.wipe(state)
    assert not home.exists()


def test_postgres_refuses_data_of_another_major_version() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o711)
        data = home / "postgres"
        folders.give(data, unprivileged() or OURSELVES)
        (data / "PG_VERSION").write_text("9\n")

        with pytest.raises(StackError, match="was made by PostgreSQL 9 and this is"):
            Postgres(home).start(home / "log")

        assert [path.name for path in data.iterdir()] == ["PG_VERSION"]
