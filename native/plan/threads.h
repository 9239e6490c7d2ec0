// One pool of threads for the process. Work is a number of independent tasks; the caller takes part.
//
// Threads start at the first use, never at import; after a fork the child finds no threads and starts its own. A task must not throw.
#pragma once
#include <functional>

namespace elman {

// Run task(0) ... task(count-1) on at most `threads` threads, the caller among them; returns when all are done. While
// the caller has nothing left to do but wait it calls `idle` every few milliseconds.
// Where the system starts no more threads, those that there are do the work.
void parallel(int count, int threads, const std::function<void(int)>& task, const std::function<void()>& idle = [] {});

// How many threads the system has refused, the first time that it is asked of this; else 0.
int threads_missing();

}  // namespace elman
