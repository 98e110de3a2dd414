#include "cache/content_hashes.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace shijian::cache {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

struct Closer {
  int fd;
  ~Closer() { ::close(fd); }
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

ContentHasher::ContentHasher() {
  gnutls_hash_hd_t state = nullptr;
  const int code = gnutls_hash_init(&state, GNUTLS_DIG_SHA256);
  if (code != 0) throw Error(ErrorCode::kNoMemory, "hash a file: no memory"_text);
  state_ = state;
}

ContentHasher::ContentHasher(ContentHasher&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)) {}

ContentHasher& ContentHasher::operator=(ContentHasher&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

ContentHasher::~ContentHasher() {
  if (state_ != nullptr) gnutls_hash_deinit(static_cast<gnutls_hash_hd_t>(state_), nullptr);
}

void ContentHasher::update(std::span<const std::byte> bytes) {
  const int code = gnutls_hash(static_cast<gnutls_hash_hd_t>(state_), bytes.data(), bytes.size());
  CHECK(code == 0, "SHA-256: {}", code);
}

std::string ContentHasher::digest() {
  std::array<unsigned char, 32> digest;
  gnutls_hash_deinit(static_cast<gnutls_hash_hd_t>(std::exchange(state_, nullptr)), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string ContentHashes::of(const std::filesystem::path& path, const std::stop_token& cancel) {
  require_regular_file(path, "file"_text);
  const Closer file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat info {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0)
    throw system_error("open {}"_text(path.string()), errno);
  const std::string state = in_words(info);
  {
    const std::lock_guard lock(mutex_);
    if (const std::string* hash = known_.find(state)) return *hash;
  }
  ContentHasher hasher;
  std::vector<std::byte> piece(kPiece);
  while (true) {
    throw_if_cancelled(cancel);
    const ssize_t got = ::read(file.fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read {}"_text(path.string()), errno);
    if (got == 0) break;
    hasher.update({piece.data(), static_cast<size_t>(got)});
  }
  std::string hash = hasher.digest();
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

}  // namespace shijian::cache
