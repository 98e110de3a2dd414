#include "video/decode.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "video/frame_reader.h"
#include "video/picture.h"

namespace shijian {
namespace {

constexpr int64_t kMaxOutputBytes = int64_t{1} << 36;

// Puts finished pictures at their places in the result.
class FrameWriter {
 public:
  FrameWriter(const VideoInfo& info, const FramePlan& plan, const DecodeOptions& options,
              ThreadPool& pool, Frames& out)
      : info_(info), plan_(plan), pool_(pool), out_(out) {
    height_ = plan.height;
    width_ = plan.width;
    if (options.source_size) {
      const bool swap = info.rotation % 180 != 0;
      height_ = swap ? info.coded_width : info.coded_height;
      width_ = swap ? info.coded_height : info.coded_width;
    }
    const auto count = static_cast<int64_t>(plan.indices.size());
    const int64_t bytes = int64_t{height_} * width_ * 3;
    if (bytes > kMaxOutputBytes / count) {
      throw Error(ErrorCode::kNoMemory,
                  fmt::format("decode: {} frames of {}x{} need {} GiB", count, width_, height_,
                              (bytes * count) >> 30),
                  "ask for fewer or smaller frames");
    }
    out.rgb = Tensor(DType::kU8, {count, height_, width_, 3});
  }

  // Fills every remaining place whose frame is `target` with the picture of frame `shown`.
  void put(const AVFrame& frame, int64_t target, int64_t shown) {
    const ConstImage image = converter_.convert(frame, info_.rotation, info_.mirrored);
    const int64_t bytes = int64_t{height_} * width_ * 3;
    uint8_t* first = out_.rgb.data<uint8_t>() + done() * bytes;
    resize_bicubic(image, {first, height_, width_, int64_t{width_} * 3}, pool_);
    out_.shown.push_back(shown);
    while (done() < static_cast<int64_t>(plan_.indices.size()) && plan_.indices[done()] == target) {
      std::memcpy(out_.rgb.data<uint8_t>() + done() * bytes, first, static_cast<size_t>(bytes));
      out_.shown.push_back(shown);
    }
  }

  int64_t done() const { return static_cast<int64_t>(out_.shown.size()); }

 private:
  const VideoInfo& info_;
  const FramePlan& plan_;
  ThreadPool& pool_;
  Frames& out_;
  PictureConverter converter_;
  int height_ = 0, width_ = 0;
};

void check_plan(const VideoInfo& info, const FramePlan& plan) {
  CHECK(!plan.indices.empty() && plan.height >= 1 && plan.width >= 1);
  CHECK(std::is_sorted(plan.indices.begin(), plan.indices.end()));
  CHECK(plan.indices.front() >= 0 && plan.indices.back() < info.frame_count);
}

}  // namespace

Frames decode_frames(const std::filesystem::path& path, const VideoInfo& info,
                     const FramePlan& plan, const DecodeOptions& options, ThreadPool& pool,
                     const CancelToken& cancel, const DecodeProgress& progress) {
  check_plan(info, plan);
  const auto total = static_cast<int64_t>(plan.indices.size());
  Frames out;
  out.indices = plan.indices;
  out.times = plan.times;
  FrameReader reader(path, info, plan.indices, options.threads, cancel);
  FrameWriter writer(info, plan, options, pool, out);

  FramePtr last = make_frame();  // the newest frame decoded, which may be ahead of the target
  int64_t last_index = -1;
  FramePtr before = make_frame();  // the frame decoded before `last`
  int64_t before_index = -1;
  bool ended = false;
  while (writer.done() < total) {
    const int64_t target = plan.indices[writer.done()];
    if (last_index < target && !ended) reader.approach(target);
    while (last_index < target && !ended) {
      int64_t index = -1;
      const AVFrame* frame = reader.next(index);
      ended = frame == nullptr;
      if (ended) break;
      std::swap(before, last);
      before_index = last_index;
      av_frame_unref(last.get());
      if (av_frame_ref(last.get(), frame) < 0) {
        throw Error(ErrorCode::kNoMemory, "decode: no memory for a frame");
      }
      last_index = index;
    }
    if (last_index < 0) {
      throw Error(ErrorCode::kInvalid,
                  fmt::format("decode {}: no frame can be decoded: {}", printable(path),
                              libav_reason(AVERROR_INVALIDDATA)),
                  "the file is damaged or cut short: copy or download it again");
    }
    // A frame that did not decode is shown as a player does: by the picture before it.
    const bool ahead = last_index > target && before_index >= 0;
    writer.put(ahead ? *before : *last, target, ahead ? before_index : last_index);
    if (progress) progress(writer.done(), total);
  }

  int64_t missing = 0;
  for (int64_t i = 0; i < total; ++i) missing += out.shown[i] != out.indices[i];
  if (missing > 0) {
    out.notes.push_back(
        fmt::format("{} of {} frames could not be decoded: a neighbour stands in", missing, total));
  } else if (reader.broken()) {
    out.notes.push_back("some data could not be decoded; every frame asked for could");
  }
  return out;
}

}  // namespace shijian
