"""The scripts behind the golden files, one module a table of cases; run by `make_keras.py` and `make_torch.py`."""
