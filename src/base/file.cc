#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace shijian {
namespace {

struct stat status_of(int fd, const std::string& name) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw system_error("stat {}"_text(name), errno);
  return info;
}

// Where writing to `path` would create or replace a file: symbolic links followed, the last of
// which may lead nowhere yet.
std::filesystem::path end_of_links(std::filesystem::path path) {
  constexpr int kMostLinks = 40;
  std::error_code error;
  for (int i = 0; i < kMostLinks && std::filesystem::is_symlink(path, error); ++i) {
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
  }
  return path;
}

// A point and six characters.
std::string random_ending() {
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string ending = ".";
  while (ending.size() < 7) ending += kCharacters[random() % kCharacters.size()];
  return ending;
}

}  // namespace

// O_NONBLOCK so that opening a FIFO returns at once and fstat can refuse it.
Descriptor open_regular_file(const std::filesystem::path& path, const Text& what) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) throw system_error("open {} {}"_text(what, path.string()), errno);
  const mode_t mode = status_of(file.get(), path.string()).st_mode;
  if (S_ISREG(mode)) return file;
  const Text kind = S_ISDIR(mode)    ? Text("a directory"_text)
                    : S_ISFIFO(mode) ? Text("a FIFO"_text)
                                     : Text("not a regular file"_text);
  throw Error(ErrorCode::kInvalid, "open {} {}: it is {}"_text(what, path.string(), kind),
              "name a regular file"_text);
}

MappedFile::MappedFile(const std::filesystem::path& path)
    : MappedFile(open_regular_file(path, "file"_text).get(), path.string()) {}

MappedFile::MappedFile(int fd, const std::string& name) {
  size_ = static_cast<size_t>(status_of(fd, name).st_size);
  if (size_ == 0) return;
  void* map = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) throw system_error("map {}"_text(name), errno);
  data_ = static_cast<const std::byte*>(map);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void require_regular_file(const std::filesystem::path& path, const Text& what) {
  open_regular_file(path, what);
}

std::string read_file(const std::filesystem::path& path, size_t max_bytes) {
  MappedFile file(path);
  if (file.size() > max_bytes) {
    throw Error(
        ErrorCode::kInvalid,
        "read {}: {} bytes, at most {} are accepted"_text(path.string(), file.size(), max_bytes),
        "see whether it is the right file"_text);
  }
  return std::string(file.text());
}

OutputFile::OutputFile(const std::filesystem::path& path) : target_(path) {
  struct stat old {};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) {
    throw Error(ErrorCode::kInvalid, "write {}: it is a directory"_text(path.string()),
                "name a file in it"_text);
  }
  if (exists && !S_ISREG(old.st_mode)) {
    file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file_.get() < 0) throw system_error("open {}"_text(path.string()), errno);
    return;
  }
  target_ = end_of_links(path);
  // Not mkostemp, whose files do not follow the umask.
  for (int tries = 0; file_.get() < 0 && tries < 100; ++tries) {
    temporary_ = target_.string() + random_ending();
    file_ = Descriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file_.get() < 0 && errno != EEXIST) break;
  }
  if (file_.get() < 0) {
    const int error = errno;
    temporary_.clear();
    throw system_error("create {}"_text(path.string()), error);
  }
  if (exists) ::fchmod(file_.get(), old.st_mode & 07777);
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::span<const std::string_view> pieces, const std::stop_token& cancel) {
  constexpr size_t kMost = size_t{16} << 20;  // bytes between looks at the token
  for (std::string_view content : pieces) {
    while (!content.empty()) {
      throw_if_cancelled(cancel);
      const ssize_t written = ::write(file_.get(), content.data(), std::min(content.size(), kMost));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw system_error("write {}"_text(target_.string()), errno);
      content.remove_prefix(static_cast<size_t>(written));
    }
  }
  if (temporary_.empty()) return;  // a FIFO has no disk
  if (::fsync(file_.get()) != 0) throw system_error("sync {}"_text(target_.string()), errno);
}

void OutputFile::commit() {
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    throw system_error("rename {}"_text(target_.string()), errno);
  }
  temporary_.clear();
}

void write_file_atomic(const std::filesystem::path& path, std::string_view content) {
  write_file_atomic(path, std::span(&content, 1));
}

void write_file_atomic(const std::filesystem::path& path,
                       std::span<const std::string_view> pieces) {
  OutputFile file(path);
  file.write(pieces);
  file.commit();
}

}  // namespace shijian
