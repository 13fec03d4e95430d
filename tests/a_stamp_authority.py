"""A time-stamping authority in a folder, played by openssl: only for tests.

In: requests. Out: responses, and what openssl says about either.
"""

import shutil
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")

CONFIG = """
[req]
distinguished_name = name
prompt = no
x509_extensions = use
[name]
CN = Test authority
[use]
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = one
[one]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Authority:
    """A time-stamping authority in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "config").write_text(CONFIG)
        (folder / "serial").write_text("01")
        self.run(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
            "-config",
            "config",
        )

    def run(self, *words: str) -> str:
        assert OPENSSL, "openssl is part of what building needs: apt-get install openssl"
        ran = subprocess.run(
            [OPENSSL, *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def stamp(self, asked: bytes) -> bytes:
        (self.folder / "q.tsq").write_bytes(asked)
        self.run(
            "ts",
            "-reply",
            "-config",
            "config",
            "-section",
            "one",
            "-queryfile",
            "q.tsq",
            "-signer",
            "cert.pem",
            "-inkey",
            "key.pem",
            "-out",
            "r.tsr",
        )
        return (self.folder / "r.tsr").read_bytes()
