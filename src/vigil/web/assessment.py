"""Pages of the assessment room."""

app_name = "assessment"
urlpatterns = []
