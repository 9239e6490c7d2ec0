"""Make the golden files of PyTorch; README.md beside this file describes what they hold.

.venv-peers/torch/bin/python tests/golden/make_torch.py [layers] [losses] [optimizers] [ctc]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import torch
from makers import torch_ctc, torch_layers

MADE_BY = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}

SECTIONS = {
    "layers": torch_layers.make,
    "losses": torch_layers.make_losses,
    "optimizers": torch_layers.make_optimizers,
    "ctc": torch_ctc.make,
}


def main(names: list[str]) -> None:
    """Make the named sections, all of them by default."""
    torch.set_num_threads(1)
    for name in names or list(SECTIONS):
        SECTIONS[name](MADE_BY)


if __name__ == "__main__":
    main(sys.argv[1:])
