// Containers whose elements say their length and hold others: boxes, EBML, RIFF, ASF.
#include <algorithm>
#include <array>
#include <bit>

#include "video/container_walk.h"

namespace shijian::video {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kAsfHeader =
    "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv;
constexpr std::string_view kAsfData =
    "\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv;

constexpr uint64_t kEbml = 0x1a45dfa3, kSegment = 0x18538067, kCluster = 0x1f43b675;

constexpr std::string_view kBoxes[] = {"ftyp", "styp", "moov", "moof", "mdat", "free", "skip",
                                       "wide", "uuid", "sidx", "mfra", "meta", "emsg", "prft"};

std::optional<Element> box(const Head& head, FileEnd cut) {
  // What is appended to a file says nothing of it.
  if (head.have < 8 || std::ranges::find(kBoxes, head.text(4, 4)) == std::end(kBoxes)) {
    return std::nullopt;
  }
  const uint64_t length = big_endian(head.bytes.data(), 4);
  if (length == 0) return Element{};  // to the end
  if (length > 1) return element(head.at, length, cut);
  return element(head.at, head.have < 16 ? 16 : big_endian(head.bytes.data() + 8, 8), cut);
}

// Walks the outermost boxes. Those of a file with one `moov` may lie about the length of its data:
// the tracks say what there is. What a fragment lacks nothing else tells.
FileEnd boxes(const FileBytes& file) {
  bool fragmented = false;
  return follow(file, [&](const Head& head) {
    const std::string_view type = head.text(4, 4);
    fragmented = fragmented || type == "moof";
    const bool needed = fragmented && (type == "moof" || type == "mdat");
    return box(head, needed ? FileEnd::kTruncated : FileEnd::kEarly);
  });
}

// Fragments alone are read to the end of the last file.
bool has_second_movie(const FileBytes& file) {
  int movies = 0;
  bool fragmented = false;
  follow(file, [&](const Head& head) {
    movies += head.text(4, 4) == "moov";
    fragmented = head.text(4, 4) == "moof";
    return fragmented ? std::nullopt : box(head, FileEnd::kEarly);
  });
  return movies > 1 && !fragmented;
}

// The bytes of a variable-length number that begins with `first`; 9 where there is none.
int ebml_bytes(uint8_t first) { return std::countl_zero(first) + 1; }

// Walks the outermost elements of Matroska, and those of a segment or cluster that was written
// before its length was known.
class Ebml {
 public:
  explicit Ebml(const FileBytes& file) : file_(file) {}

  FileEnd find_end() {
    const FileEnd end = follow(file_, [this](const Head& head) { return next(head); });
    return open_ ? open_end(end) : end;
  }

 private:
  std::optional<Element> next(const Head& head) {
    const int id_bytes = ebml_bytes(head.bytes[0]);
    if (id_bytes > 4 || !is_known(big_endian(head.bytes.data(), id_bytes))) return std::nullopt;
    const uint64_t id = big_endian(head.bytes.data(), id_bytes);
    const int count = ebml_bytes(head.bytes[id_bytes]);
    const uint64_t header = static_cast<uint64_t>(id_bytes) + static_cast<uint64_t>(count);
    if (head.have < header) {
      return element(head.at, kLongestHeader, cut());
    }
    if (count > 8) return std::nullopt;
    const uint64_t all = (uint64_t{1} << (7 * count)) - 1;
    const uint64_t length = big_endian(head.bytes.data() + id_bytes, count) & all;
    if (length != all) return element(head.at, header + length, cut());
    if (id != kSegment && id != kCluster) return Element{};
    open_ = true;
    return element(head.at, header, cut());
  }

  // What is in a segment of unknown length has been written in order, and was complete.
  FileEnd cut() const { return open_ ? FileEnd::kTruncated : FileEnd::kEarly; }

  bool is_known(uint64_t id) const {
    constexpr uint64_t kTop[] = {kEbml, kSegment, kCluster};
    // Of a segment, of a cluster, and of both.
    constexpr uint64_t kInside[] = {
        0x114d9b74, 0x1549a966, 0x1654ae6b, 0x1c53bb6b, 0x1043a770, 0x1254c367, 0x1941a469, 0xe7,
        0x5854,     0xa7,       0xab,       0xa0,       0xa3,       0xaf,       0xec,       0xbf};
    return std::ranges::find(kTop, id) != std::end(kTop) ||
           (open_ && std::ranges::find(kInside, id) != std::end(kInside));
  }

