#include "video/track_facts.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace shijian::video {
namespace {

using namespace std::string_view_literals;

// Boxes and elements that are looked at: a file cannot keep us busy.
constexpr int kMaxSteps = 200000;
constexpr int64_t kScanBytes = int64_t{1} << 20;  // of a stream, at its beginning, middle and end

std::vector<uint8_t> read_at(const InputFile& file, int64_t at, int64_t bytes) {
  std::vector<uint8_t> out(static_cast<size_t>(std::clamp<int64_t>(bytes, 0, file.size() - at)));
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(file.fd(), out.data() + done, out.size() - done, at + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  out.resize(done);
  return out;
}

uint64_t big_endian(const uint8_t* p, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | p[i];
  return value;
}

constexpr uint32_t tag(const char (&name)[5]) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(name[i]);
  return value;
}

struct Box {
  uint32_t type;
  int64_t body, end;
};

// The box at `at` of those that end at `end`; nullopt where none fits.
std::optional<Box> box_at(const InputFile& file, int64_t at, int64_t end) {
  const std::vector<uint8_t> head = read_at(file, at, 16);
  if (at + 8 > end || head.size() < 8) return std::nullopt;
  uint64_t size = big_endian(head.data(), 4);
  const auto type = static_cast<uint32_t>(big_endian(head.data() + 4, 4));
  int64_t body = at + 8;
  if (size == 1 && head.size() == 16) {
    size = big_endian(head.data() + 8, 8);
    body = at + 16;
  } else if (size == 0) {
    size = static_cast<uint64_t>(end - at);
  }
  if (size < static_cast<uint64_t>(body - at) || size > static_cast<uint64_t>(end - at)) {
    return std::nullopt;
  }
  return Box{type, body, at + static_cast<int64_t>(size)};
}

// Walks the boxes of ISO 14496-12 down to the sample entries of one track.
class BoxWalk {
 public:
  BoxWalk(const InputFile& file, int track) : file_(file), wanted_(track) {}
  bool finds_encrypted_entry() {
    walk(0, file_.size(), 0);
    return found_;
  }

 private:
  void walk(int64_t at, int64_t end, int depth) {
    while (at < end && !found_ && !done_ && ++steps_ < kMaxSteps) {
      const std::optional<Box> box = box_at(file_, at, end);
      if (!box) return;
      visit(box->type, box->body, box->end, depth);
      at = box->end;
    }
  }

  void visit(uint32_t type, int64_t body, int64_t end, int depth) {
    constexpr int kMaxDepth = 8, kEntries = 100;  // kEntries: in the table of sample descriptions
    if (depth == kEntries) {
      found_ = found_ || (track_ == wanted_ && (type == tag("encv") || type == tag("drmi")));
    } else if (type == tag("moov") || type == tag("trak") || type == tag("mdia") ||
               type == tag("minf") || type == tag("stbl")) {
      if (depth < kMaxDepth) walk(body, end, depth + 1);
      done_ = done_ || type == tag("moov");
    } else if (type == tag("tkhd")) {
      const std::vector<uint8_t> header = read_at(file_, body, 24);
      if (header.size() < 24) return;
      track_ = static_cast<int>(big_endian(header.data() + (header[0] == 1 ? 20 : 12), 4));
    } else if (type == tag("stsd")) {
      walk(body + 8, end, kEntries);
    }
  }

  const InputFile& file_;
  const int wanted_;
  int track_ = 0;
  int steps_ = 0;
  bool found_ = false, done_ = false;
};

// Walks the EBML of Matroska down to its video tracks.
class EbmlWalk {
 public:
  // `nth` of the video tracks.
  EbmlWalk(const InputFile& file, int nth) : file_(file), wanted_(nth) {}
  bool finds_encryption() {
    walk(0, file_.size());
    return found_;
  }
  std::string find_codec() {
    walk(0, file_.size());
    return codec_;
  }

 private:
  static constexpr uint32_t kSegment = 0x18538067, kTracks = 0x1654AE6B, kTrackEntry = 0xAE,
                            kTrackType = 0x83, kCodecId = 0x86, kEncodings = 0x6D80,
                            kEncoding = 0x6240, kEncodingType = 0x5033, kEncryption = 0x5035;

