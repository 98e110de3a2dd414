// What the job database keeps: plain data. Times are milliseconds since 1970 (UTC), 0 for "not
// yet"; JSON is kept as text, "" for none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shijian::jobs {

enum class JobState { kQueued, kRunning, kDone, kFailed, kCancelled };
std::string_view job_state_name(JobState state);  // "queued", …: as in the API and in the database
Text job_state_text(JobState state);              // the same for people, as in "it is done"
std::optional<JobState> parse_job_state(std::string_view name);
inline bool has_ended(JobState state) { return state > JobState::kRunning; }

// What a client asks for.
struct JobRequest {
  std::string video_id;
  std::string video_name;
  std::string query;
  std::string options;  // JSON
  int priority = 0;     // -10 … 10, higher is sooner
  std::string client;   // clients with jobs of equal priority take turns
  std::string group;    // jobs with the same one share decoding, encoding and prefix; "": with none
  std::string webhook_url;  // "": none
  std::string webhook_secret;
};

struct Job : JobRequest {
  std::string id;  // 12 random letters and digits
  JobState state = JobState::kQueued;
  int64_t created = 0;
  int64_t started = 0;  // of the last attempt
  int64_t finished = 0;
  int attempts = 0;         // times that it was begun
  std::string result;       // JSON, of a done job
  std::string corrections;  // JSON
  std::string error;        // of a failed job, see job_error.h
};

// How a job ends.
struct Outcome {
  JobState state = JobState::kCancelled;  // done, failed or cancelled
  std::string json;                       // the result, or write_job_error(); "" for cancelled
};

// One file in the video folder. Several names may hold the same video.
struct Video {
  std::string id;    // derived from the hash
  std::string name;  // unique
  int64_t size = 0;
  int64_t mtime = 0;  // in the unit of the caller
  std::string hash;   // of the content
  std::string probe;  // JSON
  int64_t created = 0;
  int64_t missing = 0;  // since when the file is not there; 0: it is
};

// What the database knows of a file, without looking at it.
struct VideoFile {
  std::string name;
  int64_t size = 0;
  int64_t mtime = 0;
  bool missing = false;
  bool old_id = false;  // from an XXH3 hash: renew_video() is due
};

struct JobFilter {
  std::optional<JobState> state;
  std::string video_id;  // "": any
  std::string search;    // found in query or response, as a whole; ASCII letters in either case
};

struct VideoFilter {
  std::string search;  // found in the name
};

// `limit` is 1 … 1000. `cursor` is what an earlier page gave as `next`, "" for the first page.
struct PageRequest {
  int limit = 50;
  std::string cursor;
};

template <typename Item>
struct Page {
  std::vector<Item> items;
  std::string next;   // "" on the last page
  int64_t total = 0;  // of all pages
};

// A repeated request with the same key, client and body gets the first one's jobs.
struct IdempotencyKey {
  std::string key;
  std::string client;
  std::string body_hash;
};

// A finished job that is to be posted to its owner.
struct Webhook {
  std::string job_id;
  int attempts = 0;  // the job's: tells one end of it from the next
  std::string url;
  std::string secret;
  int tries = 0;  // failed ones so far
};

// The job is in a state that does not allow it, or the key was used with another body: HTTP 409.
class ConflictError : public Error {
 public:
  explicit ConflictError(const Text& message, Text hint = {})
      : Error(ErrorCode::kConflict, message, std::move(hint)) {}
};

// As many jobs wait as may: HTTP 429.
class QueueFullError : public Error {
 public:
  explicit QueueFullError(const Text& message)
      : Error(ErrorCode::kBusy, message, "try again when some jobs have finished"_text) {}
};

}  // namespace shijian::jobs
