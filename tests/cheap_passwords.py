"""A password hash that costs nothing, for tests alone: signing in is hardly ever what a test is about.

It lives outside the package, so no installed Vigil can name it; `tests/tidy/test_passwords.py` holds that.
"""

import sys

from django.contrib.auth.hashers import Argon2PasswordHasher

if "pytest" not in sys.modules:
    raise RuntimeError("Only tests may hash a password cheaply.")


class CheapArgon2(Argon2PasswordHasher):
    """Argon2 as in the product, at the least time and memory it can be told to take."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
