#include "cache/disk_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "cache/entry_file.h"

namespace shijian::cache {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSuffix = ".cache";
constexpr size_t kKeyDigits = 32;
constexpr int64_t kForgottenSeconds = 3600;  // age of a temporary file whose writer is gone

bool is_digits(std::string_view text, size_t count) {
  return text.size() == count && text.find_first_not_of("0123456789abcdef") == text.npos;
}

int64_t whole_blocks(int64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

struct CachedFile {
  fs::path path;
  std::string key;  // empty: a writer's temporary file
  int64_t bytes = 0;
  timespec used{};
};

// Every entry and temporary file of the store.
std::vector<CachedFile> find_files(const fs::path& folder) {
  std::vector<CachedFile> all;
  std::error_code ignored;
  for (const auto& shard : fs::directory_iterator(folder, ignored)) {
    const std::string digits = shard.path().filename().string();
    if (!is_digits(digits, 2)) continue;
    for (const auto& file : fs::directory_iterator(shard.path(), ignored)) {
      const std::string name = file.path().filename().string();
      const std::string key = name.substr(0, kKeyDigits);
      const std::string_view rest = std::string_view(name).substr(key.size());
      if (!is_digits(key, kKeyDigits) || !key.starts_with(digits) || !rest.starts_with(kSuffix)) {
        continue;
      }
      // write_file_atomic adds a point and six characters.
      const bool temporary = rest.size() == kSuffix.size() + 7 && rest[kSuffix.size()] == '.';
      if (rest.size() != kSuffix.size() && !temporary) continue;
      struct stat info {};
      if (::lstat(file.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      all.push_back({file.path(), temporary ? "" : key, whole_blocks(info.st_size), info.st_mtim});
    }
  }
  return all;
}

DiskUsage usage_of(const std::vector<CachedFile>& files) {
  DiskUsage usage;
  for (const CachedFile& file : files) {
    usage.bytes += file.bytes;
    if (file.key.empty()) continue;
    usage.oldest = usage.entries == 0 ? file.used.tv_sec : std::min(usage.oldest, file.used.tv_sec);
    usage.newest = std::max(usage.newest, file.used.tv_sec);
    ++usage.entries;
  }
  return usage;
}

bool used_before(const CachedFile& a, const CachedFile& b) {
  return std::tie(a.used.tv_sec, a.used.tv_nsec, a.key) <
         std::tie(b.used.tv_sec, b.used.tv_nsec, b.key);
}

// Nobody else reads what a video shows.
void make_private_folders(const fs::path& folder) {
  if (folder.empty() || ::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) throw system_error("create {}"_text(folder.string()), errno);
  make_private_folders(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw system_error("create {}"_text(folder.string()), errno);
  }
}

// Tells backup programs that nothing here is worth keeping (bford.info/cachedir).
void mark_folder(const fs::path& folder) {
  const fs::path tag = folder / "CACHEDIR.TAG";
  std::error_code ignored;
  if (fs::exists(tag, ignored)) return;
  write_file_atomic(tag,
                    "Signature: 8a477f597d28d172789f06886806bc55\n"
                    "# This folder holds what shijian can compute again.\n");
}

}  // namespace

DiskStore::DiskStore(DiskStoreOptions options) : options_(std::move(options)) {}

fs::path DiskStore::path_of(const std::string& key) const {
  CHECK(is_digits(key, kKeyDigits), "key {}", key);
  return options_.folder / key.substr(0, 2) / (key + std::string(kSuffix));
}

std::optional<std::string> DiskStore::get(const std::string& key, size_t max_bytes) {
  EntryFile file(path_of(key));
  std::optional<std::string> bytes;
  if (file.there()) {
    bytes = file.read(key, max_bytes);
    if (bytes) {
      file.touch();
    } else {
      file.remove();
    }
  }
  const std::lock_guard lock(mutex_);
  ++(bytes ? counters_.hits : counters_.misses);
  if (file.there() && !bytes) ++counters_.damaged;
  return bytes;
}

bool DiskStore::put(const std::string& key, std::string_view bytes) {
  const fs::path path = path_of(key);
  const PackedEntry entry(key, bytes);
  const std::array<std::string_view, 2> pieces = {entry.header(), entry.payload()};
  const auto size = static_cast<int64_t>(pieces[0].size() + pieces[1].size());
  try {
    if (size > options_.max_bytes) {
      throw Error(ErrorCode::kUsage, "store {}: {} bytes, and the cache may hold {}"_text(
                                         path.string(), size, options_.max_bytes));
    }
    make_private_folders(path.parent_path());
    mark_folder(options_.folder);
    write_file_atomic(path, pieces);
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    ++counters_.failed;
    counters_.last_failure = error.message_text();
    return false;
  }
  add(whole_blocks(size));
  return true;
}

// Counts what was stored, and looks at the folder where that may have gone past the limit. Another
// process's entries are seen after a sixteenth of the limit at the latest.
void DiskStore::add(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  ++counters_.stored;
  added_ += bytes;
  if (bytes_ >= 0) bytes_ += bytes;
  if (bytes_ < 0 || bytes_ > options_.max_bytes || added_ > options_.max_bytes / 16) {
    bytes_ = evict();
    added_ = 0;
  }
}

// Returns the bytes that are left.
int64_t DiskStore::evict() {
  std::vector<CachedFile> files = find_files(options_.folder);
  const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  std::error_code ignored;
  std::erase_if(files, [&](const CachedFile& file) {
    return file.key.empty() && file.used.tv_sec < now - kForgottenSeconds &&
           fs::remove(file.path, ignored);
  });
  int64_t bytes = usage_of(files).bytes;
  if (bytes <= options_.max_bytes) return bytes;
  const int64_t goal = options_.max_bytes / 10 * 9;
  std::erase_if(files, [](const CachedFile& file) { return file.key.empty(); });
  std::sort(files.begin(), files.end(), used_before);
  for (const CachedFile& file : files) {
    if (bytes <= goal) break;
    if (fs::remove(file.path, ignored)) ++counters_.evicted;
    bytes -= file.bytes;
  }
  return bytes;
}

DiskUsage DiskStore::usage() const { return usage_of(find_files(options_.folder)); }

DiskUsage DiskStore::clear() {
  std::vector<CachedFile> gone;
  for (CachedFile& file : find_files(options_.folder)) {
    if (::unlink(file.path.c_str()) == 0) {
      gone.push_back(std::move(file));
    } else if (errno != ENOENT) {
      throw system_error("remove {}"_text(file.path.string()), errno);
    }
  }
  const std::lock_guard lock(mutex_);
  bytes_ = -1;
  return usage_of(gone);
}

DiskCheck DiskStore::verify(const std::stop_token& cancel) {
  DiskCheck check;
  for (const CachedFile& found : find_files(options_.folder)) {
    throw_if_cancelled(cancel);
    EntryFile file(found.path);
    if (found.key.empty() || !file.there()) continue;
    ++check.checked;
    if (file.check(found.key)) {
      check.bytes += file.bytes();
    } else {
      ++check.damaged;
      file.remove();
    }
  }
  const std::lock_guard lock(mutex_);
  counters_.damaged += check.damaged;
  return check;
}

DiskCounters DiskStore::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace shijian::cache
