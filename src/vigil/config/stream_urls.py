"""The addresses of the live stream: served by the ASGI process, and nothing else there."""

from django.urls import include, path

urlpatterns = [path("", include("vigil.web.stream"))]
