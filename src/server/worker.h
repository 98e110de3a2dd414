// The one thread that owns the model: takes jobs from the queue and runs them.
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
#include "server/library.h"

namespace shijian {

class Worker {
 public:
  // Called on the worker's thread when a job has been answered.
  using Finished = std::function<void(const Timing&, const Usage&)>;

  // Starts the thread. `engine`, `queue` and `library` outlive the worker.
  Worker(Engine& engine, JobQueue& queue, Library& library, Finished finished = {});
  // Stops the running job, which is queued again for the next start, and waits.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  void loop();
  void run(const Job& job, const CancelToken& cancel);
  OrderedJson answer(const Job& job, const RunHooks& hooks);

  Engine& engine_;
  JobQueue& queue_;
  Library& library_;
  Finished finished_;
  CancelSource stop_;
  std::thread thread_;
};

}  // namespace shijian
