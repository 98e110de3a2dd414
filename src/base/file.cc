#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace shijian {
namespace {

struct stat status_of(int fd, const std::string& name) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw system_error("stat", name, errno);
  return info;
}

}  // namespace

// O_NONBLOCK so that opening a FIFO returns at once and fstat can refuse it.
Descriptor open_regular_file(const std::filesystem::path& path, std::string_view what) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) throw system_error(fmt::format("open {}", what), path.string(), errno);
  const mode_t mode = status_of(file.get(), path.string()).st_mode;
  if (S_ISREG(mode)) return file;
  const char* kind = S_ISDIR(mode)    ? "a directory"
                     : S_ISFIFO(mode) ? "a FIFO"
                                      : "not a regular file";
  throw Error(ErrorCode::kInvalid, fmt::format("open {} {}: it is {}", what, path.string(), kind),
              "name a regular file");
}

MappedFile::MappedFile(const std::filesystem::path& path)
    : MappedFile(open_regular_file(path, "file").get(), path.string()) {}

MappedFile::MappedFile(int fd, const std::string& name) {
  size_ = static_cast<size_t>(status_of(fd, name).st_size);
  if (size_ == 0) return;
  void* map = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) throw system_error("map", name, errno);
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

void require_regular_file(const std::filesystem::path& path, std::string_view what) {
  open_regular_file(path, what);
}

std::string read_file(const std::filesystem::path& path, size_t max_bytes) {
  MappedFile file(path);
  if (file.size() > max_bytes) {
    throw Error(ErrorCode::kInvalid, fmt::format("read {}: {} bytes, at most {} are accepted",
                                                 path.string(), file.size(), max_bytes));
  }
  return std::string(file.text());
}

void write_file_atomic(const std::filesystem::path& path, std::string_view content) {
  write_file_atomic(path, std::span(&content, 1));
}

void write_file_atomic(const std::filesystem::path& path, std::span<const std::string_view> pieces,
                       const CancelToken& cancel) {
  constexpr size_t kMost = size_t{16} << 20;  // bytes between looks at the token
  std::string temporary = path.string() + ".XXXXXX";
  Descriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (fd.get() < 0) throw system_error("create", temporary, errno);
  auto fail = [&](std::string_view operation) {
    const int error = errno;
    ::unlink(temporary.c_str());
    throw system_error(operation, path.string(), error);
  };
  for (std::string_view content : pieces) {
    while (!content.empty()) {
      if (cancel.cancelled()) {
        ::unlink(temporary.c_str());
        cancel.check();
      }
      const ssize_t written = ::write(fd.get(), content.data(), std::min(content.size(), kMost));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write");
      content.remove_prefix(static_cast<size_t>(written));
    }
  }
  ::fchmod(fd.get(), 0644);
  if (::fsync(fd.get()) != 0) fail("sync");
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail("rename");
}

}  // namespace shijian
