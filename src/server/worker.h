// Engine thread: the one thread that uses the model. Jobs of the queue and engine calls take turns.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/backoff.h"
#include "base/crash_note.h"
#include "engine/engine.h"
#include "jobs/queue.h"
#include "server/engine_calls.h"
#include "server/library.h"

namespace shijian::server {

class Worker {
 public:
  // Called on the worker's thread when a job has been answered.
  using Finished = std::function<void(const grounding::Timing&, const grounding::Usage&,
                                      const grounding::Reuse&)>;

  // Starts the thread. After a failure of the store it retries with growing pauses and answers
  // calls meanwhile. `engine`, `queue`, `calls` and `library` must outlive the worker; `calls` must
  // wake the queue when a call arrives. The id of the running job is written to `crash_note`.
  Worker(engine::Engine& engine, jobs::JobQueue& queue, EngineCalls& calls, Library& library,
         Finished finished = {}, CrashNote* crash_note = nullptr);
  // Stops the running job, which is queued again for the next start, or the running call, and
  // waits.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  void loop(const std::stop_token& stop);
  void take_turns(const std::stop_token& stop);
  void run(const jobs::Job& job, const std::stop_token& cancel, const std::stop_token& stop);
  OrderedJson answer(const jobs::Job& job, const engine::RunHooks& hooks);
  void settle(const jobs::Job& job, const std::stop_token& stop,
              const std::function<void()>& write);
  void pause(const std::exception& error, Backoff& backoff, const std::stop_token& stop);

  engine::Engine& engine_;
  jobs::JobQueue& queue_;
  EngineCalls& calls_;
  Library& library_;
  Finished finished_;
  CrashNote* crash_note_;
  std::jthread thread_;
};

}  // namespace shijian::server
