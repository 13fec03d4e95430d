"""The ASGI application: live events only."""

import os

import django
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http.response import HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")


class StreamHandler(ASGIHandler):
    """Knows the stream's own routes and no page."""

    async def get_response_async(self, request: ASGIRequest) -> HttpResponseBase:
        """The answer to a request, from the stream's routes."""
        request.urlconf = "vigil.config.stream_urls"
        return await super().get_response_async(request)


django.setup(set_prefix=False)
application = StreamHandler()
