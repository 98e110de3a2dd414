#include "video/container_end.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "video/animation.h"

extern "C" {
#include <libavcodec/dv_profile.h>
}

namespace shijian::video {
namespace {

using namespace std::string_view_literals;

constexpr int kMostElements = 1 << 16;  // of one file that are looked at

// Big-endian, as boxes and EBML have it.
uint64_t big_endian(const uint8_t* bytes, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

// Reads a little-endian number, as RIFF, ASF and IVF store it.
uint64_t little_endian(const uint8_t* bytes, int count) {
  uint64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

std::vector<uint8_t> bytes_at(const InputFile& file, int64_t at, size_t bytes) {
  std::vector<uint8_t> out(bytes);
  const ssize_t got = ::pread(file.fd(), out.data(), bytes, at);
  out.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return out;
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

  FileEnd find_end() {
    load(0);
    if (have_ < 16) return FileEnd::kUnknown;
    const std::string_view head = text();
    if (head.starts_with("RIFF") && head.substr(8, 3) == "AVI") return riff(kPadding);
    if (head.starts_with("RIFF") && head.substr(8, 4) == "WEBP") return riff(0);
    if (head == kAsfHeader) return follow([this] { return asf(); });
    if (big_endian(bytes_.data(), 4) == 0x1a45dfa3) return follow([this] { return ebml(); });
    if (head.substr(4, 4) == "ftyp" || head.substr(4, 4) == "moov" || head.substr(4, 4) == "wide" ||
        head.substr(4, 4) == "mdat" || head.substr(4, 4) == "free") {
      return follow([this] { return box(); });
    }
    if (head.starts_with("OggS")) return ogg();
    if (head.starts_with("DKIF")) {
      return follow([this] { return ivf(); }) == FileEnd::kEarly ? FileEnd::kTruncated
                                                                 : FileEnd::kUnknown;
    }
    if (head.starts_with("GIF8") || head.starts_with("\x89PNG")) {
      return lacks_trailer(MappedFile(file_.fd(), file_.name()).bytes()) ? FileEnd::kTruncated
                                                                         : FileEnd::kWhole;
    }
    // The header block of a frame begins so.
    if (head.starts_with("\x1f\x07\0"sv)) return dv();
    for (const Unit unit : {Unit{188, 0, 0x47}, Unit{192, 4, 0x47}, Unit{204, 0, 0x47}}) {
      if (consists_of(unit)) return end_of(unit);
    }
    return FileEnd::kUnknown;
  }

 private:
  static constexpr uint64_t kPadding = 16;  // bytes
  static constexpr std::string_view kAsfHeader =
      "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv;
  static constexpr std::string_view kAsfData =
      "\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv;

  // What a file consists of, one after the other: all have one length, and one byte in one place.
  struct Unit {
    uint64_t bytes;
    uint64_t mark_at;
    uint8_t mark;
  };

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), std::min<size_t>(have_, 16)};
  }

  bool marked(const Unit& unit, uint64_t at) {
    load(at + unit.mark_at);
    return have_ > 0 && bytes_[0] == unit.mark;
  }

  bool consists_of(const Unit& unit) {
    constexpr uint64_t kUnits = 8;
    for (uint64_t i = 0; i < kUnits; ++i) {
      if (!marked(unit, i * unit.bytes)) return false;
    }
    return true;
  }

  // Judges the end only if the last unit is aligned like the first ones: after a loss in the middle
  // the length of the file says nothing, and appended bytes are no unit.
  FileEnd end_of(const Unit& unit) {
    const uint64_t rest = size_ % unit.bytes, end = size_ - rest;
    const bool aligned = end >= unit.bytes && marked(unit, end - unit.bytes);
    if (rest == 0 || !aligned) return FileEnd::kUnknown;
    return rest <= unit.mark_at || marked(unit, end) ? FileEnd::kTruncated : FileEnd::kUnknown;
  }

