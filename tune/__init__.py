"""Ray: sharded distances and the Ray Tune + Optuna search."""
