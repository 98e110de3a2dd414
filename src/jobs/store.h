// Jobs, videos, idempotency keys and webhooks in one SQLite file.
//
// Thread-safe. Every change is one transaction that is on the disk when the function returns.
// Readers have a connection of their own and never wait for a writer's disk. Several processes may
// open one file; at most one of them may run jobs (recover() sees to it).
//
// Errors: those of database.h; kNotFound for an id that is not there; kUsage for a value out of
// bounds; ConflictError and QueueFullError where named. Messages hold no local path.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/database.h"
#include "jobs/records.h"

namespace shijian::jobs {

// A job that the program crashed at this many times fails: it may be what crashes it. After the
// first time it is tried once more, alone.
inline constexpr int kMaxCrashes = 2;
inline constexpr int64_t kIdempotencyMilliseconds = 24 * 3600 * 1000;

int64_t now_milliseconds();

class Store {
 public:
  // Opens or makes the file; its folder must exist. `clock` gives milliseconds since 1970.
  explicit Store(const std::filesystem::path& path,
                 std::function<int64_t()> clock = now_milliseconds);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Not empty when a damaged file was moved aside: the line to show and to log.
  const Text& notice() const { return notice_; }
  int64_t now() const { return clock_(); }

  struct Recovery {
    int64_t requeued = 0;
    int64_t failed = 0;  // crashed kMaxCrashes times
  };
  // Prepares the one process that runs jobs. Takes a lock that is held until the store closes
  // (kUsage when another process holds it), then requeues the jobs that an earlier process left
  // running. `crashed` is the id of the job that was running when that process crashed; "" when it
  // was killed or ended otherwise, which counts against no job. Called by JobQueue.
  Recovery recover(const std::string& crashed = {});

  // Jobs ------------------------------------------------------------------------------------------

  struct Added {
    std::vector<Job> jobs;
    bool repeated = false;  // the key was known: these are the first call's jobs that still exist
  };
  // All or none. QueueFullError when more than `capacity` jobs would be queued; ConflictError when
  // the key was used with another body in the last 24 hours.
  Added add(const std::vector<JobRequest>& requests, int64_t capacity,
            const std::optional<IdempotencyKey>& key = {});
  // The jobs of an earlier add() with this key, those that still exist. ConflictError when it was
  // used with another body.
  std::optional<std::vector<Job>> repeated(const IdempotencyKey& key) const;

  Job job(const std::string& id) const;
  Page<Job> jobs(const JobFilter& filter, const PageRequest& page) const;  // newest first

  // The queued jobs that should run next, nothing changed: highest priority; among those the client
  // that follows `after_client` in a round; its oldest. Then up to `limit` - 1 more of the same
  // group, whoever's, by priority and age; a job that the program crashed at comes alone. Empty
  // when none is queued.
  std::vector<Job> choose(const std::string& after_client, int limit) const;

  // queued -> running. Empty when it is not queued (any more).
  std::optional<Job> claim(const std::string& id);
  // running -> its end, once: ConflictError unless it runs its attempt number `attempts`. Makes its
  // webhook due.
  Job finish(const std::string& id, int attempts, const Outcome& outcome);
  // running -> queued, not counted as a crash: the program stops in an orderly way.
  Job release(const std::string& id, int attempts);
  // queued -> cancelled. Empty when it is not queued (any more).
  std::optional<Job> cancel_queued(const std::string& id);
  // failed or cancelled -> queued, else ConflictError. QueueFullError.
  Job retry(const std::string& id, int64_t capacity);
  // ConflictError while it runs. Returns what was deleted.
  Job remove(const std::string& id);
  Job set_corrections(const std::string& id, const std::string& json);  // "" takes them back
  // Deletes up to `limit` ended jobs, those that ended first: as long as more than `keep` have, and
  // what ended before `before`. Jobs whose webhook is due stay. How many were deleted.
  int64_t prune(int64_t keep, int64_t before, int64_t limit);

  // Webhooks --------------------------------------------------------------------------------------

  std::vector<Webhook> due_webhooks(int limit) const;  // longest due first
  std::optional<int64_t> next_webhook() const;         // when the next is due, milliseconds
  // Records a delivery attempt. A failed webhook is retried after 1, 5, 25, 125 and 625 seconds and
  // then given up, for which it returns true. Does nothing when the job was deleted or retried.
  bool webhook_tried(const Webhook& webhook, bool delivered);
  // How often a job's end has made a webhook due; wait_for_webhook() returns when it is no longer
  // `seen`, when the next one is due, or when a stop is requested.
  uint64_t webhooks_due() const;
  void wait_for_webhook(uint64_t seen, const std::stop_token& stop) const;

  // Videos ----------------------------------------------------------------------------------------

  void put_video(const Video& video);        // by its name; `created` 0 is now, or stays
  Video video(const std::string& id) const;  // of several names the first
  std::optional<Video> video_named(const std::string& name) const;
  // The row when neither size nor time of the file has changed: it need not be hashed again.
  std::optional<Video> unchanged_video(const std::string& name, int64_t size, int64_t mtime) const;
  Page<Video> videos(const VideoFilter& filter, const PageRequest& page) const;  // one of each id
  std::vector<std::string> video_names(const std::string& id) const;
  bool remove_video(const std::string& name);  // false when it was not there; its jobs stay
  // Marks files as missing or present. A missing file is not listed but keeps its row, since its
  // disk may be mounted again.
  void set_missing(const std::vector<std::string>& names, bool missing);
  // What is known of all files, in the order of their names, after `last`.
  std::vector<VideoFile> video_files(const std::string& last, int limit) const;
  // Gives the video of that name, and the jobs about it, another id. The old one is remembered:
  // present_id() says what became of it, and is `id` itself where it is not known.
  void renew_video(const std::string& name, const std::string& id, const std::string& hash);
  std::string present_id(const std::string& id) const;
  // Of a job whose video was not known when it was submitted.
  void set_job_video(const std::string& job_id, const std::string& video_id);

  // Work done by SQLite so far, see Database::steps().
  int64_t steps() const;

 private:
  struct Connection {
    explicit Connection(const std::filesystem::path& path) : database(path) {}
    mutable std::mutex mutex;
    Database database;
  };

  void note_end(const Job& job);

  std::filesystem::path path_;
  std::function<int64_t()> clock_;
  Text notice_;
  int lock_ = -1;  // descriptor of the lock file
  mutable std::optional<Connection> writer_;
  mutable std::optional<Connection> reader_;
  mutable std::mutex due_mutex_;
  mutable std::condition_variable_any due_changed_;
  uint64_t due_ = 0;
};

}  // namespace shijian::jobs
