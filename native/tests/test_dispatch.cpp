#include <cstring>

#include "check.h"

using namespace elman;
using namespace elman::test;

TEST(dispatch_offers_the_baseline_and_the_best) {
  CHECK(isa_supported(Isa::baseline));
  CHECK(isa_supported(best_isa()));
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512})
    if (isa_supported(isa)) CHECK(isa <= best_isa());
}

TEST(dispatch_gives_each_isa_its_own_kernels) {
#if defined(__x86_64__)
  const char* names[] = {"baseline", "avx2", "avx512"};
#else
  const char* names[] = {"neon", "neon", "neon"};
#endif
  for (int i = 0; i < 3; ++i) {
    CHECK(!std::strcmp(kernels<float>(Isa(i)).name, names[i]));
    CHECK(!std::strcmp(kernels<double>(Isa(i)).name, names[i]));
  }
}
