#include "cache/content_hashes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace shijian {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

struct Closer {
  int fd;
  ~Closer() { ::close(fd); }
};

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

std::string in_words(const struct stat& info) {
  return fmt::format("{} {} {} {}.{} {}.{}", info.st_dev, info.st_ino, info.st_size,
                     info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec,
                     info.st_ctim.tv_nsec);
}

}  // namespace

std::string file_state(const std::filesystem::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? in_words(info) : std::string();
}

std::string ContentHashes::of(const std::filesystem::path& path, const CancelToken& cancel) {
  require_regular_file(path, "file");
  const Closer file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat info {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) throw system_error("open", path.string(), errno);
  const std::string state = in_words(info);
  {
    const std::lock_guard lock(mutex_);
    if (const std::string* hash = known_.find(state)) return *hash;
  }
  const std::unique_ptr<XXH3_state_t, FreeState> sum(XXH3_createState());
  if (!sum) throw Error(ErrorCode::kNoMemory, "hash a file: no memory");
  XXH3_128bits_reset(sum.get());
  std::vector<char> piece(kPiece);
  while (true) {
    cancel.check();
    const ssize_t got = ::read(file.fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path.string(), errno);
    if (got == 0) break;
    XXH3_128bits_update(sum.get(), piece.data(), static_cast<size_t>(got));
  }
  const XXH128_hash_t digest = XXH3_128bits_digest(sum.get());
  std::string hash = fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
  const std::lock_guard lock(mutex_);
  ++files_read_;
  constexpr int64_t kEntryBytes = 256;
  known_.put(state, hash, kEntryBytes);
  return hash;
}

int64_t ContentHashes::files_read() const {
  const std::lock_guard lock(mutex_);
  return files_read_;
}

}  // namespace shijian
