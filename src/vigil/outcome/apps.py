from django.apps import AppConfig


class OutcomeConfig(AppConfig):
    name = "vigil.outcome"
    label = "outcome"
    default_auto_field = "django.db.models.BigAutoField"
