"""Real data, real numbers: one script a task."""
