// Containers that are a header and one frame or packet after another.
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>

#include "video/container_walk.h"
#include "video/flv.h"
#include "video/ivf.h"
#include "video/libav.h"

namespace shijian::video {
namespace {

constexpr uint64_t kGxfMap = 0x1bc;  // what GXF begins with

// Packets begin with 16 bytes that say what they are; the last one is the end of the stream.
FileEnd gxf(const FileBytes& file) {
  constexpr uint64_t kHeader = 16;
  constexpr uint8_t kEndOfStream = 0xfb;
  bool ended = false;
  const FileEnd end = follow(file, [&](const Head& head) -> std::optional<Element> {
    if (ended) return std::nullopt;
    if (head.have < kHeader) return element(head.at, kHeader, FileEnd::kTruncated);
    if (big_endian(head.bytes.data(), 5) != 1) return Element{};
    ended = head.bytes[5] == kEndOfStream;
    return element(head.at, big_endian(head.bytes.data() + 6, 4), FileEnd::kTruncated);
  });
  return end == FileEnd::kWhole && !ended ? FileEnd::kTruncated : end;
}

// Walks the chunks of RealMedia and the packets in its data. Muxers err in the data's length; it
// says the number of its packets too, which is 0 in a live stream.
class RealMedia {
 public:
  explicit RealMedia(const FileBytes& file) : file_(file) {}

  FileEnd find_end() {
    const FileEnd end = follow(file_, [this](const Head& head) { return next(head); });
    if (end != FileEnd::kWhole) return end;
    return packets_ < promised_ ? FileEnd::kTruncated : FileEnd::kUnknown;
  }

 private:
  static constexpr uint64_t kDataHeader = 18, kPacketHeader = 12;

  std::optional<Element> next(const Head& head) {
    constexpr std::string_view kChunks[] = {".RMF", "PROP", "MDPR", "CONT", "INDX"};
    const std::string_view id = head.text(0, 4);
    const uint8_t* bytes = head.bytes.data();
    if (id == "DATA") {
      promised_ += big_endian(bytes + 10, 4);
      return element(head.at, kDataHeader, FileEnd::kTruncated);
    }
    if (std::ranges::find(kChunks, id) != std::end(kChunks)) {
      return element(head.at, big_endian(bytes + 4, 4));
    }
    const uint64_t version = big_endian(bytes, 2), length = big_endian(bytes + 2, 2);
    const bool packet = version <= 1 && (length >= kPacketHeader || head.have < 4);
    if (!packet && packets_ < promised_) return Element{};
    if (!packet || (packets_ >= promised_ && promised_ > 0)) return std::nullopt;
    ++packets_;
    return element(head.at, std::max(length, kPacketHeader), FileEnd::kTruncated);
  }

  const FileBytes& file_;
  uint64_t promised_ = 0, packets_ = 0;
};

// Bytes of a picture whose header says `colour` ("420jpeg", "422p10", "mono"); 0 for one unknown.
uint64_t y4m_picture(uint64_t width, uint64_t height, std::string_view colour) {
  const uint64_t luma = width * height, half = (width + 1) / 2;
  uint64_t samples = 0;
  if (colour.starts_with("420")) samples = luma + 2 * half * ((height + 1) / 2);
  if (colour.starts_with("422")) samples = luma + 2 * half * height;
  if (colour.starts_with("411")) samples = luma + 2 * ((width + 3) / 4) * height;
  if (colour.starts_with("444")) samples = 3 * luma;
  if (colour.starts_with("444alpha")) samples = 4 * luma;
  if (colour.starts_with("mono")) samples = luma;
  const std::string_view depth = colour.substr(std::min<size_t>(colour.size(), 3));
  const bool wide = depth == "p9" || depth == "p10" || depth == "p12" || depth == "p14" ||
                    depth == "p16" || (colour.starts_with("mono") && colour.size() > 4);
  return wide ? 2 * samples : samples;
}

// Bytes of a picture by the file's line of parameters; 0 where it does not say.
uint64_t y4m_picture(const std::string& header) {
  uint64_t width = 0, height = 0;
  std::string colour = "420";
  std::istringstream words(header);
  for (std::string word; words >> word;) {
    if (word[0] == 'C') colour = word.substr(1);
    if (word[0] == 'W') width = std::strtoul(word.c_str() + 1, nullptr, 10);
    if (word[0] == 'H') height = std::strtoul(word.c_str() + 1, nullptr, 10);
  }
  return std::max(width, height) > kMaxSide ? 0 : y4m_picture(width, height, colour);
}

std::string line_at(const FileBytes& file, uint64_t at) {
  constexpr size_t kLongest = 256;
  const std::vector<uint8_t> bytes = file.read(at, kLongest);
  return std::string(bytes.begin(), std::ranges::find(bytes, '\n'));
}

// A line of parameters, and a line and a picture for each frame.
FileEnd y4m(const FileBytes& file) {
  const std::string header = line_at(file, 0);
  const uint64_t picture = y4m_picture(header);
  if (picture == 0) return FileEnd::kUnknown;
  return open_end(follow(file, [&](const Head& head) -> std::optional<Element> {
    if (head.at == 0) return element(0, header.size() + 1);
    constexpr std::string_view kFrame = "FRAME";
    if (!kFrame.starts_with(head.text(0, std::min(head.have, kFrame.size())))) return std::nullopt;
    const uint64_t frame = line_at(file, head.at).size() + 1 + picture;
    return element(head.at, frame, FileEnd::kTruncated);
  }));
}

}  // namespace

std::optional<FileEnd> end_of_packets(const FileBytes& file) {
  const Head head = file.head(0);
  if (head.text(0, 4) == "DKIF") return ivf_end(file);
  if (head.text(0, 4) == "FLV\1") return flv_end(file);
  if (big_endian(head.bytes.data(), 6) == kGxfMap) return gxf(file);
  if (head.text(0, 4) == ".RMF") return RealMedia(file).find_end();
  if (head.text(0, 9) == "YUV4MPEG2") return y4m(file);
  return std::nullopt;
}

}  // namespace shijian::video
