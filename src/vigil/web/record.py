"""Pages of the record room."""

app_name = "record"
urlpatterns = []