  FileEnd dv() {
    constexpr size_t kHeader = 480;
    const std::vector<uint8_t> header = bytes_at(file_, 0, kHeader);
    const AVDVProfile* profile =
        av_dv_frame_profile(nullptr, header.data(), static_cast<unsigned>(header.size()));
    if (profile == nullptr) return FileEnd::kUnknown;
    return end_of({static_cast<uint64_t>(profile->frame_size), 0, 0x1f});
  }

  // The last page of a file is also the last one of its stream, and says so.
  FileEnd ogg() const {
    constexpr uint64_t kHeader = 27, kLargest = kHeader + 255 + 255 * 255;
    constexpr uint8_t kEndOfStream = 4;
    const uint64_t room = std::min(size_, kLargest);
    const std::vector<uint8_t> tail = bytes_at(file_, static_cast<int64_t>(size_ - room), room);
    const std::string_view bytes(reinterpret_cast<const char*>(tail.data()), tail.size());
    const size_t at = bytes.rfind("OggS");
    if (at == std::string_view::npos) return FileEnd::kUnknown;
    const uint8_t* page = tail.data() + at;
    const size_t left = tail.size() - at;
    if (left < kHeader || left < kHeader + page[26]) return FileEnd::kTruncated;
    size_t length = kHeader + page[26];
    for (size_t i = 0; i < page[26]; ++i) length += page[kHeader + i];
    return left < length || (page[5] & kEndOfStream) == 0 ? FileEnd::kTruncated : FileEnd::kWhole;
  }

  void load(uint64_t at) {
    at_ = at;
    const ssize_t got = ::pread(file_.fd(), bytes_.data(), bytes_.size(), static_cast<off_t>(at));
    have_ = got < 0 ? 0 : static_cast<size_t>(got);
  }

  // The first chunk's length; writers that were interrupted leave it 0. Up to `padding` bytes may
  // be missing.
  FileEnd riff(uint64_t padding) const {
    const uint64_t length = little_endian(bytes_.data() + 4, 4);
    if (length == 0) return FileEnd::kUnknown;
    return length + 8 > size_ + padding ? FileEnd::kEarly : FileEnd::kWhole;
  }

  template <typename Element>
  FileEnd follow(Element element) {
    for (int i = 0; i < kMostElements; ++i) {
      const std::optional<Extent> extent = element();
      if (!extent) return FileEnd::kWhole;
      if (!extent->end) return FileEnd::kUnknown;
      if (*extent->end > size_) return FileEnd::kEarly;
      if (*extent->end <= at_ || *extent->end == size_) return FileEnd::kWhole;
      load(*extent->end);
    }
    return FileEnd::kWhole;
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

  // The header and the data. While a file is being written, the length of its data is 0.
  std::optional<Extent> asf() const {
    if (have_ < 24 || (text() != kAsfHeader && text() != kAsfData)) return std::nullopt;
    const uint64_t length = little_endian(bytes_.data() + 16, 8);
    if (length == 0) return Extent{0, std::nullopt};
    return Extent{0, length > UINT64_MAX - at_ ? UINT64_MAX : at_ + length};
  }

  // The header says its own length; frames come with 12 bytes before each.
  std::optional<Extent> ivf() const {
    constexpr uint64_t kFrameHeader = 12;
    if (at_ == 0) return Extent{0, little_endian(bytes_.data() + 6, 2)};
    if (have_ < kFrameHeader) return Extent{0, at_ + kFrameHeader};
    return Extent{0, at_ + kFrameHeader + little_endian(bytes_.data(), 4)};
  }

  const InputFile& file_;
  const uint64_t size_;
  uint64_t at_ = 0;
  std::array<uint8_t, 24> bytes_{};
  size_t have_ = 0;
};

}  // namespace

FileEnd find_end(const InputFile& file) { return Outline(file).find_end(); }

}  // namespace shijian::video
