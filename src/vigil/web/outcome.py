"""Pages of the outcome room."""

app_name = "outcome"
urlpatterns = []
