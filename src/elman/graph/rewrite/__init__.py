"""Rewrites: graph to graph, same meaning, less work. Each file is one idea."""

from elman.graph.rewrite.fuse import fuse, fuse_products
from elman.graph.rewrite.hoist import hoist
from elman.graph.rewrite.segment import segment
from elman.graph.rewrite.share import share_cross_entropy
from elman.graph.rewrite.simplify import fold, simplify
from elman.graph.rewrite.sums import join_sums

__all__ = [
    "fold",
    "fuse",
    "fuse_products",
    "hoist",
    "join_sums",
    "segment",
    "share_cross_entropy",
    "simplify",
]
