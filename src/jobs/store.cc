#include "jobs/store.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "base/json.h"
#include "jobs/job_error.h"
#include "jobs/rows.h"
#include "jobs/schema.h"

namespace shijian::jobs {
namespace {

// Times and webhook of a job that ends now, ?2.
constexpr std::string_view kEnds =
    "finished = ?2, webhook_tries = 0, "
    "webhook_due = CASE WHEN webhook_url = '' THEN NULL ELSE ?2 END";

std::string random_id() {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
  std::string id(12, '\0');
  CHECK(::getrandom(id.data(), id.size(), 0) == static_cast<ssize_t>(id.size()), "errno {}", errno);
  for (char& c : id) c = kDigits[static_cast<unsigned char>(c) % kDigits.size()];
  return id;
}

Job required_job(Database& database, const std::string& id) {
  auto job =
      only_job(database.query(fmt::format("SELECT {} FROM jobs WHERE id = ?1", kJobColumns), id));
  if (!job) throw Error(ErrorCode::kNotFound, "job {}: there is none"_text(id));
  return *std::move(job);
}

// The one statement of a change of state: jobs in another state than `condition` says stay as they
// are, which gives an empty result.
template <typename... Values>
std::optional<Job> change(Database& database, std::string_view set, std::string_view condition,
                          const std::string& id, const Values&... values) {
  return only_job(database.query(fmt::format("UPDATE jobs SET {} WHERE id = ?1 AND {} RETURNING {}",
                                             set, condition, kJobColumns),
                                 id, values...));
}

// What an error says of a job that is not in the state that a change asks for.
Text state_of(Database& database, const std::string& id) {
  return job_state_text(required_job(database, id).state);
}

void check_room(Database& database, size_t more, int64_t capacity) {
  if (static_cast<int64_t>(more) > capacity) {
    throw Error(ErrorCode::kUsage,
                "queue {} jobs: the whole queue has {} places"_text(more, capacity),
                "submit them in several calls, or start the server with a longer --queue"_text);
  }
  Statement count =
      database.query("SELECT count(*) FROM jobs INDEXED BY jobs_by_turn WHERE state = 'queued'");
  count.step();
  const int64_t queued = count.integer(0);
  if (queued + static_cast<int64_t>(more) > capacity) {
    throw QueueFullError("queue {} jobs: {} of {} places are taken"_text(more, queued, capacity));
  }
}

void check_request(const JobRequest& request) {
  if (request.priority < -10 || request.priority > 10) {
    throw Error(ErrorCode::kUsage,
                "queue a job: priority {} is not in -10 to 10"_text(request.priority));
  }
}

// The jobs of an earlier call with this key, those that still exist.
std::optional<std::vector<Job>> repeated_jobs(Database& database, const IdempotencyKey& key,
                                              int64_t now) {
  std::string ids;
  {
    Statement row = database.query(
        "SELECT body_hash, job_ids FROM idempotency_keys "
        "WHERE client = ?1 AND key = ?2 AND created > ?3",
        key.client, key.key, now - kIdempotencyMilliseconds);
    if (!row.step()) return {};
    if (row.text(0) != key.body_hash) {
      throw ConflictError("idempotency key {}: it was used with another body"_text(key.key),
                          "use a new key for a new request"_text);
    }
    ids = row.text(1);
  }
  std::vector<Job> jobs;
  Statement rows = database.query(
      fmt::format("SELECT {} FROM jobs WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY seq",
                  kJobColumns),
      ids);
  while (rows.step()) jobs.push_back(read_job(rows));
  return jobs;
}

std::vector<Job> insert_jobs(Database& database, const std::vector<JobRequest>& requests,
                             int64_t now) {
  Statement insert = database.query(
      fmt::format("INSERT INTO jobs(id, state, priority, client, batch, created, webhook_url, "
                  "webhook_secret, video_id, video_name, query, options) "
                  "VALUES (?1, 'queued', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING {}",
                  kJobColumns));
  std::vector<Job> jobs;
  for (const JobRequest& request : requests) {
    insert.restart(random_id(), request.priority, request.client, request.group, now,
                   request.webhook_url, request.webhook_secret, request.video_id,
                   request.video_name, request.query, request.options);
    while (insert.step()) jobs.push_back(read_job(insert));
  }
  return jobs;
}

}  // namespace

int64_t now_milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Store::Store(const std::filesystem::path& path, std::function<int64_t()> clock)
    : path_(path), clock_(std::move(clock)) {
  notice_ = prepare_database(path_, kJobDatabaseMark, job_schema());
  writer_.emplace(path_);
  reader_.emplace(path_);
}

Store::~Store() {
  if (lock_ >= 0) ::close(lock_);
}

Store::Recovery Store::recover(const std::string& crashed) {
  std::lock_guard lock(writer_->mutex);
  if (lock_ < 0) {
    const std::string path = path_.string() + ".lock";
    lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) throw system_error("create {}"_text(path), errno);
    // The process's own: a child that outlives a killed server does not hold it.
    struct flock all {};
    all.l_type = F_WRLCK;
    if (::fcntl(lock_, F_SETLK, &all) != 0) {
      ::close(std::exchange(lock_, -1));
      throw Error(ErrorCode::kUsage,
                  "run the jobs of {}: another process does"_text(path_.string()),
                  "stop it, or name another data folder"_text);
    }
  }
  const std::string crash = write_job_error(
      {ErrorCode::kInternal, "the program crashed twice while it worked on this job"_text,
       "the video may be damaged: look at it with `shijian info`, then retry the job"_text});
  Database& database = writer_->database;
  Transaction transaction(database, Transaction::Kind::kWrite);
  database.run("UPDATE jobs SET crashes = crashes + 1 WHERE state = 'running' AND id = ?1",
               crashed);
  Recovery recovery;
  recovery.failed = database.run(fmt::format("UPDATE jobs SET state = 'failed', error = ?1, {} "
                                             "WHERE state = 'running' AND crashes >= ?3",
                                             kEnds),
                                 crash, clock_(), kMaxCrashes);
  recovery.requeued =
      database.run("UPDATE jobs SET state = 'queued', started = 0 WHERE state = 'running'");
  transaction.commit();
  return recovery;
}

