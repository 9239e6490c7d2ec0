// Into how many shards a batch is cut, and where.
#pragma once
#include <compare>

#include "feed.h"
#include "layout.h"

namespace elman {

int shard_count(const Spec& spec, const Numbers& symbols, const Numbers& sizes, int threads);

struct Cut {
  Numbers rows;  // at which shards after the first start; empty: like numbers of rows
  bool full = false;  // whether three quarters of the steps of sequences with lengths count
  auto operator<=>(const Cut&) const = default;
};

// So that all shards have like work for rows of these lengths
Cut cut(const Spec& spec, const Numbers& symbols, const Feed& feed, int threads);

}  // namespace elman
