#include "video/ivf.h"

#include <algorithm>

namespace shijian::video {
namespace {

// Goes from frame to frame. The header says its own length; frames come with 12 bytes before each:
// their length and their time.
class IvfWalk {
 public:
  explicit IvfWalk(const FileBytes& file) : file_(file) {
    end_ = follow(file, [this](const Head& head) { return next(head); });
  }

  // What is appended is no frame; whether frames are lost there the header's length tells.
  FileEnd end() const { return appended_ ? FileEnd::kEarly : open_end(end_); }
  const std::vector<Hidden>& hidden() const { return hidden_; }

 private:
  static constexpr uint64_t kFrameHeader = 12;

  std::optional<Element> next(const Head& head) {
    const uint8_t* bytes = head.bytes.data();
    if (head.text(0, 4) == "DKIF") {
      const uint64_t length = little_endian(bytes + 6, 2);
      if (head.at > 0) hide(head.at, std::min(length, file_.size() - head.at));
      time_ = 0;
      return element(head.at, length, FileEnd::kTruncated);
    }
    if (head.have < kFrameHeader) return element(head.at, kFrameHeader, FileEnd::kTruncated);
    const uint64_t time = little_endian(bytes + 4, 8);
    if (!follows(time)) {
      appended_ = true;
      hide(head.at, file_.size() - head.at);
      return std::nullopt;
    }
    time_ = time;
    return element(head.at, kFrameHeader + little_endian(bytes, 4), FileEnd::kTruncated);
  }

  // Whether a frame may come at `time`, rather than that these are other bytes.
  bool follows(uint64_t time) const {
    constexpr uint64_t kFurthest = uint64_t{1} << 32;
    return time - time_ < kFurthest || time_ - time < kFurthest;
  }

  void hide(uint64_t at, uint64_t bytes) {
    hidden_.push_back({static_cast<int64_t>(at), static_cast<int64_t>(bytes)});
  }

  const FileBytes& file_;
  FileEnd end_ = FileEnd::kUnknown;
  uint64_t time_ = 0;
  bool appended_ = false;
  std::vector<Hidden> hidden_;
};

}  // namespace

std::vector<Hidden> hidden_in_ivf(const FileBytes& file) {
  if (file.head(0).text(0, 4) != "DKIF") return {};
  return IvfWalk(file).hidden();
}

FileEnd ivf_end(const FileBytes& file) { return IvfWalk(file).end(); }

}  // namespace shijian::video
