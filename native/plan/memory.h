// Memory of a plan: aligned blocks, and the placing of values that are not needed at the same time in the same bytes.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "elman/kernels.h"

namespace elman {

// An aligned block with `padding` readable bytes behind it. Grows only; growing moves it and loses its contents.
class Block {
 public:
  Block() = default;
  ~Block() { std::free(data_); }
  Block(Block&& other) noexcept : data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
    other.size_ = 0;
  }
  Block& operator=(Block&&) = delete;
  Block(const Block&) = delete;

  bool reserve(int64_t bytes);                 // whether it moved. Throws std::bad_alloc
  void release();                              // gives the memory back
  char* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  int64_t size_ = 0;
};

// A plan that needs more memory than it may have, in bytes, for so many rows of a batch. limit 0: the machine refused; needed 0: unknown.
struct MemoryShortage {
  int64_t needed, limit, rows;
};

inline int64_t aligned(int64_t bytes) {
  return (bytes + int64_t(alignment) - 1) / int64_t(alignment) * int64_t(alignment);
}

struct Lifetime {
  int first, last;
  int64_t bytes;
};  // positions in the order of instructions, both inclusive

// Offsets for values so that no two whose lifetimes overlap share a byte. Greedy by size (largest first, lowest free place):
// Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", §5.1. Returns the total.
int64_t place(const std::vector<Lifetime>& values, std::vector<int64_t>& offsets);

}  // namespace elman
