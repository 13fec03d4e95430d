"""Importing a module of the product changes nothing that a child process would inherit."""

import os
import subprocess
import sys

CODE = """
import os, importlib
before = dict(os.environ)
importlib.import_module("vigil.config.asgi")
importlib.import_module("vigil.config.wsgi")
changed = {name for name in os.environ if os.environ[name] != before.get(name)}
print(sorted(changed - {"DJANGO_SETTINGS_MODULE"}))
"""


def test_the_applications_leave_the_environment_as_it_was():
    """Test tools import every module: one that named other routes for itself named them for all."""
    environment = os.environ | {"VIGIL_SECRET_KEY": "only-for-tests-" + "0" * 40}

    said = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "[]"
