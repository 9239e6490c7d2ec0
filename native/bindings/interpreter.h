// Native work without Python's lock, which other threads have meanwhile.
//
// An interpreter that ends stops a daemon thread that asks for its lock by unwinding the thread's stack, which C++ takes for an error
// and ends the process with. So threads that come back when it has begun to end wait here, and end with the process.
#pragma once
#include <nanobind/nanobind.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace elman {

namespace nb = nanobind;

class Released {
 public:
  Released() : state_(PyEval_SaveThread()) {}
  ~Released() { take_back(state_); }
  Released(const Released&) = delete;

  static void take_back(PyThreadState* state) {
    ++coming_;
    if (ending_ && std::this_thread::get_id() != last_) {
      --coming_;
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
    PyEval_RestoreThread(state);
    --coming_;
  }
  // Once, with the lock held. At exit those who wait for it already are let in first.
  static void stay_out_at_exit() {
    nb::module_::import_("atexit").attr("register")(nb::cpp_function([] {
      last_ = std::this_thread::get_id();
      ending_ = true;
      PyThreadState* const state = PyEval_SaveThread();
      for (int i = 0; i < 1000 && coming_ > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      PyEval_RestoreThread(state);
    }));
  }

 private:
  inline static std::atomic<bool> ending_{false};
  inline static std::thread::id last_;  // who ends the interpreter, and may run models while others may not
  inline static std::atomic<int> coming_{0};

  PyThreadState* state_;
};

// The lock for a moment, in the middle of work without it
class Taken {
 public:
  Taken() : state_(PyGILState_GetThisThreadState()) { Released::take_back(state_); }
  ~Taken() { PyEval_SaveThread(); }
  Taken(const Taken&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace elman
