"""Whether the system is well."""

app_name = "system"
urlpatterns = []
