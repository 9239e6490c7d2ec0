// elman_native_tests [part of a name]: runs the tests, or those whose name contains the argument.
#include <chrono>

#include "check.h"

int main(int count, char** arguments) {
  using namespace elman::test;
  int run = 0;
  for (const Test& test : tests()) {
    if (count > 1 && !std::strstr(test.name, arguments[1])) continue;
    const int before = failures;
    const auto start = std::chrono::steady_clock::now();
    test.run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%-44s %s %6.2f s\n", test.name, failures == before ? "ok  " : "FAIL", seconds);
    ++run;
  }
  std::printf("%d tests, %d failed checks\n", run, failures);
  return failures || !run;
}
