#include "cache/entry_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

namespace shijian::cache {
namespace {

enum Encoding : uint32_t { kRaw = 0, kZstd = 1 };

// Features of real footage pack to 92% at any level, those of a synthetic clip to 46%; level 1
// packs 700 MB/s and unpacks 1 GB/s, level 6 packs a sixth of that for nothing. An eighth is what
// pays for unpacking.
constexpr int kLevel = 1;
constexpr size_t kLeastSaving = 8;

std::array<uint64_t, 2> key_bits(const std::string& key) {
  return {std::stoull(key.substr(0, 16), nullptr, 16), std::stoull(key.substr(16), nullptr, 16)};
}

// XXH3-128 of a header, up to its sum, and of a payload that comes in pieces.
class Sum {
 public:
  explicit Sum(const EntryHeader& header) : state_(XXH3_createState()) {
    if (!state_) throw std::bad_alloc();
    XXH3_128bits_reset(state_.get());
    update({reinterpret_cast<const char*>(&header), offsetof(EntryHeader, sum)});
  }
  void update(std::string_view bytes) {
    XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  }
  std::array<uint64_t, 2> value() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.low64, hash.high64};
  }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace

PackedEntry::PackedEntry(const std::string& key, std::string_view bytes) : payload_(bytes) {
  packed_.resize(ZSTD_compressBound(bytes.size()));
  const size_t got =
      ZSTD_compress(packed_.data(), packed_.size(), bytes.data(), bytes.size(), kLevel);
  if (!ZSTD_isError(got) && got < bytes.size() - bytes.size() / kLeastSaving) {
    header_.encoding = kZstd;
    payload_ = {packed_.data(), got};
  }
  header_.key = key_bits(key);
  header_.stored = payload_.size();
  header_.size = bytes.size();
  Sum sum(header_);
  sum.update(payload_);
  header_.sum = sum.value();
}

EntryFile::EntryFile(std::filesystem::path path)
    : path_(std::move(path)),
      fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)) {
  there_ = fd_ >= 0 && ::fstat(fd_, &info_) == 0 && S_ISREG(info_.st_mode);
}

EntryFile::~EntryFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool EntryFile::read_exactly(char* out, size_t bytes) {
  while (bytes > 0) {
    const ssize_t got = ::read(fd_, out, bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

// The header, when it is this entry's and agrees with the file's size.
std::optional<EntryHeader> EntryFile::header(const std::string& key) {
  const EntryHeader ours;
  EntryHeader found;
  if (!read_exactly(reinterpret_cast<char*>(&found), sizeof found) || found.magic != ours.magic ||
      found.version != ours.version || found.encoding > kZstd || found.key != key_bits(key) ||
      found.stored != static_cast<uint64_t>(info_.st_size) - sizeof found ||
      (found.encoding == kRaw && found.stored != found.size)) {
    return std::nullopt;
  }
  return found;
}

std::optional<std::string> EntryFile::read(const std::string& key, size_t max_bytes) {
  const std::optional<EntryHeader> head = header(key);
  if (!head || head->size > max_bytes || head->stored > ZSTD_compressBound(head->size)) {
    return std::nullopt;
  }
  std::string stored(head->stored, '\0');
  if (!read_exactly(stored.data(), stored.size())) return std::nullopt;
  Sum sum(*head);
  sum.update(stored);
  if (sum.value() != head->sum) return std::nullopt;
  if (head->encoding == kRaw) return stored;
  std::string bytes(head->size, '\0');
  const size_t got = ZSTD_decompress(bytes.data(), bytes.size(), stored.data(), stored.size());
  if (ZSTD_isError(got) || got != bytes.size()) return std::nullopt;
  return bytes;
}

bool EntryFile::check(const std::string& key) {
  const std::optional<EntryHeader> head = header(key);
  if (!head) return false;
  Sum sum(*head);
  std::string piece(size_t{1} << 20, '\0');
  for (uint64_t left = head->stored; left > 0;) {
    const size_t take = std::min<uint64_t>(left, piece.size());
    if (!read_exactly(piece.data(), take)) return false;
    sum.update({piece.data(), take});
    left -= take;
  }
  return sum.value() == head->sum;
}

void EntryFile::touch() {
  const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, timespec{0, UTIME_NOW}};
  ::futimens(fd_, times.data());
}

void EntryFile::remove() {
  struct stat now {};
  if (::stat(path_.c_str(), &now) == 0 && now.st_ino == info_.st_ino &&
      now.st_dev == info_.st_dev) {
    ::unlink(path_.c_str());
  }
}

}  // namespace shijian::cache
