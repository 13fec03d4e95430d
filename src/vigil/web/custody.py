"""Pages of the custody room."""

app_name = "custody"
urlpatterns = []
