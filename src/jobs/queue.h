// Job queue: HTTP threads submit jobs, the one engine thread takes them, subscribers are notified.
//
// The store is authoritative; the queue adds order, waiting, cancellation, progress, subscriptions.
// Thread-safe; the part for the engine is for one thread. No lock is held while a callback runs,
// and progress, text and statistics never wait for the disk. Errors are those of store.h.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "jobs/store.h"

namespace shijian::jobs {

// Progress within a stage, such as 12 of 30 in "encoding"; `total` is 0 when it is unknown. A
// queued job is in stage "queued".
struct JobProgress {
  std::string stage;
  int64_t done = 0;
  int64_t total = 0;
};

struct JobEvent {
  std::string id;
  JobState state = JobState::kQueued;
  JobProgress progress;            // stage "" when it has ended
  std::string text;                // not empty: a piece of the answer, nothing else has changed
  bool whole = false;              // `text` is all of the answer so far
  std::shared_ptr<const Job> job;  // the whole record, once it has ended
};

class JobQueue {
 public:
  struct Options {
    int64_t capacity = 1000;  // queued jobs
    int max_batch = 16;
    std::string crashed = {};  // as Store::recover() has it
  };
  // Takes over the store (Store::recover); jobs that were queued there are queued again. `store`
  // outlives the queue.
  JobQueue(Store& store, Options options);
  // No callback runs after its end. The engine must have stopped by then.
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  const Store::Recovery& recovery() const { return recovery_; }

  // For HTTP threads ------------------------------------------------------------------------------

  // All or none: QueueFullError, ConflictError as Store::add. Jobs are on the disk on return.
  Store::Added submit(const std::vector<JobRequest>& requests,
                      const std::optional<IdempotencyKey>& key = {});
  // A queued job is cancelled on return; a running one is asked to stop and ends soon, as cancelled
  // or, when it was nearly there, as something else. ConflictError when it has ended.
  Job cancel(const std::string& id);
  Job retry(const std::string& id);    // ConflictError unless failed or cancelled; QueueFullError
  void remove(const std::string& id);  // ConflictError while it runs; a queued one is cancelled

  JobProgress progress(const std::string& id) const;  // stage "" for a job that has ended

  // `callback` gets the present state first (for a running job also the text so far) and then every
  // change, in order, from one thread of the queue's own. It must not block: a slow one delays the
  // others (never the engine). What it throws is logged and ends nothing. It may call the queue,
  // unsubscribe() included. Shared state that it uses must live until it is destroyed, which may be
  // after unsubscribe() returns.
  using Callback = std::function<void(const JobEvent&)>;
  int64_t subscribe(const std::string& id, Callback callback);  // kNotFound
  int64_t subscribe_all(Callback callback);  // present state: of jobs that wait or run
  // Ends a subscription; a call that the queue's thread has begun may still be running. Unknown
  // numbers are ignored.
  void unsubscribe(int64_t subscription);

  struct Statistics {
    int64_t queued = 0;
    int64_t running = 0;
    int64_t capacity = 0;
    double oldest_seconds = 0;  // age of the job that waits longest
    int64_t done = 0;           // since the queue was made
    int64_t failed = 0;
    int64_t cancelled = 0;
  };
  Statistics statistics() const;

  // For the engine's thread -----------------------------------------------------------------------

  // Waits for queued jobs and returns those to run next, one group, at most max_batch: highest
  // priority first, in turn by client, oldest first. Empty once a stop is requested, and
  // when no job is queued and `other_work` holds, which is asked at first and after each wake().
  // The jobs are still queued: begin() each when its turn comes, the first before its
  // video is touched. What is not begun is given out again by the next take().
  std::vector<Job> take(const std::stop_token& stop, const std::function<bool()>& other_work = {});
  void wake();  // from any thread

  struct Begun {
    Job job;
    std::stop_token cancel;  // cancel() requests it
  };
  // queued -> running; empty when the job was cancelled or deleted since take(). A crash counts
  // against jobs that were begun and not finished, and against no other.
  std::optional<Begun> begin(const std::string& id);
  // Of a begun job; nothing for any other.
  void progress(const std::string& id, JobProgress progress);
  void text(const std::string& id, const std::string& piece);
  // Ends a job; must be called exactly once for each begin(), a second call throws ConflictError.
  // After a StoreError (disk full) the job is still running and the call may be repeated, as may
  // release().
  Job finish(const std::string& id, const Outcome& outcome);
  // Of a begun job whose video was not known when it was submitted.
  void set_video(const std::string& id, const std::string& video_id);
  // Puts a begun job back, for a program that stops: it is queued again, now or at the next start.
  void release(const std::string& id);

 private:
  // What is known of a job that waits or runs, beyond the store.
  struct Live {
    JobState state = JobState::kQueued;
    int64_t created = 0;
    int attempts = 0;
    std::stop_source cancel;
    JobProgress progress;
    std::string text;
  };
  struct Attempt {
    int number = 0;
    bool cancelled = false;
  };
  struct Subscriber {
    std::string id;  // "": all
    Callback callback;
    bool gone = false;
  };
  struct Delivery {
    std::shared_ptr<Subscriber> to;
    std::shared_ptr<const JobEvent> event;
  };

  // Under change_mutex_.
  Attempt attempt_of(const std::string& id) const;
  void set_queued(const std::vector<Job>& jobs);
  void set_ended(const Job& job);
  // Under mutex_.
  static JobEvent event_of(const std::string& id, const Live& live);
  int64_t add_subscriber(std::shared_ptr<Subscriber> subscriber);
  void publish(JobEvent event);

  void deliver(const std::stop_token& stop);  // the deliverer's main

  Store& store_;
  const Options options_;
  Store::Recovery recovery_;
  std::string last_client_;  // the engine's thread only

  // A change of state goes to the store and then to live_, as one step: whoever holds this sees
  // both agree. Progress, text and delivery need not wait for it, nor for the disk. Locked before
  // mutex_.
  std::mutex change_mutex_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable_any arrived_;
  std::condition_variable_any pending_;  // something to deliver
  std::map<std::string, Live> live_;
  uint64_t arrivals_ = 0;  // times that jobs were queued, or other work
  std::map<int64_t, std::shared_ptr<Subscriber>> subscribers_;
  std::deque<Delivery> deliveries_;
  int64_t next_subscription_ = 1;
  Statistics counted_;  // done, failed, cancelled
  std::jthread deliverer_;
};

}  // namespace shijian::jobs
