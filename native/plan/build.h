// From instructions to steps: one Builder makes the steps of one shard (or of the whole run) for one binding.
#pragma once
#include <functional>
#include <unordered_map>

#include "feed.h"
#include "layout.h"
#include "steps.h"
#include "strip.h"

namespace elman {

// Values of a body that move from step to step, and whose pointers inside steps must be set again each time.
struct Frame {
  Frame* parent = nullptr;
  std::unordered_map<int, std::vector<Field>*> moving;  // root value -> pointers to set
  std::unordered_map<int, int> captured;                // body value -> value of the parent
  const BodyLayout* layout = nullptr;
  char* block = nullptr;
};

template <class R>
class Builder {
 public:
  // address: of a value outside bodies: of a root, which is asked for by the name of a part or its own. sizes: evaluated for this shard.
  // layout: of this shard. first_row: of it in the batch.
  Builder(const Spec& spec, const Numbers& sizes, const Layout<R>& layout, const Kernels<R>& kernels,
          std::function<char*(int, int)> address, char* scratch, int64_t first_row)
      : spec_(spec),
        sizes_(sizes),
        kernels_(kernels),
        layout_(layout),
        address_(std::move(address)),
        scratch_(scratch),
        first_row_(first_row) {}

  // block: memory for the body of a scan or for a strip (ArenaLayout::block), or nullptr
  std::unique_ptr<Step> step(const Instruction& instruction, char* block, Frame* frame = nullptr, char* pack = nullptr,
                             Steps* before = nullptr);

  // Of inputs that are read row by row (Spec::input_rows): where their rows will lie. Set before the first step is made.
  std::unordered_map<int, RowsAt*> rows_at;
  // Of outputs that may lie with the caller (Spec::output_given): pointers to them, with the bytes they point behind the start.
  std::unordered_map<int, std::vector<Field>> given;

 private:
  int64_t size(const Instruction& i, size_t at) const { return sizes_[size_t(i.dims[at])]; }
  int64_t item(int value) const { return item_bytes<R>(spec_.values[size_t(value)].storage); }
  void bind(int value, void** field, Frame* frame);
  template <class T>
  void bind(int value, T** field, Frame* frame) {
    bind(value, reinterpret_cast<void**>(const_cast<std::remove_const_t<T>**>(field)), frame);
  }

  std::unique_ptr<MatmulStep<R>> matmul(const Instruction&, Frame*, char* pack, Steps* before);
  template <class Strided>
  void walk(const Instruction&, size_t n, Strided& operand) const;
  Numbers some(const Instruction& i, size_t first, size_t count) const;  // sizes of it
  PointwiseInput input(const Instruction&, size_t n) const;
  std::unique_ptr<PointwiseStepRun<R>> pointwise(const Instruction&, Frame*);
  std::unique_ptr<Step> integer(const Instruction&, Frame*);
  std::unique_ptr<Step> linear_cross_entropy(const Instruction&, Frame*);
  std::unique_ptr<Step> copy(const Instruction&, Frame*);
  std::unique_ptr<ScanStep> scan(const Instruction&, char* block, Frame*);
  void scan_slides(ScanStep&, const Instruction&, const BodyLayout&, Frame&);
  void scan_states(ScanStep&, const Instruction&, const BodyLayout&, Frame&);
  void scan_duplicates(ScanStep&, const Body&, const BodyLayout&, Frame&, bool by_row);
  std::unique_ptr<Step> strip(const Instruction&, char* block);
  // most: steps of the strip at a time
  std::unique_ptr<StripPart> strip_product(const Instruction&, int64_t steps, int64_t most,
                                           const std::vector<int>& local, bool sums, char* pack, Steps* packing);
  std::unique_ptr<StripSum<R>> strip_sum(const Instruction&, int64_t steps, const std::vector<int>& local);
  std::unique_ptr<StripPointwise<R>> strip_pointwise(const Instruction&, const std::vector<int>& local);
  std::unique_ptr<StripAdded<R>> strip_added(std::unique_ptr<StripPointwise<R>>, int64_t steps, const Strip&,
                                             const std::vector<int>& sums);
  std::unique_ptr<ScanStep> strip_loop(const Instruction&, const std::vector<int>& local, char* block);

  const Spec& spec_;
  const Numbers& sizes_;
  const Kernels<R>& kernels_;
  Layout<R> layout_;
  std::function<char*(int, int)> address_;
  char* scratch_;
  int64_t first_row_;
  std::vector<std::unique_ptr<BodyLayout>> layouts_;
};

}  // namespace elman
