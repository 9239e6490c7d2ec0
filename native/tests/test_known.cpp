// Programs compiled as a whole: the same bits as one step at a time.
#include "check.h"
#include "pointwise/known.h"

using namespace elman;
using namespace elman::test;

namespace {

struct Setting {
  int64_t rows, columns, width;  // width: from row to row in every second operand
  bool in_place;                 // the first output is the first input's memory
  bool narrow = false;           // the second input has one element a row
};

// What program n writes, run as a whole or step by step; everything it needs is made anew from the same seed.
std::vector<Buffer<float>> results(const Kernels<float>& kernels, int n, bool whole, const Setting& s) {
  const KnownProgram& k = Known::programs[n];
  Random random;
  const int64_t count = s.rows * s.columns;
  std::vector<Buffer<float>> in, out;
  in.reserve(size_t(k.n_inputs)), out.reserve(size_t(k.n_outputs));
  std::vector<PointwiseInput> inputs;
  std::vector<PointwiseOutput> outputs;
  std::vector<PointwiseConstant> constants;
  std::vector<const void*> from;
  std::vector<void*> to;
  for (int i = 0; i < k.n_inputs; ++i) {
    const bool apart = i % 2 == 1 && s.width > s.columns, scalar = i == 3;
    in.emplace_back(apart ? s.rows * s.width : count);
    randomize(in.back(), random, 0.1, 2);
    PointwiseInput input{k.inputs[i], Storage::real, 0, {}, {}};
    if (scalar) input = {k.inputs[i], Storage::real, 1, {count}, {0}};
    else if (s.narrow && i == 1) input = {k.inputs[i], Storage::real, 2, {s.rows, s.columns}, {1, 0}};
    else if (apart) input = {k.inputs[i], Storage::real, 2, {s.rows, s.columns}, {s.width, 1}};
    inputs.push_back(input);
    from.push_back(in.back().data);
  }
  for (int o = 0; o < k.n_outputs; ++o) {
    const bool apart = o % 2 == 1 && s.width > s.columns, shared = o == 0 && s.in_place;
    out.emplace_back(apart ? s.rows * s.width : count);
    randomize(out.back(), random);
    PointwiseOutput output{k.outputs[o], Storage::real, shared};
    if (apart) output = {k.outputs[o], Storage::real, false, 2, {s.rows, s.columns}, {s.width, 1}};
    outputs.push_back(output);
    to.push_back(shared ? in[0].data : out.back().data);
  }
  for (int c = 0; c < k.n_constants; ++c) constants.push_back({k.constants[c], random.uniform(0.1, 1)});
  Buffer<float> scratch(pointwise_scratch(k.registers));
  Pointwise<float> call{count,     inputs.data(),  from.data(), k.n_inputs,  constants.data(), k.n_constants, k.steps,
                        k.n_steps, outputs.data(), to.data(),   k.n_outputs, k.registers,      scratch};
  CHECK(known_program(call) == n, "program %d", n);
  if (whole) call.known = n;
  run(kernels, call);
  CHECK(scratch.intact(), "program %d", n);
  for (auto& buffer : in) CHECK(buffer.intact(), "program %d", n);
  for (auto& buffer : out) CHECK(buffer.intact(), "program %d", n);
  if (s.in_place) out.push_back(in[0]);
  return out;
}

}  // namespace

TEST(known_programs_give_the_bits_of_their_steps) {
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    context = kernels<float>(isa).name;
    for (int n = 0; n < Known::count; ++n) {
      for (const Setting& s : {Setting{1, 1, 0, false},
                               {1, 16, 0, true},
                               {1, 37, 0, false},
                               {1, 3000, 0, true},
                               {5, 16, 64, false},
                               {9, 64, 192, false},
                               {2, 2048, 4096, false},
                               {1, 8208, 0, true},       // longer than any tile
                               {130, 64, 192, false},
                               {130, 64, 192, false, true},
                               {9, 7, 0, true, true},
                               {3, 7, 21, false}}) {
        const auto steps = results(kernels<float>(isa), n, false, s), whole = results(kernels<float>(isa), n, true, s);
        for (size_t o = 0; o < steps.size(); ++o)
          CHECK(std::memcmp(steps[o].data, whole[o].data, size_t(steps[o].size) * sizeof(float)) == 0,
                "program %d, output %d, %ld x %ld", n, int(o), long(s.rows), long(s.columns));
      }
    }
  }
  context = "";
}

TEST(known_programs_are_told_apart) {
  KnownProgram k = Known::programs[0];
  const PointwiseInput inputs[] = {{k.inputs[0], Storage::real, 0, {}, {}}};
  const PointwiseOutput outputs[] = {{k.outputs[0], Storage::real, false}, {k.outputs[1], Storage::real, false}};
  const PointwiseConstant constant{k.constants[0], 1};
  CHECK(k.n_inputs == 1 && k.n_outputs == 2 && k.n_constants == 1);
  const auto number = [&] {
    return known_program(Pointwise<float>{1, inputs, nullptr, 1, &constant, 1, k.steps, k.n_steps, outputs, nullptr, 2,
                                          k.registers, nullptr});
  };
  CHECK(number() == 0);
  k.steps[0].code = PointwiseCode::sin;
  CHECK(number() == -1);
}
