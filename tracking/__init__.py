"""MLflow: runs, artifacts, models and the registry."""
