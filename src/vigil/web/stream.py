"""The live stream."""

app_name = "stream"
urlpatterns = []
