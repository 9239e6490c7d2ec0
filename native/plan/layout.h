// Where every value lies once the open sizes are numbers: evaluated sizes, lifetimes, offsets.
#pragma once
#include <cstdint>
#include <vector>

#include "elman/spec.h"
#include "memory.h"

namespace elman {

using Numbers = std::vector<int64_t>;

Window window(const Instruction& instruction, const Numbers& sizes);  // of conv, conv_kernel, pool, unpool

// Sizes as numbers. Throws MemoryShortage where they need more digits than there are.
int64_t evaluate(const Dim& dim, const Numbers& symbols);
Numbers evaluate(const std::vector<Dim>& dims, const Numbers& symbols);

// Of a body: everything a scan needs while it runs, as one block. Offsets are from the block's start.
struct BodyLayout {
  std::vector<int64_t> value;                  // by value; -1: not in the block
  std::vector<int64_t> nested;                 // by instruction: offset of an inner scan's block, or -1
  std::vector<int64_t> pack;                   // by instruction: offset of a packed matrix, or -1
  std::vector<int64_t> buffer;                 // by state: offset of two buffers, or -1 when it lies in an output
  std::vector<int> shared;                     // by state: the output it lies in, or -1
  std::vector<bool> own;                       // by state: the value that makes it is written straight into a buffer
  std::vector<int> output_root;                // by output: the value that is written straight into it, or -1
  int64_t bytes = 0;
};

// Of one arena: the values of the batch (rows) or the values of the whole run.
struct ArenaLayout {
  std::vector<int64_t> value;                  // by value; -1: elsewhere
  std::vector<std::vector<int64_t>> block;     // by segment and instruction: offset of a scan's block, or -1
  int64_t bytes = 0;
};

// Of a strip, as one block that begins with the block of its loop: where packed matrices lie, by instruction, or -1. Sums of one
// strip that pack, and read the same rows, share what those are packed to.
struct StripLayout {
  std::vector<int64_t> pack;
  int64_t bytes = 0, rows = 1;                 // rows: of the loop, a time step
};

// Of a linear_cross_entropy, in elements: rows of a block, where the products' scratch starts behind the block's logits, all of it.
struct LinearScratch {
  int64_t block, products, total;
};

template <class R>
class Layout {
 public:
  // `sizes`: Spec::dims evaluated for this arena. `typical`: for a shard of like rows, and `full`: see Cut, the same for all of a batch:
  // how a product is done is chosen by them, so that shards can share what is packed. `local_partials`: rows arenas hold their own
  // partial sums.
  Layout(const Spec& spec, const Numbers& sizes, const Kernels<R>& kernels, const Numbers& typical, bool full)
      : spec_(spec), sizes_(sizes), kernels_(kernels), typical_(typical), full_(full) {}
  Layout(const Spec& spec, const Numbers& sizes, const Kernels<R>& kernels)
      : Layout(spec, sizes, kernels, sizes, false) {}

  ArenaLayout arena(bool rows, bool local_partials);
  BodyLayout body(int body, int64_t steps) const;
  int root(int value) const;                   // the value a part lies in, followed to the end
  int64_t bytes(int value) const;
  LinearScratch linear_scratch(const Instruction& i) const;
  int64_t scratch() const { return scratch_; }
  StripLayout strip(const Instruction& i) const;
  Product kind(const Instruction& i) const;     // how its products are done
  Products<R> products(const Instruction& i) const { return kernels_.products(kind(i)); }

 private:
  void need_scratch(const std::vector<Instruction>& code);
  bool same_rows(const Instruction& a, const Instruction& b) const;

  const Spec& spec_;
  const Numbers& sizes_;
  const Kernels<R>& kernels_;
  const Numbers& typical_;
  bool full_;
  int64_t scratch_ = 0;
};

// Time steps of a strip with so many rows a step: a product's own blocks have 256 terms, so a sum costs no more than in one piece.
inline int64_t strip_steps(int64_t rows) { return rows > 128 ? 1 : 256 / (rows > 0 ? rows : 1); }

inline constexpr int pack_from = 4;            // time steps from which packing a captured matrix pays

}  // namespace elman
