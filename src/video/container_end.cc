#include "video/container_end.h"

#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string_view>

namespace shijian::video {
namespace {

constexpr int kMostElements = 1 << 16;  // of one file that are looked at

// Big-endian, as boxes and EBML have it.
uint64_t big_endian(const uint8_t* bytes, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

// An element's place in the file; `end` is empty when the element does not say it.
struct Extent {
  uint64_t id = 0;
  std::optional<uint64_t> end;
};

class Outline {
 public:
  explicit Outline(const InputFile& file)
      : file_(file), size_(static_cast<uint64_t>(file.size())) {}

  bool ends_early() {
    load(0);
    if (have_ < 16) return false;
    const std::string_view head(reinterpret_cast<const char*>(bytes_.data()), 16);
    if (head.starts_with("RIFF") && head.substr(8, 3) == "AVI") return riff();
    if (big_endian(bytes_.data(), 4) == 0x1a45dfa3) return follow([this] { return ebml(); });
    if (head.substr(4, 4) == "ftyp" || head.substr(4, 4) == "moov" || head.substr(4, 4) == "wide" ||
        head.substr(4, 4) == "mdat" || head.substr(4, 4) == "free") {
      return follow([this] { return box(); });
    }
    return false;
  }

 private:
  void load(uint64_t at) {
    at_ = at;
    const ssize_t got = ::pread(file_.fd(), bytes_.data(), bytes_.size(), static_cast<off_t>(at));
    have_ = got < 0 ? 0 : static_cast<size_t>(got);
  }

  // The first chunk's length; writers that were interrupted leave it 0.
  bool riff() const {
    uint32_t length = 0;
    std::memcpy(&length, bytes_.data() + 4, sizeof length);  // little-endian, as x86 is
    constexpr uint64_t kPadding = 16;
    return uint64_t{length} + 8 > size_ + kPadding;
  }

  template <typename Element>
  bool follow(Element element) {
    for (int i = 0; i < kMostElements; ++i) {
      const std::optional<Extent> extent = element();
      if (!extent || !extent->end) return false;
      if (*extent->end > size_) return true;
      if (*extent->end <= at_ || *extent->end == size_) return false;
      load(*extent->end);
    }
    return false;
  }

  std::optional<Extent> box() const {
    if (have_ < 16) return std::nullopt;
    const std::string_view type(reinterpret_cast<const char*>(bytes_.data()) + 4, 4);
    constexpr std::string_view kTypes[] = {"ftyp", "styp", "moov", "moof", "mdat", "free", "skip",
                                           "wide", "uuid", "sidx", "mfra", "meta", "emsg", "prft"};
    bool known = false;
    for (const std::string_view one : kTypes) known = known || one == type;
    if (!known) return std::nullopt;  // what is appended to a file says nothing of it
    uint64_t length = big_endian(bytes_.data(), 4);
    if (length == 0) return Extent{0, std::nullopt};  // to the end
    if (length == 1) length = big_endian(bytes_.data() + 8, 8);
    return Extent{0, length > UINT64_MAX - at_ ? UINT64_MAX : at_ + length};
  }

  std::optional<Extent> ebml() const {
    if (have_ < 16) return std::nullopt;
    const uint64_t id = big_endian(bytes_.data(), 4);
    if (id != 0x1a45dfa3 && id != 0x18538067 && id != 0x1f43b675) return std::nullopt;
    const uint8_t first = bytes_[4];
    int count = 1;
    while (count <= 8 && !(first & (0x80 >> (count - 1)))) ++count;
    if (count > 8) return std::nullopt;
    const uint64_t all = (uint64_t{1} << (7 * count)) - 1;
    const uint64_t length = big_endian(bytes_.data() + 4, count) & all;
    if (length == all) return Extent{id, std::nullopt};  // unknown, as in what is being written
    return Extent{id, at_ + 4 + count + length};
  }

  const InputFile& file_;
  const uint64_t size_;
  uint64_t at_ = 0;
  std::array<uint8_t, 16> bytes_{};
  size_t have_ = 0;
};

}  // namespace

bool ends_early(const InputFile& file) { return Outline(file).ends_early(); }

}  // namespace shijian::video