  static constexpr uint64_t kLongestHeader = 12;

  const FileBytes& file_;
  bool open_ = false;  // inside of what does not say its length
};

// Walks the chunks of AVI: one RIFF list, further ones in OpenDML (AVIX), and what is inside of
// those that do not say their length.
class Avi {
 public:
  explicit Avi(const FileBytes& file) : file_(file) {}

  FileEnd find_end() {
    const FileEnd end = follow(file_, [this](const Head& head) { return next(head); });
    return open_ ? open_end(end) : end;
  }

 private:
  std::optional<Element> next(const Head& head) {
    if (head.have < 8) return std::nullopt;
    const std::string_view id = head.text(0, 4);
    const uint64_t length = little_endian(head.bytes.data() + 4, 4);
    const bool first = head.at == 0, list = id == "RIFF" || id == "LIST";
    if (!(open_ ? is_name(id) : id == "RIFF" || id == "JUNK")) return std::nullopt;
    if (list && is_open(length)) {
      open_ = true;
      return element(head.at, kListHeader, FileEnd::kTruncated);
    }
    if (length == UINT32_MAX) return Element{};
    // The header says what the first list holds, though some writers err in its length.
    const FileEnd cut = first ? FileEnd::kEarly : FileEnd::kTruncated;
    return element(head.at, kHeader + lenient(head.at + kHeader, length + length % 2), cut);
  }

  // `length` without up to 16 bytes of padding that the end of the file may lack.
  uint64_t lenient(uint64_t at, uint64_t length) const {
    constexpr uint64_t kPadding = 16;
    const uint64_t room = file_.size() - std::min(at, file_.size());
    return !open_ && length > room && length <= room + kPadding ? room : length;
  }

  static bool is_name(std::string_view id) {
    return std::ranges::all_of(
        id, [](char c) { return c == ' ' || (c >= '0' && c <= '9') || is_letter(c); });
  }
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  static constexpr uint64_t kHeader = 8, kListHeader = 12;

  const FileBytes& file_;
  bool open_ = false;  // inside of what does not say its length
};

// The only chunk's length.
FileEnd webp(const Head& head, uint64_t size) {
  const uint64_t length = little_endian(head.bytes.data() + 4, 4);
  if (length == 0) return FileEnd::kUnknown;
  return length + 8 > size ? FileEnd::kEarly : FileEnd::kWhole;
}

// While a file is being written, the length of its data is 0.
std::optional<Element> asf_object(const Head& head) {
  if (head.have < 24) return std::nullopt;
  const uint64_t length = little_endian(head.bytes.data() + 16, 8);
  if (length == 0) return Element{};
  return element(head.at, length);
}

// The header and the data, not the index behind them.
std::optional<Element> asf(const Head& head) {
  const std::string_view id = head.text(0, 16);
  return id == kAsfHeader || id == kAsfData ? asf_object(head) : std::nullopt;
}

bool has_second_asf(const FileBytes& file) {
  bool second = false;
  follow(file, [&](const Head& head) -> std::optional<Element> {
    second = head.at > 0 && head.text(0, 16) == kAsfHeader;
    return second ? std::nullopt : asf_object(head);
  });
  return second;
}

}  // namespace

bool is_followed_by_file(const FileBytes& file) {
  const Head head = file.head(0);
  if (head.text(0, 16) == kAsfHeader) return has_second_asf(file);
  return box(head, FileEnd::kEarly) && has_second_movie(file);
}

std::optional<FileEnd> end_of_nested(const FileBytes& file) {
  const Head head = file.head(0);
  const std::string_view form = head.text(8, 4), type = head.text(4, 4);
  if (head.text(0, 4) == "RIFF" && form.starts_with("AVI")) return Avi(file).find_end();
  if (head.text(0, 4) == "RIFF" && form == "WEBP") return webp(head, file.size());
  if (head.text(0, 16) == kAsfHeader) return follow(file, asf);
  if (big_endian(head.bytes.data(), 4) == kEbml) return Ebml(file).find_end();
  if (std::ranges::find(kBoxes, type) != std::end(kBoxes)) return boxes(file);
  return std::nullopt;
}

}  // namespace shijian::video
