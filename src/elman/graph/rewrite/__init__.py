"""Rewrites: graph to graph, same meaning, less work. Each file is one idea."""

from elman.graph.rewrite.fuse import fuse, fuse_products
from elman.graph.rewrite.hoist import hoist
from elman.graph.rewrite.segment import segment
from elman.graph.rewrite.share import share_cross_entropy
from elman.graph.rewrite.simplify import fold, simplify

__all__ = ["fold", "fuse", "fuse_products", "hoist", "segment", "share_cross_entropy", "simplify"]
