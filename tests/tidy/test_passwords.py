"""Passwords are hashed cheaply in tests, and dearly everywhere else."""

import os
import subprocess
import sys
from pathlib import Path

from argon2 import extract_parameters
from django.contrib.auth.hashers import make_password

ROOT = Path(__file__).resolve().parents[2]

HASHED = """
import django
django.setup()
from django.contrib.auth.hashers import make_password
print(make_password("correct horse battery staple"))
"""

LENT = """
import django
django.setup()
import cheap_passwords
"""

MEMORY_KIB_MIN = 19 * 1024
"""The least memory for Argon2id with two rounds or more; source: OWASP Password Storage Cheat Sheet."""


def outside_pytest(programme: str) -> subprocess.CompletedProcess[str]:
    """What the programme says in a process of its own, with the product's settings and even with the tests in reach."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
    }
    return subprocess.run(
        [sys.executable, "-c", programme], env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_the_product_hashes_passwords_with_argon2_at_full_cost() -> None:
    ran = outside_pytest(HASHED)

    assert ran.returncode == 0, ran.stderr
    algorithm, _, rest = ran.stdout.strip().partition("$")
    cost = extract_parameters(f"${rest}")
    assert algorithm == "argon2"
    assert cost.memory_cost >= MEMORY_KIB_MIN
    assert cost.time_cost >= 2


def test_tests_hash_passwords_cheaply() -> None:
    """Positive control: the same look at a hash made here finds a cheap one."""
    _, _, rest = make_password("correct horse battery staple").partition("$")

    assert extract_parameters(f"${rest}").memory_cost < MEMORY_KIB_MIN


def test_the_cheap_hash_refuses_to_load_outside_pytest() -> None:
    ran = outside_pytest(LENT)

    assert ran.returncode != 0
    assert "Only tests may hash a password cheaply." in ran.stderr


def test_no_source_of_the_product_names_the_cheap_hash() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), ROOT / "manage.py", ROOT / "pyproject.toml"]

    assert [path for path in sources if "cheap_passwords" in path.read_text()] == []
