"""Pages of the plan room."""

app_name = "plan"
urlpatterns = []
