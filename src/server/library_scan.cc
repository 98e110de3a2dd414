// What of Library looks through the whole folder.
#include <algorithm>
#include <exception>
#include <unordered_map>
#include <utility>

#include "base/backoff.h"
#include "base/error.h"
#include "base/log.h"
#include "http/server.h"
#include "server/library.h"

namespace shijian::server {
namespace {

constexpr size_t kMaxNonVideos = 100'000;  // files that are no videos, remembered
constexpr int kAtOnce = 1000;              // rows that are read at a time

// Longest wait for a scan; one that takes longer is slow. After a slow scan the next one starts
// only after kRest times its duration, at most kLongestRest, so that the disk can serve others.
constexpr auto kMaxScanWait = std::chrono::seconds(1);
constexpr int kRest = 4;
constexpr auto kLongestRest = std::chrono::minutes(5);
// How long new files are waited for, and how many at most.
constexpr auto kMaxReadWait = std::chrono::seconds(5);
constexpr size_t kFewFiles = 20;
// Shortest wait: for a scan after a slow one, and for the reading of many new files.
constexpr auto kMinScanWait = std::chrono::milliseconds(25);

}  // namespace

Library::ScanResult Library::walk_folder(const std::stop_token& stop) {
  struct Row {
    jobs::VideoFile file;
    bool seen = false;
  };
  std::unordered_map<std::string, Row> rows;
  std::vector<jobs::VideoFile> page;
  do {
    page = store_.video_files(page.empty() ? "" : page.back().name, kAtOnce);
    for (jobs::VideoFile& file : page) rows.emplace(file.name, Row{file, false});
  } while (!page.empty());
  int64_t uploaded = 0;
  {
    const std::lock_guard lock(mutex_);
    uploaded = uploaded_;
    walk_bytes_ = 0;
  }
  ScanResult found;
  std::vector<std::string> back, gone;
  const auto visit = [&](LibraryFolder::File file) {
    {
      const std::lock_guard lock(mutex_);
      walk_bytes_ += file.size;
    }
    const auto row = rows.find(file.name);
    const bool same = row != rows.end() && row->second.file.size == file.size &&
                      row->second.file.mtime == file.mtime;
    if (row != rows.end()) row->second.seen = true;
    if (!same) {
      found.fresh.push_back(std::move(file));
      return;
    }
    if (row->second.file.missing) back.push_back(file.name);
    if (row->second.file.old_id) found.old.push_back(std::move(file));
  };
  const LibraryFolder::Walk walk = folder_.walk(kPartialFolder, visit, stop);
  if (!walk.whole) return {};
  for (const std::string& folder : walk.unread) {
    log_event(LogLevel::kWarning, "folder_not_read", {{"folder", folder}});
  }
  for (const auto& [name, row] : rows) {
    if (!row.seen && !row.file.missing && folder_.is_gone(name)) gone.push_back(name);
  }
  store_.set_missing(back, false);
  store_.set_missing(gone, true);
  const std::lock_guard lock(mutex_);
  // What was stored meanwhile may be counted twice, which a count anew puts right.
  const int64_t bytes = walk.bytes + uploaded_ - uploaded;
  stored_ = walk.unread.empty() ? bytes : std::max(bytes, stored_.value_or(0));
  std::erase_if(found.fresh, [this](const LibraryFolder::File& file) {
    const auto other = non_videos_.find(file.name);
    return other != non_videos_.end() && other->second == std::pair(file.size, file.mtime);
  });
  return found;
}

void Library::read_changed(const ScanResult& found, const std::stop_token& stop) {
  for (const LibraryFolder::File& file : found.fresh) {
    if (stop.stop_requested()) return;
    try {
      find(file.name, stop);
    } catch (const jobs::StoreError&) {
      throw;
    } catch (const http::HttpError& error) {
      if (error.status() != 415) continue;
      const std::lock_guard lock(mutex_);
      if (non_videos_.size() >= kMaxNonVideos) non_videos_.clear();
      non_videos_[file.name] = {file.size, file.mtime};
    } catch (const Error&) {  // another time it may be read
    }
  }
  for (const LibraryFolder::File& file : found.old) {
    if (stop.stop_requested()) return;
    try {
      const std::string hash = hashes_.of(folder() / file.name, stop);
      store_.renew_video(file.name, video_id_of(hash), hash);
    } catch (const jobs::StoreError&) {
      throw;
    } catch (const Error&) {  // it keeps its old id until it can be read
    }
  }
}

void Library::scan(const std::stop_token& stop) { read_changed(walk_folder(stop), stop); }

// The number of the next scan that begins. mutex_ is held.
uint64_t Library::want_scan() {
  if (!scanner_.joinable()) {
    scanner_ = std::jthread([this](const std::stop_token& stop) { run_scans(stop); });
  }
  wanted_ = std::max(wanted_, begun_ + 1);
  changed_.notify_all();
  return begun_ + 1;
}

// Returns the bytes of the library, or on a slow disk those that the running scan has counted.
int64_t Library::stored_bytes() {
  std::unique_lock lock(mutex_);
  if (!stored_) {
    const bool scanning = done_ < begun_;
    const uint64_t mine = scanning ? begun_ : want_scan();
    changed_.wait_until(lock, (scanning ? begun_at_ : Clock::now()) + kMaxScanWait,
                        [&] { return stored_ || done_ >= mine; });
  }
  return stored_.value_or(walk_bytes_);
}

void Library::count_stored() {
  // Counting stops after kMaxScanWait; the larger of old and new count is then kept.
  const auto end = Clock::now() + kMaxScanWait;
  std::stop_source enough;
  const auto look_at_clock = [&](const auto&) {
    if (Clock::now() > end) enough.request_stop();
  };
  const LibraryFolder::Walk walk = folder_.walk(kPartialFolder, look_at_clock, enough.get_token());
  const std::lock_guard lock(mutex_);
  stored_ = walk.whole ? walk.bytes : std::max(walk.bytes, stored_.value_or(0));
}

bool Library::refresh() {
  std::unique_lock lock(mutex_);
  const auto now = Clock::now();
  const bool scanning = done_ < begun_;
  if (!scanning && now < rest_until_) return true;
  const uint64_t mine = want_scan();
  const auto wait_until = (scanning ? begun_at_ : now) + kMaxScanWait;
  const auto soon = std::max(now + kMinScanWait, slow_ ? now : wait_until);
  if (!changed_.wait_until(lock, soon, [&] { return walked_ >= mine; })) return false;
  return changed_.wait_for(lock, fresh_ <= kFewFiles ? kMaxReadWait : kMinScanWait,
                           [&] { return done_ >= mine; });
}

void Library::run_scans(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  Backoff backoff;
  while (changed_.wait(lock, stop, [this] { return wanted_ > begun_; })) {
    const uint64_t number = ++begun_;
    const auto begin = begun_at_ = Clock::now();
    lock.unlock();
    bool failed = false;
    Clock::duration walk_time{};
    try {
      const ScanResult found = walk_folder(stop);
      lock.lock();
      walked_ = number;
      fresh_ = found.fresh.size();
      walk_time = Clock::now() - begin;
      slow_ = walk_time > kMaxScanWait;
      changed_.notify_all();
      lock.unlock();
      read_changed(found, stop);
      backoff.reset();
    } catch (const std::exception& error) {
      log_event(LogLevel::kWarning, "library_not_scanned", {{"message", error.what()}});
      failed = true;
    }
    if (!lock.owns_lock()) lock.lock();
    const auto end = Clock::now();
    if (failed) {
      rest_until_ = end + backoff.next();
    } else if (slow_) {
      rest_until_ = end + std::min<Clock::duration>(kRest * walk_time, kLongestRest);
    }
    walked_ = done_ = number;
    changed_.notify_all();
  }
}

}  // namespace shijian::server