  void walk(int64_t at, int64_t end) {
    while (at < end && !found_ && !done_ && ++steps_ < kMaxSteps) {
      const std::vector<uint8_t> head = read_at(file_, at, 12);
      size_t used = 0;
      const uint64_t id = number(head, used, true);
      uint64_t size = number(head, used, false);
      if (used == 0) return;
      const int64_t body = at + static_cast<int64_t>(used);
      if (size > static_cast<uint64_t>(end - body)) size = static_cast<uint64_t>(end - body);
      visit(static_cast<uint32_t>(id), body, body + static_cast<int64_t>(size));
      at = body + static_cast<int64_t>(size);
    }
  }

  // A variable-length number; `used` becomes 0 where there is none.
  static uint64_t number(const std::vector<uint8_t>& bytes, size_t& used, bool keep_marker) {
    if (used >= bytes.size() || (used == 0 && !keep_marker)) return used = 0;
    const uint8_t first = bytes[used];
    const auto length = static_cast<size_t>(first == 0 ? 9 : __builtin_clz(first) - 24 + 1);
    if (length > 8 || used + length > bytes.size()) return used = 0;
    uint64_t value = big_endian(bytes.data() + used, length);
    if (!keep_marker) {
      const uint64_t mask = (uint64_t{1} << (7 * length)) - 1;
      value = (value & mask) == mask ? UINT64_MAX : value & mask;  // all ones: size unknown
    }
    used += length;
    return value;
  }

  uint64_t value(int64_t body, int64_t end) const {
    const std::vector<uint8_t> bytes = read_at(file_, body, std::min<int64_t>(end - body, 8));
    return big_endian(bytes.data(), bytes.size());
  }

  void visit(uint32_t id, int64_t body, int64_t end) {
    if (id == kSegment || id == kEncodings) return walk(body, end);
    if (id == kTracks) {
      walk(body, end);
      done_ = true;
    } else if (id == kTrackEntry) {
      video_ = encrypted_ = false;
      codec_.clear();
      walk(body, end);
      if (video_ && count_++ == wanted_) {
        found_ = encrypted_;
        done_ = true;
      }
    } else if (id == kCodecId) {
      constexpr int64_t kMaxName = 64;
      const std::vector<uint8_t> name = read_at(file_, body, std::min(end - body, kMaxName));
      codec_.assign(name.begin(), name.end());
    } else if (id == kTrackType) {
      video_ = value(body, end) == 1;
    } else if (id == kEncoding) {
      walk(body, end);
    } else if (id == kEncodingType) {
      encrypted_ = encrypted_ || value(body, end) == 1;
    } else if (id == kEncryption) {
      encrypted_ = true;
    }
  }

  const InputFile& file_;
  const int wanted_;
  int count_ = 0, steps_ = 0;
  std::string codec_;
  bool video_ = false, encrypted_ = false, found_ = false, done_ = false;
};

// Walks the objects in the header of ASF.
class AsfWalk {
 public:
  explicit AsfWalk(const InputFile& file) : file_(file) {}
  bool finds_encryption() {
    const std::vector<uint8_t> head = read_at(file_, 0, kObject);
    return head.size() == kObject && holds_encryption(kHeader, end_of(head, 0), true);
  }

 private:
  // Bytes of an object's identifier and length, and up to the objects in a header and in its
  // extension.
  static constexpr int64_t kObject = 24, kHeader = 30, kExtension = 46;
  static constexpr std::string_view kExtensionId =
      "\xb5\x03\xbf\x5f\x2e\xa9\xcf\x11\x8e\xe3\x00\xc0\x0c\x20\x53\x65"sv;
  // Content Encryption, Extended and Advanced Content Encryption.
  static constexpr std::string_view kEncryptionIds[] = {
      "\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e"sv,
      "\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c"sv,
      "\x33\x85\x05\x43\x81\x69\xe6\x49\x9b\x74\xad\x12\xcb\x86\xd5\x8c"sv};

  // An object's end; never before its own first bytes, nor behind the file's.
  int64_t end_of(const std::vector<uint8_t>& head, int64_t at) const {
    uint64_t size = 0;
    for (int64_t i = kObject; i-- > 16;) size = size << 8 | head[static_cast<size_t>(i)];
    return at + static_cast<int64_t>(
                    std::clamp(size, uint64_t{kObject}, static_cast<uint64_t>(file_.size() - at)));
  }

  bool holds_encryption(int64_t at, int64_t end, bool extensions) {
    while (at + kObject <= end && ++steps_ < kMaxSteps) {
      const std::vector<uint8_t> head = read_at(file_, at, kObject);
      if (head.size() < kObject) return false;
      const std::string_view id(reinterpret_cast<const char*>(head.data()), 16);
      if (std::ranges::find(kEncryptionIds, id) != std::end(kEncryptionIds)) return true;
      const int64_t next = std::min(end, end_of(head, at));
      if (extensions && id == kExtensionId && holds_encryption(at + kExtension, next, false)) {
        return true;
      }
      at = next;
    }
    return false;
  }

