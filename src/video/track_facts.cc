#include "video/track_facts.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "video/container_walk.h"
#include "video/scrambling.h"

namespace shijian::video {
namespace {

using namespace std::string_view_literals;

// Boxes and elements that are looked at: a file cannot keep us busy.
constexpr int kMaxSteps = 200000;

constexpr uint32_t tag(const char (&name)[5]) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(name[i]);
  return value;
}

struct Box {
  uint32_t type;
  uint64_t body, end;
};

// The box at `at` of those that end at `end`; nullopt where none fits.
std::optional<Box> box_at(const FileBytes& file, uint64_t at, uint64_t end) {
  const Head head = file.head(at);
  if (head.have < 8 || at + 8 > end) return std::nullopt;
  uint64_t size = big_endian(head.bytes.data(), 4);
  const auto type = static_cast<uint32_t>(big_endian(head.bytes.data() + 4, 4));
  uint64_t header = 8;
  if (size == 1 && head.have >= 16) {
    size = big_endian(head.bytes.data() + 8, 8);
    header = 16;
  } else if (size == 0) {
    size = end - at;
  }
  if (size < header || size > end - at) return std::nullopt;
  return Box{type, at + header, at + size};
}

// Walks the boxes of ISO 14496-12 down to the sample entries of one track.
class BoxWalk {
 public:
  BoxWalk(const FileBytes& file, int track) : file_(file), wanted_(track) {}
  bool finds_encrypted_entry() {
    walk(0, file_.size(), 0);
    return found_;
  }

 private:
  void walk(uint64_t at, uint64_t end, int depth) {
    while (at < end && !found_ && !done_ && ++steps_ < kMaxSteps) {
      const std::optional<Box> box = box_at(file_, at, end);
      if (!box) return;
      visit(box->type, box->body, box->end, depth);
      at = box->end;
    }
  }

  void visit(uint32_t type, uint64_t body, uint64_t end, int depth) {
    constexpr int kMaxDepth = 8, kEntries = 100;  // kEntries: in the table of sample descriptions
    if (depth == kEntries) {
      found_ = found_ || (track_ == wanted_ && (type == tag("encv") || type == tag("drmi")));
    } else if (type == tag("moov") || type == tag("trak") || type == tag("mdia") ||
               type == tag("minf") || type == tag("stbl")) {
      if (depth < kMaxDepth) walk(body, end, depth + 1);
      done_ = done_ || type == tag("moov");
    } else if (type == tag("tkhd")) {
      const std::vector<uint8_t> header = file_.read(body, 24);
      if (header.size() < 24) return;
      track_ = static_cast<int>(big_endian(header.data() + (header[0] == 1 ? 20 : 12), 4));
    } else if (type == tag("stsd")) {
      walk(body + 8, end, kEntries);
    }
  }

  const FileBytes& file_;
  const int wanted_;
  int track_ = 0;
  int steps_ = 0;
  bool found_ = false, done_ = false;
};

// Walks the EBML of Matroska down to its video tracks.
class EbmlWalk {
 public:
  // `nth` of the video tracks.
  EbmlWalk(const FileBytes& file, int nth) : file_(file), wanted_(nth) {}
  bool finds_encryption() {
    walk(0, file_.size(), 0);
    return found_;
  }
  std::string find_codec() {
    walk(0, file_.size(), 0);
    return codec_;
  }

 private:
  static constexpr uint32_t kSegment = 0x18538067, kTracks = 0x1654AE6B, kTrackEntry = 0xAE,
                            kTrackType = 0x83, kCodecId = 0x86, kEncodings = 0x6D80,
                            kEncoding = 0x6240, kEncodingType = 0x5033, kEncryption = 0x5035;
  static constexpr int kMaxDepth = 8;

  void walk(uint64_t at, uint64_t end, int depth) {
    if (depth > kMaxDepth) return;
    while (at < end && !found_ && !done_ && ++steps_ < kMaxSteps) {
      const Head head = file_.head(at);
      size_t used = 0;
      const uint64_t id = number(head, used, true);
      const uint64_t size = number(head, used, false);
      const uint64_t body = at + used;
      if (used == 0 || body > end) return;
      at = body + std::min(size, end - body);
      visit(static_cast<uint32_t>(id), body, at, depth);
    }
  }

  // A variable-length number; `used` becomes 0 where there is none.
  static uint64_t number(const Head& head, size_t& used, bool keep_marker) {
    if (used >= head.have || (used == 0 && !keep_marker)) return used = 0;
    const size_t length = 1 + static_cast<size_t>(std::countl_zero(head.bytes[used]));
    if (length > 8 || used + length > head.have) return used = 0;
    uint64_t value = big_endian(head.bytes.data() + used, static_cast<int>(length));
    if (!keep_marker) {
      const uint64_t mask = (uint64_t{1} << (7 * length)) - 1;
      value = (value & mask) == mask ? UINT64_MAX : value & mask;  // all ones: size unknown
    }
    used += length;
    return value;
  }

  uint64_t value(uint64_t body, uint64_t end) const {
    const std::vector<uint8_t> bytes = file_.read(body, std::min<uint64_t>(end - body, 8));
    return big_endian(bytes.data(), static_cast<int>(bytes.size()));
  }

