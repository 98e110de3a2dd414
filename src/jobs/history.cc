#include "jobs/history.h"

#include <algorithm>
#include <exception>
#include <limits>

#include "base/backoff.h"
#include "base/log.h"

namespace shijian::jobs {
namespace {

constexpr int64_t kAtOnce = 100;
constexpr auto kBetweenBatches = std::chrono::milliseconds(50);
constexpr int64_t kDay = int64_t{24} * 3600 * 1000;  // milliseconds

}  // namespace

int64_t Store::prune(int64_t keep, int64_t before, int64_t limit) {
  // In the order in which they ended; who is still to hear of a job finds it.
  constexpr std::string_view kDelete =
      "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs WHERE finished > 0 AND "
      "webhook_due IS NULL AND finished < ?1 ORDER BY finished, seq LIMIT ?2)";
  std::lock_guard lock(writer_->mutex);
  Database& database = writer_->database;
  Transaction transaction(database, Transaction::Kind::kWrite);
  int64_t ended = 0;
  {
    Statement count = database.query("SELECT count(*) FROM jobs WHERE finished > 0");
    count.step();
    ended = count.integer(0);
  }
  const int64_t beyond = std::clamp<int64_t>(ended - keep, 0, limit);
  int64_t deleted = 0;
  if (beyond > 0) {
    deleted = database.run(kDelete, std::numeric_limits<int64_t>::max(), beyond);
  }
  deleted += database.run(kDelete, before, limit - deleted);
  transaction.commit();
  return deleted;
}

History::History(Store& store, HistoryOptions options) : store_(store), options_(options) {
  if (options_.jobs > 0 || options_.days > 0) {
    thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
  }
}

void History::loop(const std::stop_token& stop) {
  const int64_t keep = options_.jobs > 0 ? options_.jobs : std::numeric_limits<int64_t>::max();
  int64_t deleted = 0;  // since the last line of the log
  bool more = false;
  do {
    int64_t now_deleted = 0;
    try {
      const int64_t before = options_.days > 0 ? store_.now() - options_.days * kDay : 0;
      now_deleted = store_.prune(keep, before, kAtOnce);
    } catch (const std::exception& error) {
      log_event(LogLevel::kWarning, "jobs_not_deleted", {{"message", error.what()}});
    }
    deleted += now_deleted;
    more = now_deleted == kAtOnce;
    if (!more && deleted > 0) {
      log_event(LogLevel::kInfo, "jobs_deleted", {{"jobs", deleted}});
      deleted = 0;
    }
  } while (sleep_unless_stopped(stop, more ? kBetweenBatches : options_.between_looks));
}

}  // namespace shijian::jobs
