#include "turns.h"

#include <pthread.h>

namespace elman {
namespace {

int forked = 0;
void after_fork() { ++forked; }
const int registered = pthread_atfork(nullptr, nullptr, after_fork);

}  // namespace

int Turns::forks() {
  (void)registered;
  return forked;
}

void Turns::meet() {
  if (forks_ == forks()) {
    if (owner_.load(std::memory_order_relaxed) == std::this_thread::get_id()) throw Reentered{};
    return;
  }
  forks_ = forks();  // a child has one thread when it begins
  (void)mutex_.release();  // somebody may hold it who is not here
  mutex_ = std::make_unique<std::mutex>();
  if (owner_.exchange(std::thread::id()) != std::thread::id()) lost_();
}

}  // namespace elman
