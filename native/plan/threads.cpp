#include "threads.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "floating_point.h"

namespace elman {
namespace {

// Looks before a thread sleeps, at 0.3 microseconds each where nobody else wants the CPU: of a worker, that the next step may ask
// for, and of a caller whose workers are about to be done.
constexpr int spins = 2000, last_spins = 200;

std::atomic<int> missing{0};
std::atomic<bool> told{false};

struct Pool {
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::vector<std::thread> workers;
  const std::function<void(int)>* task = nullptr;
  std::atomic<int> next{0}, pending{0};
  std::atomic<uint64_t> generation{0};
  int count = 0, allowed = 0;

  void work(int id) {
    FlushDenormals flush;
    uint64_t seen = 0;
    const std::function<void(int)>* mine = nullptr;
    int tasks = 0;
    for (;;) {
      for (int i = 0; i < spins && generation.load(std::memory_order_acquire) == seen; ++i) std::this_thread::yield();
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return generation.load() != seen; });
        seen = generation.load();
        if (id >= allowed || task == nullptr) continue;
        mine = task;
        tasks = count;
        ++pending;
      }
      drain(*mine, tasks);
      if (--pending == 0) {
        std::lock_guard lock(mutex);
        finished.notify_all();
      }
    }
  }

  void drain(const std::function<void(int)>& what, int tasks) {
    for (int i = next.fetch_add(1); i < tasks; i = next.fetch_add(1)) what(i);
  }

  void run(int tasks, int threads, const std::function<void(int)>& what, const std::function<void()>& idle) {
    {
      std::lock_guard lock(mutex);
      while (static_cast<int>(workers.size()) < threads - 1) {
        int id = static_cast<int>(workers.size());
        try {
          workers.emplace_back([this, id] { work(id); });
        } catch (const std::
                     system_error&) {  // of the limits of a user or a container; the caller does all that nobody takes
          if (!told.exchange(true)) missing = threads - 1 - id;
          break;
        }
      }
      task = &what;
      count = tasks;
      allowed = threads - 1;
      next = 0;
      ++generation;
    }
    wake.notify_all();
    drain(what, tasks);
    for (int i = 0; i < last_spins && pending.load() > 0; ++i) std::this_thread::yield();
    std::unique_lock lock(mutex);
    task = nullptr;  // a worker that wakes only now finds nothing to join
    while (!finished.wait_for(lock, std::chrono::milliseconds(10), [&] { return pending.load() == 0; })) idle();
  }
};

// Leaked on purpose: workers wait for ever, and joining them at exit could wait for ever too.
Pool* pool = nullptr;
std::mutex* callers = new std::mutex;

void after_fork() {
  pool = nullptr;  // the parent's threads do not exist here; neither do the locks they may hold
  callers = new std::mutex;
}

}  // namespace

int threads_missing() { return missing.load(std::memory_order_relaxed) == 0 ? 0 : missing.exchange(0); }

void parallel(int count, int threads, const std::function<void(int)>& task, const std::function<void()>& idle) {
  if (count == 1 || threads <= 1) {
    for (int i = 0; i < count; ++i) task(i);
    return;
  }
  static const int registered = pthread_atfork(nullptr, nullptr, after_fork);
  (void)registered;
  // One caller at a time has the pool; another (a second Python thread) does its work alone instead of waiting.
  std::unique_lock lock(*callers, std::try_to_lock);
  if (!lock.owns_lock()) {
    for (int i = 0; i < count; ++i) task(i);
    return;
  }
  if (pool == nullptr) pool = new Pool;
  pool->run(count, threads < count ? threads : count, task, idle);
}

}  // namespace elman
