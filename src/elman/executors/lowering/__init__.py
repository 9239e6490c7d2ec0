"""From a graph to what the native plan is made of (native/include/elman/spec.h): values, instructions, segments.

`plan.py` writes a graph down, node by node; `emitters.py` has a row for every operator. Slices, transpositions and
repetitions are not copied where the reader can walk strides (`views.py`). Gradients are written straight into the
flat vector that concatenates them, and updates into their variables (`in_place.py`). Operators whose inputs are
constants and sizes run once, when sizes become known. Work on rows of the batch and work on totals alternate in
segments, so that a batch can be cut into shards; sums over the batch made in a rows segment are partial sums, which
the plan adds up before the next segment.
"""

from elman.executors.lowering.emitters import EMITTERS
from elman.executors.lowering.plan import lower
from elman.executors.lowering.spec import HOMES, ONCE, OPS, Lowered

__all__ = ["EMITTERS", "HOMES", "ONCE", "OPS", "Lowered", "lower"]
