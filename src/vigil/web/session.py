"""Pages of the session room."""

app_name = "session"
urlpatterns = []
