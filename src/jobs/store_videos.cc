// What of Store concerns videos and webhooks.
#include <array>
#include <utility>

#include "jobs/rows.h"
#include "jobs/store.h"

namespace shijian {
namespace {

// After this many milliseconds a webhook that failed n + 1 times is tried again.
constexpr std::array<int64_t, 5> kRetryDelays = {1'000, 5'000, 25'000, 125'000, 625'000};

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

void Store::put_video(const Video& video) {
  std::lock_guard lock(writer_->mutex);
  writer_->database.run(
      "INSERT INTO videos(name, id, size, mtime, hash, probe, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(name) DO UPDATE SET id = excluded.id, "
      "size = excluded.size, mtime = excluded.mtime, hash = excluded.hash, probe = excluded.probe, "
      "created = CASE WHEN id = excluded.id THEN created ELSE excluded.created END",
      video.name, video.id, video.size, video.mtime, video.hash, video.probe,
      video.created != 0 ? video.created : clock_());
}

Video Store::video(const std::string& id) const {
  std::lock_guard lock(reader_->mutex);
  auto video = only_video(reader_->database.query(
      fmt::format("SELECT {} FROM videos WHERE id = ?1 ORDER BY name LIMIT 1", kVideoColumns), id));
  if (!video) throw Error(ErrorCode::kNotFound, fmt::format("video {}: there is none", id));
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
  // Of several names of one video the first that matches; every name matches "".
  constexpr std::string_view kWhere =
      "instr(lower(name), lower(?1)) > 0 AND NOT EXISTS (SELECT 1 FROM videos AS twin WHERE "
      "twin.id = videos.id AND twin.name < videos.name AND instr(lower(twin.name), lower(?1)) > 0)";
  const auto query = [&](const std::string& sql) {
    return reader_->database.query(sql, filter.search, page.cursor, page.limit + 1);
  };

  std::lock_guard lock(reader_->mutex);
  Transaction transaction(reader_->database, Transaction::Kind::kRead);
  Statement rows =
      query(fmt::format("SELECT {} FROM videos WHERE name > ?2 AND {} ORDER BY name LIMIT ?3",
                        kVideoColumns, kWhere));
  Page<Video> result = read_page<Video>(rows, page.limit, read_video,
                                        [](const Statement& row) { return row.text(0); });
  Statement total = query(fmt::format("SELECT count(*) FROM videos WHERE {} LIMIT ?3", kWhere));
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

bool Store::remove_video(const std::string& name) {
  std::lock_guard lock(writer_->mutex);
  return writer_->database.run("DELETE FROM videos WHERE name = ?1", name) > 0;
}

}  // namespace shijian
