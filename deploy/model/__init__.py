"""What restores: where a model comes from, how it works in batches and tiles, and how the next one takes its place."""
