// What a plan is made from: a graph lowered to numbered values and instructions (src/elman/executors/lowering/).
//
// Sizes are polynomials over open symbols (B, T, ...) and are written as numbers of entries in `dims`; binding a plan to
// concrete symbols evaluates the table once. Everything here is plain data, checked by `check()` before a plan is built.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "elman/kernels.h"

namespace elman {

// clang-format off: one line a contract, its comment beside it
struct Monomial { int64_t coefficient; std::vector<int> symbols; };
using Dim = std::vector<Monomial>;             // a sum; empty is 0

enum class Home : uint8_t {
  temporary,   // made by an instruction, in the arena while somebody needs it
  input,       // filled from the caller's array before a run
  variable,    // outlives the run; memory of the caller
  constant,    // memory of the plan
  once,        // made by an instruction that runs at binding only (its inputs are constants and sizes)
  part,        // `offset` elements into another value's memory
  count_
};

struct Value {
  Home home = Home::temporary;
  Storage storage = Storage::real;
  int index = -1;                              // input, variable, constant: which; part: the value it lies in
  int count = -1;                              // dim: number of elements
  int offset = -1;                             // part: dim
  bool rows = false;                           // one a shard of the batch; otherwise one a run
  int lengths = -1;                            // value: each step has its rows up to the last that these leave unfinished, without gaps; or -1
};

enum class Op : uint8_t {
  matmul,      // in a b [addend]; dims batch m n k, a: row col batch, b: row col batch, addend: row batch; flags: prepack bfloat16
  quantized_matmul,  // in a codes scale; dims m n k
  pointwise,   // in/out as the program says; dims: axes of the shape, then the strides of each input and each output; flags: axes; in a strip: which axis is time
  integer,     // as pointwise, on int32 values, computed in int64: add sub mul neg abs sign max min mod copy; outputs contiguous
  reduce,      // dims outer length inner; flags: ReduceKind
  arg_max,     // dims outer length inner
  top_k,       // out values places; dims rows columns k
  softmax,     // dims rows columns; flags: log
  cum_sum,     // dims outer length inner; flags: reverse, exclusive
  linear_cross_entropy,  // in x w bias index [g]; out loss best [dx dw db]; dims rows k n; flags: bfloat16
  copy,        // dims to_offset from_offset, axes, then sizes, to strides, from strides; flags: zero the output first
  gather,      // in table index; dims tables rows width count
  scatter_add, // in index values; dims as gather
  uniform,     // in seed step [first row]; dims rows width; flags: key, rows are of the batch
  range,       // dims count
  size,        // dims number
  conv,        // in x kernel [bias]; dims the 14 of Window, filters
  conv_kernel, // in x g; dims as conv
  pool,        // in x [values]; dims the 14 of Window; flags: average
  unpool,      // in x g, or g where average; dims and flags as pool
  scan,        // see Body
  strip,       // see Strip; in and out: those of its code; dims: steps of its loop
  count_
};

struct Program {
  std::vector<PointwiseConstant> constants;
  std::vector<PointwiseStep> steps;
  std::vector<uint8_t> in, out;                // registers
  int registers = 0;
  bool rows = false;                           // some steps are narrow: one element for all of the last axis
};

struct Body;

struct Instruction {
  Op op;
  std::vector<int> in, out;                    // values
  std::vector<int> dims;                       // entries of Spec::dims
  std::vector<int64_t> flags;
  Program program;                             // pointwise
  int body = -1;                               // scan: entry of Spec::bodies; strip: of Spec::strips
  std::string where;                           // for error texts
};

// A recurrence. in: initial states, sequences, captured values, [lengths]; out: final states, stacked outputs.
// dims: steps, rows of the batch, then elements of a slice of each sequence, then of each stacked output, then of each state.
struct Body {
  std::vector<Instruction> code;
  std::vector<int> states, slices, captured;   // values that stand for the inputs
  std::vector<int> new_states, outputs;        // values that hold the results
  bool reverse = false, lengths = false;
  bool by_row = false;                         // the values of the batch in it have its rows outermost, and no row meets another
  std::vector<int> traced;                     // by state: the output that stacks it and has room for the initial state one step before its first; or -1
};

// A scan and what runs beside it, some time steps at a time: before it products and programs that make its sequences, and sums over what
// else those make; behind it products of, and sums over, the rows of what it stacks. All are instructions on whole sequences, and could run one after another.
struct Strip {
  std::vector<Instruction> code;               // one of them the scan
  std::vector<int> local;                      // values that nobody else names
  std::vector<int> sums;                       // positions in code of products and sums over time; the others are row by row
};

struct Segment { bool rows; std::vector<Instruction> code; };

// Work that ends with a row: of loops that stop at the last row that is not finished, and of what walks only their rows.
struct Ragged {
  int lengths;                                 // value, an input
  int steps, work;                             // dims: time steps; floating-point operations a run, if all rows had them all
};

struct Update { int variable_value; int from; }; // copy after everything else; both are values

struct Spec {
  std::vector<Dim> dims;
  int symbols = 0;                             // how many; 0 is the batch
  std::vector<Value> values;
  std::vector<Segment> segments;               // run in order; rows segments once a shard
  std::vector<Segment> last;                   // instructions that write variables: only after the guard held (not rows)
  std::vector<Update> updates;
  std::vector<Body> bodies;
  std::vector<Strip> strips;
  std::vector<int> inputs;                     // values
  std::vector<int> input_steps;                // by input: dim of its steps, if all rows of a step are to lie together; or -1
  std::vector<bool> input_rows;                // by input: only element-wise work in strips reads it, rows of whole vectors, or products row by row: it may stay where it lies
  std::vector<int> outputs;                    // values
  std::vector<bool> output_given;              // by output, of the batch: copies, which write it, are all that names it: it may lie where the caller wants it. Empty: none
  std::vector<int> partials;                   // values summed over shards at the end of the rows segment that makes them
  std::vector<int> partial_segment;            // which segment that is
  int guard = -1;                              // value or -1
  bool shardable = false;
  int row_work = -1;                           // dim: floating-point operations a run, roughly (for the number of shards)
  std::vector<Ragged> ragged;                  // what of them depends on lengths (for where shards are cut)
};
// clang-format on

}  // namespace elman
