// A test is a function in a list; CHECK counts failures and says where; Buffer watches the memory around an array.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "elman/kernels.h"
#include "tolerance.h"

namespace elman::test {

struct Test {
  const char* name;
  void (*run)();
};
inline std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}
inline int failures = 0;
inline const char* context = "";

#define TEST(name)                                                                                  \
  static void test_##name();                                                                        \
  static const bool listed_##name = (::elman::test::tests().push_back({#name, test_##name}), true); \
  static void test_##name()

#define CHECK(condition, ...)                                                                 \
  do {                                                                                        \
    if (!(condition) && ++::elman::test::failures <= 40) {                                    \
      std::printf("%s:%d: [%s] %s ", __FILE__, __LINE__, ::elman::test::context, #condition); \
      __VA_OPT__(std::printf(__VA_ARGS__);)                                                   \
      std::printf("\n");                                                                      \
    }                                                                                         \
  } while (0)

// n elements between guard zones of `padding` bytes, all bits set: NaN to a reader that uses what it must ignore.
template <class T>
struct Buffer {
  explicit Buffer(int64_t n, int64_t offset = 0) : size(n), bytes(padding + (n + offset) * sizeof(T) + padding) {
    if (posix_memalign(&memory, alignment, bytes)) std::abort();
    std::memset(memory, 0xFF, bytes);
    data = (T*)((char*)memory + padding) + offset;
  }
  Buffer(const Buffer& other) : Buffer(other.size) { std::memcpy(data, other.data, size * sizeof(T)); }
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(memory); }
  bool intact() const {
    const unsigned char* p = (const unsigned char*)memory;
    const unsigned char *first = (const unsigned char*)data, *last = (const unsigned char*)(data + size);
    for (size_t i = 0; i < bytes; ++i)
      if ((p + i < first || p + i >= last) && p[i] != 0xFF) return false;
    return true;
  }
  T& operator[](int64_t i) { return data[i]; }
  const T& operator[](int64_t i) const { return data[i]; }
  operator T*() { return data; }
  operator const T*() const { return data; }

  int64_t size;
  T* data;

 private:
  size_t bytes;
  void* memory;
};

struct Random {  // SplitMix64: the same numbers everywhere
  uint64_t state = 42;
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  double uniform(double low = -1, double high = 1) { return low + (high - low) * double(next() >> 11) * 0x1p-53; }
  int64_t below(int64_t n) { return int64_t(next() % uint64_t(n)); }
};
template <class R>
void randomize(Buffer<R>& b, Random& random, double low = -1, double high = 1) {
  for (int64_t i = 0; i < b.size; ++i) b[i] = R(random.uniform(low, high));
}

template <class T>
bool same_bits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Lays a pointwise program and runs it; whether all its operands lie in place
template <class R>
bool run(const Kernels<R>& kernels, Pointwise<R> p) {
  Laid laid;
  const bool in_place = kernels.lay(p, laid);
  p.laid = &laid;
  kernels.pointwise(p);
  return in_place;
}

// One code on whole buffers
template <class R>
void run_code(const Kernels<R>& kernels, PointwiseCode code, const Buffer<R>& a, const Buffer<R>& b, const Buffer<R>& c,
              Buffer<R>& to) {
  const PointwiseInput inputs[3] = {
      {0, Storage::real, 0, {}, {}}, {1, Storage::real, 0, {}, {}}, {2, Storage::real, 0, {}, {}}};
  const void* in[3] = {a.data, b.data, c.data};
  const PointwiseStep step{code, 3, 0, 1, 2};
  const PointwiseOutput output{3, Storage::real, false};
  void* out[1] = {to.data};
  Buffer<R> scratch(pointwise_scratch(4));
  run(kernels, {to.size, inputs, in, 3, nullptr, 0, &step, 1, &output, out, 1, 4, scratch});
  CHECK(to.intact() && scratch.intact());
}

// f(kernels, R()) for both real types of every instruction set of this processor
template <class F>
void each_isa(F f) {
  static char text[64];
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512, Isa::amx}) {
    if (!isa_supported(isa)) continue;
    std::snprintf(text, sizeof text, "%s float", kernels<float>(isa).name);
    context = text;
    f(kernels<float>(isa), float());
    if (isa == Isa::amx) continue;  // floats only
    std::snprintf(text, sizeof text, "%s double", kernels<double>(isa).name);
    f(kernels<double>(isa), double());
  }
  context = "";
}

}  // namespace elman::test
