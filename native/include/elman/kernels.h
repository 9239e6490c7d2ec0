// The contract between the plan (native/plan) and the kernels (native/kernels).
//
// A kernel is single-threaded, allocates nothing, keeps no state and knows no graph. Every pointer below says its
// shape, who owns it, what it may alias and how long it lives. Unless a line says otherwise a pointer is owned by the
// caller, is only used during the call, does not alias another argument, and is readable (not writable) for
// `padding` bytes past its last element, so that a vector load of a tail may run over the end.
//
// The same sources are compiled once per instruction set; `kernels<R>(isa)` returns the table of that build.
// R is the real type of a plan: float or double. Indices are int32_t. Sizes and strides count elements, not bytes.
#pragma once
#include <cstddef>
#include <cstdint>

namespace elman {

// clang-format off: one line a contract, its comment beside it
inline constexpr int max_axes = 8;             // rank limit of a strided operand after collapsing
inline constexpr int tile = 1024;              // most elements of one pointwise register
inline constexpr int max_registers = 64;       // of one pointwise program
inline constexpr size_t alignment = 64;        // of every buffer the plan hands out
inline constexpr size_t padding = 128;         // readable bytes behind every buffer

enum class Storage : uint8_t { real, index, code };  // R, int32_t or int8_t. Truth values are stored as R: 0 or 1.
template <class R>
constexpr int64_t item_bytes(Storage s) { return s == Storage::real ? sizeof(R) : s == Storage::index ? 4 : 1; }

// ---- contraction -----------------------------------------------------------------------------------------------
// c(m,n) = init(m,n) + sum over k of a(m,k) * b(k,n). Each element is one chain of fused multiply-adds in the order
// k = 0 .. K-1 starting from init, whatever M and the tiling are: a row alone gives the same bits as in a batch. Where A's columns are
// contiguous and N is at most two vectors it is the sum of several such chains, an equal part of K each, the first from init: of four
// where K is at least 96, of two where it is at least 32.
template <class R>
struct Matmul {
  int64_t m, n, k;            // any may be 0; k == 0 copies init
  const R* a;                 // (M, K): a[i * a_row + j * a_col]; any strides
  int64_t a_row, a_col;
  const R* b;                 // (K, N): b[i * b_row + j * b_col]; ignored when packed is set
  int64_t b_row, b_col;
  const R* packed;            // what pack() wrote for this b, or nullptr
  const R* init;              // (M, N), rows init_row apart, columns contiguous; nullptr: zeros; init_row 0: one row for all (a bias)
  int64_t init_row;
  R* c;                       // (M, N), rows c_row apart, columns contiguous. May equal init if init_row == c_row. Nothing outside (M, N) is written
  int64_t c_row;
  R* scratch;                 // packed_size(k, n) elements, aligned; contents are lost. Needed unless packed is set
  bool back = false;          // a hint for one row: columns last to first. Who asks for both in turn finds in the cache what was read last
  const R* const* rows = nullptr;  // with packed: where each row of A lies, its columns contiguous, instead of a. Readable no further than its end
  int64_t others = 0;         // a hint for one row: bytes of other matrices that are read before this one is read again
  bool* finite = nullptr;     // with rows: becomes false where one of their elements is NaN or infinite. May be nullptr
};

template <class R>
using MatmulFunction = void (*)(const Matmul<R>&);

// How one kind of product is done. Sizes in elements of R; scratch is needed by every call, packed or not. What is packed and scratch are
// opaque. Each element's sum depends on its row of a and column of b alone.
// rounded: operands are rounded to bfloat16 (to nearest even), products and sums are real numbers of R; in the unit's order.
// split: floats as sums of three bfloat16 numbers, in the unit's order: errors are not larger than those of `plain`.
enum class Product : uint8_t { plain, rounded, split };
template <class R>
struct Products {
  int64_t (*packed_size)(int64_t k, int64_t n);
  int64_t (*scratch_size)(int64_t k, int64_t n);
  void (*pack)(R* packed, const R* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n);
  void (*matmul)(const Matmul<R>&);
  void (*together)(const Matmul<R>*, int64_t count);                    // several of one `packed`, k and n: the same bits. May be nullptr
};

// c(m,n) = step(m) * scale(n) * sum over k of q(m,k) * b(n,k), in this order: q is a's row in whole numbers, row / step rounded to the
// nearest, halves to even; step its largest size / 127. Sums are exact: the same bits on every instruction set, whatever M. A row with
// NaN or infinity gives NaN, one below 2^-100 throughout gives 0.
struct QuantizedMatmul {
  int64_t m, n, k;            // any may be 0; k <= 2^17, so that no sum overflows 32 bits
  const float* a;             // (M, K), rows a_row apart, columns contiguous
  int64_t a_row;
  const int8_t* b;            // (N, K), contiguous: a row is a column of the matrix. -127 .. 127
  const float* scale;         // (N)
  float* c;                   // (M, N), rows c_row apart, columns contiguous
  int64_t c_row;
  int8_t* scratch;            // quantized_scratch(m, k) bytes, aligned; contents are lost
};

// ---- windows ---------------------------------------------------------------------------------------------------
// A window that moves along the two middle axes of x (rows, height, width, channels), contiguous. Element (i, j) of the window at
// place (y, x) of the outputs looks at line y * stride_h + i * dilation_h - before_h of x, and so across; outside x is padding.
// One axis: height, kernel_h and out_h are 1. `before` may be negative.
struct Window {
  int64_t rows, height, width, channels;
  int64_t kernel_h, kernel_w, out_h, out_w, stride_h, stride_w, dilation_h, dilation_w, before_h, before_w;
};
// y (rows, out_h, out_w, filters) = bias + sum over the window of x * kernel (kernel_h, kernel_w, channels, filters); padding is 0.
// bias (filters) or nullptr. scratch: conv_scratch(window, filters) elements, aligned; contents are lost.
template <class R> struct Conv { Window window; int64_t filters; const R *x, *kernel, *bias; R *y, *scratch; };
// to (kernel_h, kernel_w, channels, filters) = sum over all places of the window of x times g (rows, out_h, out_w, filters). Else as Conv.
template <class R> struct ConvKernel { Window window; int64_t filters; const R *x, *g; R *to, *scratch; };
// y (rows, out_h, out_w, channels): the mean of the window, or its first largest (NaN counts as largest), or what stands there in
// values (shape of x; nullptr: x itself). Padding takes no part; a window of -inf alone takes 0 of values.
template <class R> struct Pool { bool average; Window window; const R *x, *values; R* y; };
// to (shape of x) = g (rows, out_h, out_w, channels) added to all of the window, divided, or where the first largest of x stands (not at -inf)
template <class R> struct Unpool { bool average; Window window; const R *x, *g; R* to; };

// ---- pointwise -------------------------------------------------------------------------------------------------
// A program over registers, run over the `count` elements of the outputs' shared shape, a part of them at a time.
// NaN and infinity behave as IEEE 754 and NumPy say: max/min/relu keep NaN, comparisons with NaN are 0 (not_equal has no code: not(equal)).
enum class PointwiseCode : uint8_t {
  copy, neg, abs, sign, floor, ceil, round /* half to even */, sqrt, reciprocal, rsqrt, exp, expm1, log, log1p,
  tanh, sigmoid, relu, softplus, erf, sin, cos, logical_not, is_nan, is_inf,                    // a
  add, sub, mul, div, pow, max, min, mod /* sign of the divisor, as numpy.mod */,
  equal, less, less_equal, logical_and, logical_or,                                             // a, b
  where /* a != 0 ? b : c */, multiply_add /* a * b + c */,                                     // a, b, c
  product /* a * b * c */, sum_product /* (a + b) * c */, difference_product /* (a - b) * c */, // rounded at each, unlike multiply_add
  less_product /* c - a * b */,
  row_sum, row_max, row_min, row_prod, row_dot /* a * b, summed */,                             // a, b, over a row, as Reduce does it
  count_
};
inline constexpr PointwiseCode first_row_code = PointwiseCode::row_sum;
// Registers; `to` may equal an operand, but not an input's or a constant's. narrow: it has one element a row, as all results of rows, and
// all that is made of such alone.
struct PointwiseStep { PointwiseCode code; uint8_t to, a, b, c; bool narrow = false; };
struct PointwiseConstant { uint8_t to; double value; };             // a register that holds one value throughout
struct PointwiseInput {
  uint8_t to;                                  // register that receives its elements
  Storage storage;                             // index inputs are converted to R
  uint8_t axes;                                // 0: contiguous, same shape as the outputs (read in place); else the broadcast below
  int64_t size[max_axes], stride[max_axes];    // the outputs' shape collapsed, outermost first; stride 0 repeats. A scalar: axes 1, size count, stride 0
};
struct PointwiseOutput {
  uint8_t from;                                // register
  Storage storage;                             // index outputs are rounded to the nearest int32
  bool in_place;                               // the output buffer is also an input's: written after a part's last step
  uint8_t axes = 0;                            // 0: contiguous; else walked as an input is, no element twice
  int64_t size[max_axes] = {}, stride[max_axes] = {};  // of what is narrow: the last stride is 0
};
// How the operands of a program lie, found once by lay(): for calls that differ in their pointers, and in how many rows they take.
inline constexpr int max_known_operands = 16;  // of a program that is compiled as a whole
enum class Lies : uint8_t {
  rows, blocks,                                // in place: in rows at even distances; in rows that jump from block to block
  run, one,                                    // in place: one element a row, side by side; one element for all
  vector, elements, anyhow                     // gathered and scattered: one vector for all; one element a row; any other
};
struct LaidOperand {
  Lies lies;
  int64_t apart;                               // in place: elements from row to row
  uint8_t r = 0;                               // its register
  bool direct = false;                         // of an output: what makes it writes there
};
struct Laid {
  int64_t columns;                             // of a row, whole vectors; 0: all of it is one row
  int64_t block;                               // rows of a block; 0: nothing lies in blocks
  int64_t part_rows, part_columns;             // of a part, at most
  bool at_once;                                // compiled as a whole, and all lies in rows: one part
  LaidOperand in[max_registers], out[max_registers];
  int32_t place[max_registers];                // by register that is not an operand's memory: elements from the start of scratch
};
inline constexpr int register_gap = 16;        // elements between two registers, at least
inline constexpr int64_t register_bytes = 24 * 1024;  // of the first cache, for all registers of a part. Longer rows that are reduced take more
inline constexpr int longest_end = 64;         // elements of a part that ends inside a vector: registers then hold what else is made in place
constexpr int64_t pointwise_scratch(int registers, bool rows = true, int64_t item = 4) {
  const int64_t whole = int64_t(registers) * tile, held = register_bytes / item + int64_t(registers) * longest_end;
  return (rows || whole < held ? whole : held) + int64_t(registers) * 2 * register_gap;
}
template <class R>
struct Pointwise {
  int64_t count;
  const PointwiseInput* inputs;       const void* const* in;   int n_inputs;
  const PointwiseConstant* constants; int n_constants;
  const PointwiseStep* steps;         int n_steps;
  const PointwiseOutput* outputs;     void* const* out;        int n_outputs;   // out[i]: count elements
  int n_registers;
  R* scratch;                                  // pointwise_scratch(n_registers, row > 0, sizeof(R)) elements, aligned; contents are lost
  int64_t row = 0;                             // elements of a row where steps are narrow: whole vectors, at most `tile`; else 0
  int known = -1;                              // what known_program() says of it: it is compiled as a whole. Same bits
  const Laid* laid = nullptr;                  // what lay() found of it with this `known`
};
// The place among the programs that are compiled as a whole of one with these inputs, constants, steps and outputs; -1: none
template <class R> int known_program(const Pointwise<R>& p);

// ---- reduction -------------------------------------------------------------------------------------------------
enum class ReduceKind : uint8_t { sum, max, min, prod };
// from (outer, length, inner) contiguous -> to (outer, inner). length 0 gives 0, -inf, +inf, 1. max/min keep NaN.
// sum is accurate to O(log length) roundings (pairwise or blocked) and its order depends on the three sizes only.
template <class R> struct Reduce { ReduceKind kind; int64_t outer, length, inner; const R* from; R* to; };
// index of the first largest element along length (NaN counts as largest, as NumPy)
template <class R> struct ArgMax { int64_t outer, length, inner; const R* from; int32_t* to; };
// the k <= columns largest elements of each row, best first, and their places, which of equals is the first; NaN counts as largest
template <class R> struct TopK { int64_t rows, columns, k; const R* from; R* to; int32_t* places; };
// rows x columns, both contiguous; to may equal from. log: log-softmax. Stable for any finite input; a row of -inf gives NaN.
template <class R> struct Softmax { bool log; int64_t rows, columns; const R* from; R* to; };
// running sum along length, from/to (outer, length, inner); reverse: from the end; exclusive: without the element itself
template <class R> struct CumSum { bool reverse, exclusive; int64_t outer, length, inner; const R* from; R* to; };

// loss[i] = log(sum over n of e^z(i,n)) - z(i, index[i]) of the logits z = x w + bias; best: index of z's largest, as ArgMax. With g also
// the gradients of sum over i of g[i] loss[i]. Returns -1, or the position of the first index outside [0, N): then nothing is written.
template <class R>
struct LinearCrossEntropy {
  int64_t rows, k, n;
  int64_t block;              // rows whose logits are held at a time: linear_block(n)
  const R* x;                 // (rows, K), contiguous
  const R* w;                 // (K, N), contiguous
  const R* bias;              // (N)
  const int32_t* index;       // (rows)
  const R* g;                 // (rows), or nullptr: loss and best only
  R* loss;                    // (rows)
  int32_t* best;              // (rows)
  R *dx, *dw, *db;            // (rows, K), (K, N), (N), all overwritten; nullptr without g
  R* logits;                  // (block, N), aligned; contents are lost
  R* scratch;                 // aligned, the most that any of the three products needs; contents are lost
  void (*product)(const Matmul<R>&);  // the matrix product of this instruction set
};
constexpr int64_t linear_block(int64_t n) {   // 8 MB of float logits, and enough rows that dw's traffic is small beside the products
  const int64_t rows = (int64_t{1} << 21) / (n > 0 ? n : 1);
  return rows < 32 ? 32 : rows > 256 ? 256 : rows;
}

// ---- movement (item: 4 or 8 bytes) -----------------------------------------------------------------------------
// to[sum i_a * to_stride_a] = from[sum i_a * from_stride_a] for every index below size. Strides may be 0 in from, negative in both.
// Serves transposition, slicing, expansion, concatenation and padding. add: to += from (real items only).
struct Copy { int item; bool add; int axes; const int64_t* size; const int64_t* to_stride; const int64_t* from_stride; const void* from; void* to; };
// to (tables, count, width) = rows of from (tables, rows, width) at index (tables, count). Returns -1, or the position of the first index
// outside [0, rows): nothing past it is written.
struct Gather { int item; int64_t tables, rows, width, count; const int32_t* index; const void* from; void* to; };
// to (tables, rows, width) += from (tables, count, width) at index (tables, count), in its order. Returns as Gather. `to` is not cleared.
template <class R> struct ScatterAdd { int64_t tables, rows, width, count; const int32_t* index; const R* from; R* to; };

// ---- numbers ---------------------------------------------------------------------------------------------------
// Uniform [0, 1) from Philox4x32-10 (Salmon et al. 2011): key (seed_low, seed_high), counter (block, row, node, step) with block = column / 4;
// element = (word[column % 4] >> 8) * 2^-24, in float and in double alike. to (rows, width); row = first_row + position.
template <class R> struct Uniform { uint64_t seed; uint32_t step, node; int64_t first_row, rows, width; R* to; };
// position of the first NaN or infinity of from (count), or -1
template <class R> struct Finite { int64_t count; const R* from; };

template <class R>
struct Kernels {
  const char* name;                                                     // "baseline", "avx2", "avx512", "amx", "neon"
  int64_t (*packed_size)(int64_t k, int64_t n);                         // elements, with tails padded
  void (*pack)(R* packed, const R* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n);
  void (*matmul)(const Matmul<R>&);
  MatmulFunction<R> (*choose_matmul)(const Matmul<R>&);                 // what does products that differ from this one in pointers alone. Same bits
  void (*matmul_together)(const Matmul<R>*, int64_t count);
  int64_t (*quantized_scratch)(int64_t m, int64_t k);
  void (*quantized_matmul)(const QuantizedMatmul&);
  int64_t (*conv_scratch)(const Window&, int64_t filters);
  void (*conv)(const Conv<R>&);
  void (*conv_kernel)(const ConvKernel<R>&);
  void (*pool)(const Pool<R>&);
  void (*unpool)(const Unpool<R>&);
  void (*pointwise)(const Pointwise<R>&);
  bool (*lay)(const Pointwise<R>&, Laid&);                              // whether all operands lie in place; reads no element
  void (*reduce)(const Reduce<R>&);
  void (*arg_max)(const ArgMax<R>&);
  void (*top_k)(const TopK<R>&);
  void (*softmax)(const Softmax<R>&);
  void (*cum_sum)(const CumSum<R>&);
  int64_t (*linear_cross_entropy)(const LinearCrossEntropy<R>&);
  void (*copy)(const Copy&);
  int64_t (*gather)(const Gather&);
  int64_t (*scatter_add)(const ScatterAdd<R>&);
  void (*uniform)(const Uniform<R>&);
  int64_t (*finite)(const Finite<R>&);
  Products<R> bfloat16;
  bool bfloat16_unit;                                                   // whether a unit of the processor does them; else they are emulated
  Products<R> split;                                                    // of such a unit; without it nullptr

  Products<R> products(Product kind) const {
    return kind == Product::plain ? Products<R>{packed_size, packed_size, pack, matmul, matmul_together} : kind == Product::rounded ? bfloat16 : split;
  }
};

enum class Isa : uint8_t { baseline, avx2, avx512, amx };               // amx: avx512 and the tile unit. aarch64 has baseline only (NEON)
bool isa_supported(Isa isa);                                            // by this CPU and operating system, and built into this library
Isa best_isa();
template <class R> const Kernels<R>& kernels(Isa isa);                  // defined for float and double
// clang-format on

}  // namespace elman
