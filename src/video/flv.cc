#include "video/flv.h"

#include <algorithm>

namespace shijian::video {
namespace {

// Goes from tag to tag. Tags of sound, pictures and data come with 11 bytes before each, and their
// length again behind.
class FlvWalk {
 public:
  explicit FlvWalk(const FileBytes& file) : file_(file) {
    end_ = open_end(follow(file, [this](const Head& head) { return next(head); }));
  }

  FileEnd end() const { return end_; }
  const std::vector<Hidden>& hidden() const { return hidden_; }

 private:
  static constexpr uint64_t kTagHeader = 11, kLengthAgain = 4;

  std::optional<Element> next(const Head& head) {
    const uint8_t* bytes = head.bytes.data();
    if (head.text(0, 4) == "FLV\1") {
      const uint64_t length = big_endian(bytes + 5, 4) + kLengthAgain;
      if (head.at > 0) hide(head.at, std::min(length, file_.size() - head.at));
      return element(head.at, length);
    }
    const int type = bytes[0] & 0x1f;
    if (type != 8 && type != 9 && type != 18) return std::nullopt;
    const uint64_t tag = kTagHeader + big_endian(bytes + 1, 3);
    const bool complete = head.at + tag <= file_.size();
    return element(head.at, tag + kLengthAgain, complete ? FileEnd::kUnknown : FileEnd::kTruncated);
  }

  void hide(uint64_t at, uint64_t bytes) {
    hidden_.push_back({static_cast<int64_t>(at), static_cast<int64_t>(bytes)});
  }

  const FileBytes& file_;
  FileEnd end_ = FileEnd::kUnknown;
  std::vector<Hidden> hidden_;
};

}  // namespace

std::vector<Hidden> hidden_in_flv(const FileBytes& file) {
  if (file.head(0).text(0, 4) != "FLV\1") return {};
  return FlvWalk(file).hidden();
}

FileEnd flv_end(const FileBytes& file) { return FlvWalk(file).end(); }

}  // namespace shijian::video
