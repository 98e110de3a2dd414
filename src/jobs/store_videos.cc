// What of Store concerns videos and webhooks.
#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "jobs/rows.h"
#include "jobs/store.h"

namespace shijian::jobs {
namespace {

// After this many milliseconds a webhook that failed n + 1 times is tried again.
constexpr std::array<int64_t, 5> kRetryDelays = {1'000, 5'000, 25'000, 125'000, 625'000};

constexpr int64_t kOldHashDigits = 32;  // of XXH3-128, which others can make collide

std::optional<Video> only_video(Statement statement) {
  if (!statement.step()) return {};
  return read_video(statement);
}

}  // namespace

std::vector<Webhook> Store::due_webhooks(int limit) const {
  std::lock_guard lock(reader_->mutex);
  Statement rows = reader_->database.query(
      "SELECT id, attempts, webhook_url, webhook_secret, webhook_tries FROM jobs "
      "WHERE webhook_due <= ?1 ORDER BY webhook_due LIMIT ?2",
      clock_(), limit);
  std::vector<Webhook> due;
  while (rows.step()) {
    due.push_back({.job_id = rows.text(0),
                   .attempts = static_cast<int>(rows.integer(1)),
                   .url = rows.text(2),
                   .secret = rows.text(3),
                   .tries = static_cast<int>(rows.integer(4))});
  }
  return due;
}

std::optional<int64_t> Store::next_webhook() const {
  std::lock_guard lock(reader_->mutex);
  Statement row = reader_->database.query(
      "SELECT webhook_due FROM jobs WHERE webhook_due IS NOT NULL ORDER BY webhook_due LIMIT 1");
  if (!row.step()) return {};
  return row.integer(0);
}

bool Store::webhook_tried(const Webhook& webhook, bool delivered) {
  std::optional<int64_t> again;
  if (!delivered && webhook.tries < static_cast<int>(kRetryDelays.size())) {
    again = clock_() + kRetryDelays[static_cast<size_t>(webhook.tries)];
  }
  std::lock_guard lock(writer_->mutex);
  const int64_t changed = writer_->database.run(
      "UPDATE jobs SET webhook_due = ?4, webhook_tries = webhook_tries + ?5 "
      "WHERE id = ?1 AND attempts = ?2 AND webhook_tries = ?3 AND webhook_due IS NOT NULL",
      webhook.job_id, webhook.attempts, webhook.tries, again, delivered ? 0 : 1);
  return changed > 0 && !delivered && !again;
}

void Store::note_end(const Job& job) {
  if (job.webhook_url.empty()) return;
  const std::lock_guard lock(due_mutex_);
  ++due_;
  due_changed_.notify_all();
}

uint64_t Store::webhooks_due() const {
  const std::lock_guard lock(due_mutex_);
  return due_;
}

void Store::wait_for_webhook(uint64_t seen, const std::stop_token& stop) const {
  const std::optional<int64_t> next = next_webhook();
  std::unique_lock lock(due_mutex_);
  const auto changed = [&] { return due_ != seen; };
  if (next) {
    const auto left = std::chrono::milliseconds(std::max<int64_t>(*next - clock_(), 0));
    due_changed_.wait_for(lock, stop, left, changed);
  } else {
    due_changed_.wait(lock, stop, changed);
  }
}

void Store::put_video(const Video& video) {
  std::lock_guard lock(writer_->mutex);
  writer_->database.run(
      "INSERT INTO videos(name, id, size, mtime, hash, probe, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(name) DO UPDATE SET missing = 0, "
      "id = excluded.id, "
      "size = excluded.size, mtime = excluded.mtime, hash = excluded.hash, probe = excluded.probe, "
      "created = CASE WHEN id = excluded.id THEN created ELSE excluded.created END",
      video.name, video.id, video.size, video.mtime, video.hash, video.probe,
      video.created != 0 ? video.created : clock_());
}

Video Store::video(const std::string& id) const {
  std::lock_guard lock(reader_->mutex);
  auto video = only_video(reader_->database.query(
      fmt::format("SELECT {} FROM videos WHERE id = ?1 ORDER BY name LIMIT 1", kVideoColumns), id));
  if (!video) throw Error(ErrorCode::kNotFound, "video {}: there is none"_text(id));
  return *std::move(video);
}

std::optional<Video> Store::video_named(const std::string& name) const {
  std::lock_guard lock(reader_->mutex);
  return only_video(reader_->database.query(
      fmt::format("SELECT {} FROM videos WHERE name = ?1", kVideoColumns), name));
}

std::optional<Video> Store::unchanged_video(const std::string& name, int64_t size,
                                            int64_t mtime) const {
  auto video = video_named(name);
  if (video && (video->size != size || video->mtime != mtime)) return {};
  return video;
}

Page<Video> Store::videos(const VideoFilter& filter, const PageRequest& page) const {
  check_page(page);
  // Of several names of one video the first that matches.
  const std::string matches = filter.search.empty()
                                  ? "{0}.missing = 0"
                                  : "{0}.missing = 0 AND instr(lower({0}.name), lower(?1)) > 0";
  const std::string where = fmt::format(
      "{} AND NOT EXISTS (SELECT 1 FROM videos AS twin WHERE twin.id = videos.id AND "
      "twin.name < videos.name AND {})",
      fmt::format(fmt::runtime(matches), "videos"), fmt::format(fmt::runtime(matches), "twin"));
  const auto query = [&](const std::string& sql) {
    return reader_->database.query(sql, filter.search, page.cursor, page.limit + 1);
  };

  std::lock_guard lock(reader_->mutex);
  Transaction transaction(reader_->database, Transaction::Kind::kRead);
  Statement rows = query(fmt::format(
      "SELECT {} FROM videos WHERE name > ?2 AND {} ORDER BY name LIMIT ?3", kVideoColumns, where));
  Page<Video> result = read_page<Video>(rows, page.limit, read_video,
                                        [](const Statement& row) { return row.text(0); });
  // An index serves the whole library; ?1 to ?3 are always bound.
  Statement total =
      query(fmt::format("SELECT count(DISTINCT id) FROM videos WHERE {} AND ?2 = ?2 "
                        "AND ?1 = ?1 LIMIT ?3",
                        fmt::format(fmt::runtime(matches), "videos")));
  total.step();
  result.total = total.integer(0);
  return result;
}

std::vector<std::string> Store::video_names(const std::string& id) const {
  std::lock_guard lock(reader_->mutex);
  Statement rows =
      reader_->database.query("SELECT name FROM videos WHERE id = ?1 ORDER BY name", id);
  std::vector<std::string> names;
  while (rows.step()) names.push_back(rows.text(0));
  return names;
}

void Store::set_missing(const std::vector<std::string>& names, bool missing) {
  constexpr size_t kAtOnce = 1000;  // so that nobody waits for long
  for (size_t begin = 0; begin < names.size(); begin += kAtOnce) {
    std::lock_guard lock(writer_->mutex);
    Transaction transaction(writer_->database, Transaction::Kind::kWrite);
    for (size_t i = begin; i < std::min(begin + kAtOnce, names.size()); ++i) {
      writer_->database.run("UPDATE videos SET missing = ?2 WHERE name = ?1", names[i],
                            missing ? clock_() : 0);
    }
    transaction.commit();
  }
}

std::vector<VideoFile> Store::video_files(const std::string& last, int limit) const {
  std::lock_guard lock(reader_->mutex);
  Statement rows = reader_->database.query(
      "SELECT name, size, mtime, missing, length(hash) FROM videos WHERE name > ?1 "
      "ORDER BY name LIMIT ?2",
      last, limit);
  std::vector<VideoFile> files;
  while (rows.step()) {
    files.push_back({.name = rows.text(0),
                     .size = rows.integer(1),
                     .mtime = rows.integer(2),
                     .missing = rows.integer(3) != 0,
                     .old_id = rows.integer(4) == kOldHashDigits});
  }
  return files;
}

void Store::renew_video(const std::string& name, const std::string& id, const std::string& hash) {
  std::lock_guard lock(writer_->mutex);
  Database& database = writer_->database;
  Transaction transaction(database, Transaction::Kind::kWrite);
  std::string old;
  {
    Statement row = database.query("SELECT id FROM videos WHERE name = ?1", name);
    if (!row.step()) return;
    old = row.text(0);
  }
  database.run("UPDATE videos SET id = ?2, hash = ?3 WHERE name = ?1", name, id, hash);
  database.run("INSERT INTO renewed_videos(old, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING", old,
               id);
  // Jobs about another name go with that, which may hold something else after all; those about a
  // name that has gone, with the last.
  database.run(
      "UPDATE jobs SET video_id = ?2 WHERE video_id = ?1 AND (video_name = ?3 OR NOT EXISTS "
      "(SELECT 1 FROM videos WHERE id = ?1))",
      old, id, name);
  transaction.commit();
}

std::string Store::present_id(const std::string& id) const {
  std::lock_guard lock(reader_->mutex);
  return present_video_id(reader_->database, id);
}

void Store::set_job_video(const std::string& job_id, const std::string& video_id) {
  std::lock_guard lock(writer_->mutex);
  writer_->database.run("UPDATE jobs SET video_id = ?2 WHERE id = ?1", job_id, video_id);
}

bool Store::remove_video(const std::string& name) {
  std::lock_guard lock(writer_->mutex);
  return writer_->database.run("DELETE FROM videos WHERE name = ?1", name) > 0;
}

}  // namespace shijian::jobs
