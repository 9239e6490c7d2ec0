// Into how many shards a batch is cut, and where.
#pragma once
#include "feed.h"
#include "layout.h"

namespace elman {

int shard_count(const Spec& spec, const Numbers& symbols, const Numbers& sizes, int threads);

// Rows at which shards after the first start, so that all have like work for rows of these lengths; empty: like numbers of rows.
Numbers cut(const Spec& spec, const Numbers& symbols, const Feed& feed, int threads);

}  // namespace elman
