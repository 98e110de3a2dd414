#include "server/uploads.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <system_error>

#include "base/hash.h"
#include "http/server.h"

namespace shijian::server {
namespace fs = std::filesystem;

ContentRange parse_content_range(std::string_view text) {
  const http::HttpError wrong(400, "Content-Range is not 'bytes FIRST-LAST/TOTAL'"_text);
  const auto number = [&](std::string_view* rest, char end) {
    int64_t value = 0;
    const auto [at, failed] = std::from_chars(rest->data(), rest->data() + rest->size(), value);
    if (failed != std::errc() || value < 0) throw wrong;
    rest->remove_prefix(static_cast<size_t>(at - rest->data()));
    if (end != '\0') {
      if (rest->empty() || rest->front() != end) throw wrong;
      rest->remove_prefix(1);
    }
    return value;
  };
  if (!text.starts_with("bytes ")) throw wrong;
  text.remove_prefix(6);
  ContentRange range;
  range.first = number(&text, '-');
  range.last = number(&text, '/');
  range.total = number(&text, '\0');
  if (!text.empty() || range.first > range.last || range.last >= range.total) throw wrong;
  return range;
}

namespace {
constexpr auto kKept = std::chrono::hours(24);
}  // namespace

PartialFile::PartialFile(fs::path path, bool append) : path_(std::move(path)) {
  descriptor_ =
      ::open(path_.c_str(),
             O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (append ? O_APPEND : O_TRUNC), 0600);
  if (descriptor_ < 0) throw system_error("store the upload"_text, errno);
  if (append) {
    size_ = ::lseek(descriptor_, 0, SEEK_END);
  } else {
    hasher_.emplace();
  }
}

PartialFile::~PartialFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  std::error_code ignored;
  fs::remove(path_, ignored);
}

void PartialFile::write(std::span<const std::byte> bytes) {
  if (hasher_) hasher_->update(bytes);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error("store the upload"_text, errno);
    size_ += written;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void PartialFile::cut(int64_t size) {
  if (::ftruncate(descriptor_, size) != 0) throw system_error("store the upload"_text, errno);
  size_ = size;
  hasher_.reset();
}

void PartialFile::close() {
  if (::fsync(descriptor_) != 0) throw system_error("store the upload"_text, errno);
  ::close(descriptor_);
  descriptor_ = -1;
}

void PartialFile::keep() { close(); }

fs::path PartialFile::release() {
  close();
  if (hasher_) hash_ = hasher_->digest();
  return path_;
}

UploadQuota::UploadQuota(Library& library)
    : library_(library), remaining_(library.remaining_quota()) {
  if (remaining_ <= 0) library_.check_quota(1);
}

void UploadQuota::check(int64_t bytes) {
  if (bytes <= remaining_) return;
  library_.check_quota(0);
  remaining_ = bytes + library_.remaining_quota();  // something was deleted meanwhile
}

fs::path fresh_upload_path(const fs::path& folder) {
  static std::atomic<int64_t> next{0};
  return folder / fmt::format("whole-{}-{}", ::getpid(), next++);
}

fs::path Uploads::path_of(const std::string& name, int64_t total) const {
  const std::string key = fmt::format("{}\n{}", name, total);
  return library_.partial_folder() / ("piece-" + content_hash(std::as_bytes(std::span(key))));
}

int64_t Uploads::received(const std::string& name, int64_t total) const {
  std::error_code missing;
  const auto size = fs::file_size(path_of(name, total), missing);
  return missing ? 0 : static_cast<int64_t>(size);
}

void Uploads::forget(const std::string& name, int64_t total) {
  const fs::path path = path_of(name, total);
  const Claim claim(*this, path);
  std::error_code ignored;
  fs::remove(path, ignored);
}

void Uploads::sweep(bool at_start) {
  const auto old = fs::file_time_type::clock::now() - kKept;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(library_.partial_folder(), ignored)) {
    // What a process that is gone received in one piece can never be completed.
    const bool orphan = at_start && entry.path().filename().string().starts_with("whole-");
    if (orphan || fs::last_write_time(entry.path(), ignored) < old)
      fs::remove(entry.path(), ignored);
  }
}

Uploads::Claim::Claim(Uploads& uploads, fs::path path) : uploads_(uploads), path_(std::move(path)) {
  const std::lock_guard lock(uploads_.mutex_);
  if (!uploads_.claimed_.insert(path_).second) {
    throw http::HttpError(409, "another connection uploads this file"_text,
                          "wait for it, or use another name"_text);
  }
}

void Uploads::Claim::release() {
  const std::lock_guard lock(uploads_.mutex_);
  if (!path_.empty()) uploads_.claimed_.erase(path_);
  path_.clear();
}

}  // namespace shijian::server
