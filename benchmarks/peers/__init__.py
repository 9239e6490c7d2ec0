"""Peer programs: standalone scripts in environments of their own; see `speak.py`."""
