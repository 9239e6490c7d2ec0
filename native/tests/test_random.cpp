#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

struct Words {
  uint32_t word[4];
};

Words philox(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t(counter.word[0]) * 0xD2511F53u, p1 = uint64_t(counter.word[2]) * 0xCD9E8D57u;
    counter = {{uint32_t(p1 >> 32) ^ counter.word[1] ^ key0, uint32_t(p1), uint32_t(p0 >> 32) ^ counter.word[3] ^ key1,
                uint32_t(p0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

}  // namespace

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10): all zero, all one, digits of pi.
TEST(philox_known_answers) {
  const Words zero = philox({{0, 0, 0, 0}}, 0, 0);
  CHECK(zero.word[0] == 0x6627E8D5u && zero.word[1] == 0xE169C58Du && zero.word[2] == 0xBC57AC4Cu &&
        zero.word[3] == 0x9B00DBD8u);
  const Words pi = philox({{0x243F6A88u, 0x85A308D3u, 0x13198A2Eu, 0x03707344u}}, 0xA4093822u, 0x299F31D0u);
  CHECK(pi.word[0] == 0xD16CFE09u && pi.word[1] == 0x94FDCCEBu && pi.word[2] == 0x5001E420u &&
        pi.word[3] == 0x24126EA1u);
}

TEST(uniform_is_philox_by_position) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    for (int64_t width : {0, 1, 3, 4, 5, 8, 33, 100})
      for (int64_t rows : {0, 1, 7}) {
        Buffer<R> to(rows * width);
        const uint64_t seed = 0x0123456789ABCDEFu;
        kernels.uniform({seed, 5, 9, 1000, rows, width, to});
        CHECK(to.intact());
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < width; ++j) {
            const Words w = philox({{uint32_t(j / 4), uint32_t(1000 + i), 9, 5}}, uint32_t(seed), uint32_t(seed >> 32));
            CHECK(to[i * width + j] == R(w.word[j % 4] >> 8) * R(0x1p-24));
          }
      }
  });
}
