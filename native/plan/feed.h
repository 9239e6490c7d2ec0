// What a step is given: rows of arrays of the caller, copied to where the plan reads them, or read where they lie.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace elman {

// A row of an input where it lies. What it lacks of the bytes that a row of the batch has is 0.
struct Row {
  const char* data;
  int64_t bytes;
};

// One graph input of a run. data: (rows, width) items of 4 bytes or of a real number, each row in one piece, owned by the caller.
struct Array {
  const char* data;
  int64_t rows;  // of the whole data set; -1 for an input without batch axis
  int64_t bytes;  // of one row, or of all of an input without batch axis
  int64_t stride;  // bytes from a row to the next
  const Row* apart =
      nullptr;  // in the place of data, rows that lie anywhere and may end early: in order, one after another
};

// A batch: rows order[start ...] of arrays, or start ... when there is no order.
struct Feed {
  const std::vector<Array>& arrays;
  const int64_t* order;
  int64_t start;

  // A row of the batch in an array
  Row row(const Array& a, int64_t r) const {
    if (a.apart != nullptr) return a.apart[start + r];
    return {a.data + (order == nullptr ? start + r : order[start + r]) * a.stride, a.bytes};
  }
};

// An input that stays where it lies: each row of the batch there, if it is whole, and whether all numbers that products read were finite.
struct RowsAt {
  std::vector<const char*> rows;
  bool finite = true;
};

// Rows of an input, gathered before each step.
struct Load {
  size_t input;
  char* to;
  int64_t first, rows;  // within the batch
  int64_t steps;  // each step's rows together; 0: row by row
  int64_t room;  // bytes there are at `to`
  const int32_t* lengths = nullptr;  // of rows without gaps, loaded before
  RowsAt* rows_at = nullptr;  // told where rows lie, instead of being given them
  int64_t row = 0;  // then: bytes of each
};

// Throws std::invalid_argument where an array has more for these rows than there is room.
void load(const std::vector<Load>& loads, const Feed& feed);

// Rows that were read where they lay are looked for in the plan's own memory from now on: the caller's may be gone.
void bring_home(const std::vector<Load>& loads);

}  // namespace elman
