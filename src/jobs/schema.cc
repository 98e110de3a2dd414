#include "jobs/schema.h"

#include <array>

namespace shijian::jobs {
namespace {

// Columns that lists and choices read come before the long ones, which SQLite keeps on pages of
// their own and then need not touch.
constexpr std::array<std::string_view, 3> kSteps = {
    R"sql(
CREATE TABLE jobs(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of submission; never used again
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  priority INTEGER NOT NULL CHECK (priority BETWEEN -10 AND 10),
  client TEXT NOT NULL,
  batch TEXT NOT NULL,
  created INTEGER NOT NULL,
  started INTEGER NOT NULL DEFAULT 0,
  finished INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,       -- only ever counts up: it names the one who may finish
  crashes INTEGER NOT NULL DEFAULT 0,
  webhook_due INTEGER,                       -- NULL: nothing to deliver
  webhook_tries INTEGER NOT NULL DEFAULT 0,  -- that failed
  webhook_url TEXT NOT NULL,
  webhook_secret TEXT NOT NULL,
  video_id TEXT NOT NULL,
  video_name TEXT NOT NULL,
  query TEXT NOT NULL,
  response TEXT,  -- of the result, for searching
  options TEXT NOT NULL,
  error TEXT,
  corrections TEXT,
  result TEXT
) STRICT;
CREATE INDEX jobs_of_state ON jobs(state, seq);
CREATE INDEX jobs_of_video ON jobs(video_id, seq);
CREATE INDEX jobs_by_turn ON jobs(priority, client, seq) WHERE state = 'queued';
CREATE INDEX jobs_of_batch ON jobs(batch, priority DESC, seq) WHERE state = 'queued';
CREATE INDEX jobs_to_deliver ON jobs(webhook_due) WHERE webhook_due IS NOT NULL;

CREATE TABLE videos(
  name TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  size INTEGER NOT NULL,
  mtime INTEGER NOT NULL,
  hash TEXT NOT NULL,
  probe TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;
CREATE INDEX videos_of_id ON videos(id, name);

CREATE TABLE idempotency_keys(
  client TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  job_ids TEXT NOT NULL,  -- a JSON array
  created INTEGER NOT NULL,
  PRIMARY KEY (client, key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys(created);
)sql",
    R"sql(
CREATE INDEX jobs_by_end ON jobs(finished, seq) WHERE finished > 0;
)sql",
    R"sql(
ALTER TABLE videos ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;  -- since when; 0: it is there
CREATE TABLE renewed_videos(old TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT;
)sql",
};

}  // namespace

std::span<const std::string_view> job_schema() { return kSteps; }

}  // namespace shijian::jobs
