"""Every page of the product. Stable addresses: a changed one is a breaking change."""

from django.urls import include, path

urlpatterns = [
    path("", include("vigil.web.people")),
    path("", include("vigil.web.assessment")),
    path("", include("vigil.web.plan")),
    path("", include("vigil.web.custody")),
    path("", include("vigil.web.session")),
    path("", include("vigil.web.kinetics")),
    path("", include("vigil.web.outcome")),
    path("", include("vigil.web.surveillance")),
    path("", include("vigil.web.programme")),
    path("", include("vigil.web.record")),
    path("", include("vigil.web.system")),
    path("", include("vigil.web.theme")),
]
