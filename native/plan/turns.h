// Whose turn it is with a plan, which has one memory: threads come one after another.
//
// Who has the turn already is refused, where a std::mutex would wait for ever: a handler of a signal that comes in the middle of a run.
// A thread that had it when the process was forked does not exist in the child: there the turn is free again, and what the thread was
// at is lost.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace elman {

struct Reentered {};  // thrown where the same thread has the turn

class Turns {
 public:
  explicit Turns(std::function<void()> lost) : lost_(std::move(lost)) {}
  void lock() {
    meet();
    mutex_->lock();
    owner_ = std::this_thread::get_id();
  }
  bool try_lock() {
    meet();
    if (!mutex_->try_lock()) return false;
    owner_ = std::this_thread::get_id();
    return true;
  }
  void unlock() {
    owner_ = std::thread::id();
    mutex_->unlock();
  }

 private:
  void meet();

  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::atomic<std::thread::id> owner_{};
  std::function<void()> lost_;  // what to do about a run that a fork cut off
  int forks_ = forks();
  static int forks();  // of this process since it began, as the child counts
};

}  // namespace elman