  const InputFile& file_;
  int steps_ = 0;
};

struct Scrambled {
  int64_t scrambled = 0, all = 0;
};

// Counts the packets of one PID by their transport_scrambling_control (ISO 13818-1).
void count_transport(const std::vector<uint8_t>& bytes, int pid, Scrambled& count) {
  constexpr uint8_t kSync = 0x47;
  for (const size_t step : {188, 192, 204}) {
    for (size_t begin = 0; begin < step && begin + 8 * step < bytes.size(); ++begin) {
      bool aligned = true;
      for (size_t i = 0; i < 8; ++i) aligned = aligned && bytes[begin + i * step] == kSync;
      if (!aligned) continue;
      for (size_t at = begin; at + 4 <= bytes.size(); at += step) {
        const uint8_t* p = bytes.data() + at;
        const bool payload = (p[3] & 0x10) != 0;
        if (p[0] != kSync || ((p[1] & 0x1f) << 8 | p[2]) != pid || !payload) continue;
        ++count.all;
        count.scrambled += (p[3] & 0xc0) != 0;
      }
      return;
    }
  }
}

// Counts the PES packets of video by their PES_scrambling_control.
void count_program(const std::vector<uint8_t>& bytes, Scrambled& count) {
  for (size_t at = 0; at + 7 <= bytes.size(); ++at) {
    const uint8_t* p = bytes.data() + at;
    if (p[0] != 0 || p[1] != 0 || p[2] != 1 || (p[3] & 0xf0) != 0xe0 || (p[6] & 0xc0) != 0x80) {
      continue;
    }
    ++count.all;
    count.scrambled += (p[6] & 0x30) != 0;
  }
}

// Samples the file at three positions, since films often begin unscrambled.
bool is_scrambled(const InputFile& file, int pid) {
  Scrambled total;
  const int64_t room = std::max<int64_t>(0, file.size() - kScanBytes);
  for (const int64_t at : {int64_t{0}, room / 2, room}) {
    const std::vector<uint8_t> bytes = read_at(file, at, kScanBytes);
    Scrambled here;
    pid >= 0 ? count_transport(bytes, pid, here) : count_program(bytes, here);
    if (here.scrambled * 2 > here.all) return true;
    total.scrambled += here.scrambled;
    total.all += here.all;
  }
  return total.scrambled * 4 > total.all;
}

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
  const std::string_view container = format.iformat->name;
  if (container.starts_with("mov")) return BoxWalk(file, stream.id).finds_encrypted_entry();
  if (container.starts_with("matroska")) {
    return EbmlWalk(file, nth_video(format, stream)).finds_encryption();
  }
  if (container == "mpegts") {
    return stream.codecpar->codec_tag == kSampleAes || is_scrambled(file, stream.id);
  }
  if (container == "mpeg") return is_scrambled(file, -1);
  if (container.starts_with("asf")) return AsfWalk(file).finds_encryption();
  return false;
}

std::string codec_in_file(const InputFile& file, const AVFormatContext& format,
                          const AVStream& stream) {
  if (stream.codecpar->codec_tag != 0) {
    char text[AV_FOURCC_MAX_STRING_SIZE] = {};
    return printable(av_fourcc_make_string(text, stream.codecpar->codec_tag));
  }
  if (!std::string_view(format.iformat->name).starts_with("matroska")) return "";
  return printable(EbmlWalk(file, nth_video(format, stream)).find_codec());
}

std::string still_picture_brand(const InputFile& file) {
  bool items = false;
  int64_t at = 0;
  for (int step = 0; step < kMaxSteps && at < file.size(); ++step) {
    const std::optional<Box> box = box_at(file, at, file.size());
    if (!box) break;
    if (box->type == tag("moov") || box->type == tag("moof")) return "";
    items = items || box->type == tag("meta");
    at = box->end;
  }
  if (!items) return "";
  const std::vector<uint8_t> brand = read_at(file, 8, 4);
  return printable({brand.begin(), brand.end()});
}

bool is_encrypted(const AVPacket& packet) {
  size_t bytes = 0;
  return av_packet_get_side_data(&packet, AV_PKT_DATA_ENCRYPTION_INFO, &bytes) != nullptr;
}

}  // namespace shijian::video
