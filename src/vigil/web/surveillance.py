"""Pages of the surveillance room."""

app_name = "surveillance"
urlpatterns = []