  void visit(uint32_t id, uint64_t body, uint64_t end, int depth) {
    if (id == kSegment || id == kEncodings) return walk(body, end, depth + 1);
    if (id == kTracks) {
      walk(body, end, depth + 1);
      done_ = true;
    } else if (id == kTrackEntry) {
      video_ = encrypted_ = false;
      codec_.clear();
      walk(body, end, depth + 1);
      if (video_ && count_++ == wanted_) {
        found_ = encrypted_;
        done_ = true;
      }
    } else if (id == kCodecId) {
      constexpr uint64_t kMaxName = 64;
      const std::vector<uint8_t> name = file_.read(body, std::min(end - body, kMaxName));
      codec_.assign(name.begin(), name.end());
    } else if (id == kTrackType) {
      video_ = value(body, end) == 1;
    } else if (id == kEncoding) {
      walk(body, end, depth + 1);
    } else if (id == kEncodingType) {
      encrypted_ = encrypted_ || value(body, end) == 1;
    } else if (id == kEncryption) {
      encrypted_ = true;
    }
  }

  const FileBytes& file_;
  const int wanted_;
  int count_ = 0, steps_ = 0;
  std::string codec_;
  bool video_ = false, encrypted_ = false, found_ = false, done_ = false;
};

// Walks the objects in the header of ASF.
class AsfWalk {
 public:
  explicit AsfWalk(const FileBytes& file) : file_(file) {}
  bool finds_encryption() {
    const Head head = file_.head(0);
    return head.have >= kObject && holds_encryption(kHeader, end_of(head), true);
  }

 private:
  // Bytes of an object's identifier and length, and up to the objects in a header and in its
  // extension.
  static constexpr uint64_t kObject = 24, kHeader = 30, kExtension = 46;
  static constexpr std::string_view kExtensionId =
      "\xb5\x03\xbf\x5f\x2e\xa9\xcf\x11\x8e\xe3\x00\xc0\x0c\x20\x53\x65"sv;
  // Content Encryption, Extended and Advanced Content Encryption.
  static constexpr std::string_view kEncryptionIds[] = {
      "\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e"sv,
      "\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c"sv,
      "\x33\x85\x05\x43\x81\x69\xe6\x49\x9b\x74\xad\x12\xcb\x86\xd5\x8c"sv};

  // An object's end; never before its own first bytes, nor behind the file's.
  uint64_t end_of(const Head& head) const {
    const uint64_t size = little_endian(head.bytes.data() + 16, 8);
    return head.at + std::clamp(size, kObject, file_.size() - head.at);
  }

  bool holds_encryption(uint64_t at, uint64_t end, bool extensions) {
    while (at + kObject <= end && ++steps_ < kMaxSteps) {
      const Head head = file_.head(at);
      if (head.have < kObject) return false;
      const std::string_view id = head.text(0, 16);
      if (std::ranges::find(kEncryptionIds, id) != std::end(kEncryptionIds)) return true;
      const uint64_t next = std::min(end, end_of(head));
      if (extensions && id == kExtensionId && holds_encryption(at + kExtension, next, false)) {
        return true;
      }
      at = next;
    }
    return false;
  }

  const FileBytes& file_;
  int steps_ = 0;
};

int nth_video(const AVFormatContext& format, const AVStream& stream) {
  int nth = 0;
  for (int i = 0; i < stream.index; ++i) {
    const AVStream& other = *format.streams[i];
    // A picture that is attached lies elsewhere in the file.
    if (other.disposition & AV_DISPOSITION_ATTACHED_PIC) continue;
    nth += other.codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
  }
  return nth;
}

}  // namespace

bool is_encrypted(const InputFile& file, const AVFormatContext& format, const AVStream& stream) {
  constexpr uint32_t kSampleAes = 0xdb;  // Apple's stream type of H.264 in HTTP live streams
  const FileBytes bytes(file);
  const std::string_view container = format.iformat->name;
  if (container.starts_with("mov")) return BoxWalk(bytes, stream.id).finds_encrypted_entry();
  if (container.starts_with("matroska")) {
    return EbmlWalk(bytes, nth_video(format, stream)).finds_encryption();
  }
  if (container == "mpegts") {
    return stream.codecpar->codec_tag == kSampleAes || is_scrambled_transport(bytes, stream.id);
  }
  if (container == "mpeg") return is_scrambled_program(bytes);
  if (container.starts_with("asf")) return AsfWalk(bytes).finds_encryption();
  return false;
}

std::string codec_in_file(const InputFile& file, const AVFormatContext& format,
                          const AVStream& stream) {
  if (stream.codecpar->codec_tag != 0) {
    char text[AV_FOURCC_MAX_STRING_SIZE] = {};
    return printable(av_fourcc_make_string(text, stream.codecpar->codec_tag));
  }
  if (!std::string_view(format.iformat->name).starts_with("matroska")) return "";
  const FileBytes bytes(file);
  return printable(EbmlWalk(bytes, nth_video(format, stream)).find_codec());
}

std::string still_picture_brand(const InputFile& file) {
  const FileBytes bytes(file);
  bool items = false;
  uint64_t at = 0;
  for (int step = 0; step < kMaxSteps && at < bytes.size(); ++step) {
    const std::optional<Box> box = box_at(bytes, at, bytes.size());
    if (!box) break;
    if (box->type == tag("moov") || box->type == tag("moof")) return "";
    items = items || box->type == tag("meta");
    at = box->end;
  }
  return items ? printable(std::string(bytes.head(8).text(0, 4))) : "";
}

bool is_encrypted(const AVPacket& packet) {
  size_t size = 0;
  return av_packet_get_side_data(&packet, AV_PKT_DATA_ENCRYPTION_INFO, &size) != nullptr;
}

}  // namespace shijian::video
