"""The ASGI application: live events only."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
os.environ["VIGIL_URLCONF"] = "vigil.config.stream_urls"
application = get_asgi_application()
