"""How far back a recurrence can look: problems made for that."""