Store::Added Store::add(const std::vector<JobRequest>& requests, int64_t capacity,
                        const std::optional<IdempotencyKey>& key) {
  for (const JobRequest& request : requests) check_request(request);
  const int64_t now = clock_();
  std::lock_guard lock(writer_->mutex);
  Database& database = writer_->database;
  Transaction transaction(database, Transaction::Kind::kWrite);
  if (key) {
    database.run("DELETE FROM idempotency_keys WHERE created <= ?1",
                 now - kIdempotencyMilliseconds);
    if (auto jobs = repeated_jobs(database, *key, now)) return {*std::move(jobs), true};
  }
  check_room(database, requests.size(), capacity);
  Added added;
  added.jobs = insert_jobs(database, requests, now);
  if (key) {
    Json ids = Json::array();
    for (const Job& job : added.jobs) ids.push_back(job.id);
    database.run(
        "INSERT INTO idempotency_keys(client, key, body_hash, job_ids, created) "
        "VALUES (?1, ?2, ?3, ?4, ?5)",
        key->client, key->key, key->body_hash, ids.dump(), now);
  }
  transaction.commit();
  return added;
}

std::optional<std::vector<Job>> Store::repeated(const IdempotencyKey& key) const {
  std::lock_guard lock(reader_->mutex);
  return repeated_jobs(reader_->database, key, clock_());
}

Job Store::job(const std::string& id) const {
  std::lock_guard lock(reader_->mutex);
  return required_job(reader_->database, id);
}

std::optional<Job> Store::claim(const std::string& id) {
  std::lock_guard lock(writer_->mutex);
  return change(writer_->database, "state = 'running', started = ?2, attempts = attempts + 1",
                "state = 'queued'", id, clock_());
}

Job Store::finish(const std::string& id, int attempts, const Outcome& outcome) {
  CHECK(has_ended(outcome.state), "{}", job_state_name(outcome.state));
  using Column = std::optional<std::string_view>;
  const Column result = outcome.state == JobState::kDone ? Column(outcome.json) : std::nullopt;
  const Column error = outcome.state == JobState::kFailed ? Column(outcome.json) : std::nullopt;
  std::lock_guard lock(writer_->mutex);
  auto job = change(
      writer_->database,
      fmt::format(
          "state = ?4, result = ?5, response = json_extract(?5, '$.response'), error = ?6, {}",
          kEnds),
      "state = 'running' AND attempts = ?3", id, clock_(), attempts, job_state_name(outcome.state),
      result, error);
  if (!job) {
    throw ConflictError("finish attempt {} at job {}: it is {}"_text(
        attempts, id, state_of(writer_->database, id)));
  }
  note_end(*job);
  return *std::move(job);
}

Job Store::release(const std::string& id, int attempts) {
  std::lock_guard lock(writer_->mutex);
  auto job = change(writer_->database, "state = 'queued', started = 0",
                    "state = 'running' AND attempts = ?2", id, attempts);
  if (!job) {
    throw ConflictError("put back attempt {} at job {}: it is {}"_text(
        attempts, id, state_of(writer_->database, id)));
  }
  return *std::move(job);
}

std::optional<Job> Store::cancel_queued(const std::string& id) {
  std::lock_guard lock(writer_->mutex);
  auto job = change(writer_->database, fmt::format("state = 'cancelled', {}", kEnds),
                    "state = 'queued'", id, clock_());
  if (job) note_end(*job);
  return job;
}

Job Store::retry(const std::string& id, int64_t capacity) {
  std::lock_guard lock(writer_->mutex);
  Database& database = writer_->database;
  Transaction transaction(database, Transaction::Kind::kWrite);
  check_room(database, 1, capacity);
  auto job = change(database,
                    "state = 'queued', started = 0, finished = 0, crashes = 0, error = NULL, "
                    "webhook_due = NULL",
                    "state IN ('failed', 'cancelled')", id);
  if (!job) throw ConflictError("retry job {}: it is {}"_text(id, state_of(database, id)));
  transaction.commit();
  return *std::move(job);
}

Job Store::remove(const std::string& id) {
  std::lock_guard lock(writer_->mutex);
  auto job = only_job(writer_->database.query(
      fmt::format("DELETE FROM jobs WHERE id = ?1 AND state <> 'running' RETURNING {}",
                  kJobColumns),
      id));
  if (!job) {
    throw ConflictError("delete job {}: it is {}"_text(id, state_of(writer_->database, id)));
  }
  return *std::move(job);
}

Job Store::set_corrections(const std::string& id, const std::string& json) {
  using Column = std::optional<std::string_view>;
  std::lock_guard lock(writer_->mutex);
  change(writer_->database, "corrections = ?2", "TRUE", id, json.empty() ? Column() : Column(json));
  return required_job(writer_->database, id);
}

int64_t Store::steps() const {
  std::scoped_lock lock(writer_->mutex, reader_->mutex);
  return writer_->database.steps() + reader_->database.steps();
}

}  // namespace shijian::jobs
