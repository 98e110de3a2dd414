// Rows of the job database and the records that they hold; for the store's own files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/database.h"
#include "jobs/records.h"

namespace shijian::jobs {

// What a statement selects or returns for read_job() and read_video(): their columns, in order.
inline constexpr std::string_view kJobColumns =
    "id, state, priority, client, batch, created, started, finished, attempts, webhook_url, "
    "webhook_secret, video_id, video_name, query, options, error, corrections, result, seq";
inline constexpr int kJobSequence = 18;
inline constexpr std::string_view kVideoColumns =
    "name, id, size, mtime, hash, probe, created, missing";

Job read_job(const Statement& row);
Video read_video(const Statement& row);

// The record of the first row; empty when there is none. Ends the statement.
std::optional<Job> only_job(Statement statement);

// See Store::present_id().
std::string present_video_id(Database& database, const std::string& id);

// Error(kUsage) for a limit out of bounds.
void check_page(const PageRequest& page);

// One page from `rows`, which give one more than `limit` where there are more. `cursor` reads what
// names the place after a row.
template <typename Item, typename Read, typename Cursor>
Page<Item> read_page(Statement& rows, int limit, const Read& read, const Cursor& cursor) {
  Page<Item> page;
  std::string last;
  while (rows.step()) {
    if (static_cast<int>(page.items.size()) == limit) {
      page.next = std::move(last);
      break;
    }
    page.items.push_back(read(rows));
    last = cursor(rows);
  }
  return page;
}

}  // namespace shijian::jobs
