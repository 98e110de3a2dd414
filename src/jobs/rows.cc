#include "jobs/rows.h"

#include <array>

namespace shijian::jobs {
namespace {

constexpr int kMaxPage = 1000;
// In the order of JobState.
constexpr std::array<std::string_view, 5> kStates = {"queued", "running", "done", "failed",
                                                     "cancelled"};

}  // namespace

std::string_view job_state_name(JobState state) { return kStates.at(static_cast<size_t>(state)); }

Text job_state_text(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return "queued"_text;
    case JobState::kRunning:
      return "running"_text;
    case JobState::kDone:
      return "done"_text;
    case JobState::kFailed:
      return "failed"_text;
    case JobState::kCancelled:
      return "cancelled"_text;
  }
  return {};
}

std::optional<JobState> parse_job_state(std::string_view name) {
  for (size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == name) return static_cast<JobState>(i);
  }
  return {};
}

Job read_job(const Statement& row) {
  Job job;
  job.id = row.text(0);
  job.state = parse_job_state(row.text(1)).value();  // the schema admits no other
  job.priority = static_cast<int>(row.integer(2));
  job.client = row.text(3);
  job.group = row.text(4);
  job.created = row.integer(5);
  job.started = row.integer(6);
  job.finished = row.integer(7);
  job.attempts = static_cast<int>(row.integer(8));
  job.webhook_url = row.text(9);
  job.webhook_secret = row.text(10);
  job.video_id = row.text(11);
  job.video_name = row.text(12);
  job.query = row.text(13);
  job.options = row.text(14);
  job.error = row.text(15);
  job.corrections = row.text(16);
  job.result = row.text(17);
  return job;
}

Video read_video(const Statement& row) {
  Video video;
  video.name = row.text(0);
  video.id = row.text(1);
  video.size = row.integer(2);
  video.mtime = row.integer(3);
  video.hash = row.text(4);
  video.probe = row.text(5);
  video.created = row.integer(6);
  video.missing = row.integer(7);
  return video;
}

std::optional<Job> only_job(Statement statement) {
  if (!statement.step()) return {};
  Job job = read_job(statement);
  while (statement.step()) {
  }
  return job;
}

std::string present_video_id(Database& database, const std::string& id) {
  if (id.empty()) return id;
  Statement row = database.query("SELECT id FROM renewed_videos WHERE old = ?1", id);
  return row.step() ? row.text(0) : id;
}

void check_page(const PageRequest& page) {
  if (page.limit < 1 || page.limit > kMaxPage) {
    throw Error(ErrorCode::kUsage, "list: limit {} is not in 1 to {}"_text(page.limit, kMaxPage));
  }
}

}  // namespace shijian::jobs
