// What of Store only reads jobs: lists, and the choice of what runs next.
#include <charconv>
#include <utility>

#include "jobs/rows.h"
#include "jobs/store.h"

namespace shijian::jobs {
namespace {

// A place in the list of jobs is the sequence number of the job before it.
std::optional<int64_t> parse_place(const std::string& cursor) {
  if (cursor.empty()) return {};
  int64_t place = 0;
  const char* end = cursor.data() + cursor.size();
  const auto [stop, error] = std::from_chars(cursor.data(), end, place);
  if (error != std::errc() || stop != end || place < 0) {
    throw Error(ErrorCode::kUsage, "list jobs: the cursor is none that was given out"_text,
                "take it from `next` of the page before"_text);
  }
  return place;
}

bool has_crashed(Database& database, const std::string& id) {
  Statement row = database.query("SELECT crashes FROM jobs WHERE id = ?1", id);
  return row.step() && row.integer(0) > 0;
}

}  // namespace

Page<Job> Store::jobs(const JobFilter& filter, const PageRequest& page) const {
  check_page(page);
  const auto place = parse_place(page.cursor);
  // Only the conditions that are asked for, so that an index can serve them; the values are always
  // all bound.
  std::string where;
  const auto require = [&where](std::string_view condition) {
    where += where.empty() ? " WHERE " : " AND ";
    where += condition;
  };
  if (filter.state) require("state = ?1");
  if (!filter.video_id.empty()) require("video_id = ?2");
  if (!filter.search.empty()) {
    require("(instr(lower(query), lower(?3)) OR instr(lower(response), lower(?3)))");
  }
  const std::string count = fmt::format("SELECT count(*) FROM jobs{} LIMIT ?5", where);
  if (place) require("seq < ?4");
  const std::string select =
      fmt::format("SELECT {} FROM jobs{} ORDER BY seq DESC LIMIT ?5", kJobColumns, where);
  const std::string_view state = filter.state ? job_state_name(*filter.state) : "";
  std::string video_id = filter.video_id;
  const auto query = [&](const std::string& sql) {
    return reader_->database.query(sql, state, video_id, filter.search, place, page.limit + 1);
  };

  std::lock_guard lock(reader_->mutex);
  video_id = present_video_id(reader_->database, video_id);
  Transaction transaction(reader_->database, Transaction::Kind::kRead);
  Statement rows = query(select);
  Page<Job> result = read_page<Job>(rows, page.limit, read_job, [](const Statement& row) {
    return std::to_string(row.integer(kJobSequence));
  });
  Statement total = query(count);
  total.step();
  result.total = total.integer(0);
  return result;
}

std::vector<Job> Store::choose(const std::string& after_client, int limit) const {
  std::lock_guard lock(reader_->mutex);
  Database& database = reader_->database;
  Transaction transaction(database, Transaction::Kind::kRead);
  // Each statement looks up a few entries of an index that holds queued jobs alone.
  int64_t priority = 0;
  {
    Statement highest = database.query(
        "SELECT priority FROM jobs INDEXED BY jobs_by_turn WHERE state = 'queued' "
        "ORDER BY priority DESC LIMIT 1");
    if (!highest.step()) return {};
    priority = highest.integer(0);
  }
  const auto oldest = [&](std::string_view condition) {
    return only_job(database.query(
        fmt::format("SELECT {} FROM jobs INDEXED BY jobs_by_turn WHERE state = 'queued' "
                    "AND priority = ?1 AND {} "
                    "ORDER BY client, seq LIMIT ?3",
                    kJobColumns, condition),
        priority, after_client, 1));
  };
  auto first = oldest("client > ?2");
  if (!first) first = oldest("TRUE");  // the round begins again

  std::vector<Job> batch;
  batch.push_back(*std::move(first));
  if (batch[0].group.empty() || has_crashed(database, batch[0].id)) return batch;
  Statement others = database.query(
      fmt::format("SELECT {} FROM jobs INDEXED BY jobs_of_batch WHERE state = 'queued' "
                  "AND batch = ?1 AND id <> ?2 AND crashes = 0 "
                  "ORDER BY priority DESC, seq LIMIT ?3",
                  kJobColumns),
      batch[0].group, batch[0].id, limit - 1);
  while (others.step()) batch.push_back(read_job(others));
  return batch;
}

}  // namespace shijian::jobs
