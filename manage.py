"""Django's own command line, for makemigrations and friends. People use `vigil`."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
execute_from_command_line(sys.argv)
