// The one thread that owns the model: jobs from the queue and calls that somebody waits for take
// turns on it.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "engine/engine.h"
#include "jobs/queue.h"
#include "server/engine_calls.h"
#include "server/library.h"

namespace shijian {

class Worker {
 public:
  // Called on the worker's thread when a job has been answered.
  using Finished = std::function<void(const Timing&, const Usage&, const Reuse&)>;

  // Starts the thread. `engine`, `queue`, `calls` and `library` outlive the worker. `calls` wakes
  // the queue when one arrives.
  Worker(Engine& engine, JobQueue& queue, EngineCalls& calls, Library& library,
         Finished finished = {});
  // Stops the running job, which is queued again for the next start, or the running call, and
  // waits.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  void loop();
  void run(const Job& job, const CancelToken& cancel);
  OrderedJson answer(const Job& job, const RunHooks& hooks);

  Engine& engine_;
  JobQueue& queue_;
  EngineCalls& calls_;
  Library& library_;
  Finished finished_;
  CancelSource stop_;
  std::thread thread_;
};

}  // namespace shijian
