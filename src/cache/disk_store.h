// Byte strings on disk, found again by key, in a folder that several processes may share.
//
// An entry is one file, FOLDER/3f/3f…(32 digits).cache, see entry_file.h. It is written beside its
// place, synced and renamed: a reader sees all of it or nothing, and no lock is needed. An entry
// that is invalid when it is read (truncated, corrupt, of another version, of another key) is
// removed and counted; the caller computes it again.
//
// An entry's time of last use is its file's modification time. Past `max_bytes` the entries not
// used for longest go until nine tenths are left; two processes that evict at once choose the same
// ones. Files and folders of other names are never touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/text.h"

namespace shijian::cache {

struct DiskStoreOptions {
  std::filesystem::path folder;
  int64_t max_bytes = int64_t{4} << 30;
};

struct DiskUsage {
  int64_t entries = 0;
  int64_t bytes = 0;   // as they count against the limit: whole blocks of 4096
  int64_t oldest = 0;  // time of last use, seconds since 1970; 0 when there are no entries
  int64_t newest = 0;
};

// What one object did.
struct DiskCounters {
  int64_t hits = 0;
  int64_t misses = 0;   // not there, or damaged
  int64_t damaged = 0;  // files that did not check out; they were removed
  int64_t stored = 0;
  int64_t failed = 0;  // entries that could not be stored
  int64_t evicted = 0;
  Text last_failure;  // one line
};

struct DiskCheck {
  int64_t checked = 0;
  int64_t damaged = 0;  // removed
  int64_t bytes = 0;    // of the files that are whole
};

// Nothing happens on disk before the first call. Safe from several threads. Keys are 32 lower-case
// hexadecimal digits, as content_hash() gives them.
class DiskStore {
 public:
  explicit DiskStore(DiskStoreOptions options);

  // What was stored under `key`, if it is there, whole and at most `max_bytes` long; nothing is
  // allocated for more. Marks it as used.
  std::optional<std::string> get(const std::string& key, size_t max_bytes);

  // Stores `bytes` in place of what the key had. False when that failed (disk full, no permission,
  // larger than the whole store): the counters say why. A cache that cannot be written must not
  // end a run, so nothing is thrown.
  bool put(const std::string& key, std::string_view bytes);

  DiskUsage usage() const;
  // Removes every entry; returns what went. Throws Error (kPermission and kin).
  DiskUsage clear();
  // Reads every entry and removes what does not check out. Throws Error(kCancelled).
  DiskCheck verify(const std::stop_token& cancel = {});

  DiskCounters counters() const;
  const DiskStoreOptions& options() const { return options_; }

 private:
  std::filesystem::path path_of(const std::string& key) const;
  void add(int64_t bytes);
  int64_t evict();

  const DiskStoreOptions options_;
  mutable std::mutex mutex_;
  DiskCounters counters_;
  int64_t bytes_ = -1;  // in the folder when last looked at, and what was added since; -1: unknown
  int64_t added_ = 0;   // since last looked at
};

}  // namespace shijian::cache
