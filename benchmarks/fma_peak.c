/* Rate of fused multiply-adds on one CPU, in GF/s: twelve independent chains of the widest vectors.
   Twelve hide the latency of four cycles on two units. Build: cc -O3 -march=native fma_peak.c for the peak of a machine,
   and with -shared -fPIC for fma_rate, which programs call between what they time. */
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define CHAINS 12

typedef float vec __attribute__((vector_size(LANES * 4)));

double fma_rate(long steps) {
  vec chain[CHAINS];
  volatile float seed = 0.999999f;
  vec factor, term;
  for (int i = 0; i < LANES; ++i) factor[i] = seed, term[i] = 1.0f - seed;
  for (int c = 0; c < CHAINS; ++c) chain[c] = term * (float)c;
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long s = 0; s < steps; ++s)
    for (int c = 0; c < CHAINS; ++c) chain[c] = chain[c] * factor + term;
  clock_gettime(CLOCK_MONOTONIC, &end);
  volatile float sink = 0;
  for (int c = 0; c < CHAINS; ++c) sink += chain[c][0];
  double seconds = (end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec);
  return 2.0 * LANES * CHAINS * steps / seconds * 1e-9;
}

int main(void) {
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    double rate = fma_rate(2000000);
    if (rate > best) best = rate;
  }
  printf("%.1f\n", best);
  return 0;
}
