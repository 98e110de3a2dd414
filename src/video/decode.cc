#include "video/decode.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "video/calls.h"
#include "video/frame_reader.h"
#include "video/picture.h"
#include "video/sandboxed_calls.h"

namespace shijian::video {
namespace {

constexpr int64_t kMaxOutputBytes = int64_t{1} << 36;

// Hands finished pictures on, for one place of the plan after the other.
class FrameWriter {
 public:
  FrameWriter(const VideoInfo& info, const FramePlan& plan, const DecodeOptions& options,
              ThreadPool& pool, const FrameSink& sink)
      : info_(info),
        plan_(plan),
        pool_(pool),
        sink_(sink),
        size_(frame_size(info, plan, options)),
        rgb_(size_t{3} * size_.width * size_.height) {}

  // Fills every remaining place whose frame is `target` with the picture of frame `shown`.
  void put(const AVFrame& frame, int64_t target, int64_t shown) {
    const ConstImage image =
        converter_.convert(frame, info_.rotation, info_.mirrored, info_.peak_luminance);
    resize_bicubic(image, {rgb_.data(), size_.height, size_.width, int64_t{size_.width} * 3},
                   pool_);
    for (; done_ < plan_.indices.size() && plan_.indices[done_] == target; ++done_) {
      sink_(rgb_, shown);
    }
  }

  size_t done() const { return done_; }

 private:
  const VideoInfo& info_;
  const FramePlan& plan_;
  ThreadPool& pool_;
  const FrameSink& sink_;
  const Size size_;
  std::vector<uint8_t> rgb_;
  PictureConverter converter_;
  size_t done_ = 0;
};

void check_plan(const VideoInfo& info, const FramePlan& plan) {
  CHECK(!plan.indices.empty() && plan.height >= 1 && plan.width >= 1);
  CHECK(std::is_sorted(plan.indices.begin(), plan.indices.end()));
  CHECK(plan.indices.front() >= 0 && plan.indices.back() < info.frame_count);
}

}  // namespace

Size frame_size(const VideoInfo& info, const FramePlan& plan, const DecodeOptions& options) {
  if (!options.source_size) return {plan.height, plan.width};
  const bool turned = info.rotation % 180 != 0;
  return {turned ? info.coded_width : info.coded_height,
          turned ? info.coded_height : info.coded_width};
}

bool decode_file(const InputFile& file, const VideoInfo& info, const FramePlan& plan,
                 const DecodeOptions& options, ThreadPool& pool, const std::stop_token& cancel,
                 const FrameSink& sink) {
  FrameReader reader(file, info, plan.indices, options.threads, cancel);
  FrameWriter writer(info, plan, options, pool, sink);

  FramePtr last = make_frame();  // the newest frame decoded, which may be ahead of the target
  int64_t last_index = -1;
  FramePtr before = make_frame();  // the frame decoded before `last`
  int64_t before_index = -1;
  bool ended = false;
  while (writer.done() < plan.indices.size()) {
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
        throw Error(ErrorCode::kNoMemory, "decode: no memory for a frame"_text);
      }
      last_index = index;
    }
    if (last_index < 0) {
      throw Error(ErrorCode::kInvalid,
                  "decode {}: no frame can be decoded: {}"_text(file.name(),
                                                                libav_reason(AVERROR_INVALIDDATA)),
                  "the file is damaged or cut short: copy or download it again"_text);
    }
    // A frame that did not decode is shown as a player does: by the picture before it.
    const bool ahead = last_index > target && before_index >= 0;
    writer.put(ahead ? *before : *last, target, ahead ? before_index : last_index);
  }
  return reader.broken();
}

Frames decode_frames(const std::filesystem::path& path, const VideoInfo& info,
                     const FramePlan& plan, const DecodeOptions& options, ThreadPool& pool,
                     const std::stop_token& cancel, const DecodeProgress& progress) {
  check_plan(info, plan);
  const InputFile file(path, "video"_text, info);
  const auto total = static_cast<int64_t>(plan.indices.size());
  const Size size = frame_size(info, plan, options);
  const int64_t bytes = int64_t{size.height} * size.width * 3;
  if (bytes > kMaxOutputBytes / total) {
    throw Error(ErrorCode::kNoMemory,
                "decode: {} frames of {}x{} need {} GiB"_text(total, size.width, size.height,
                                                              (bytes * total) >> 30),
                "ask for fewer or smaller frames"_text);
  }
  Frames out;
  out.rgb = tensor::Tensor(tensor::DType::kU8, {total, size.height, size.width, 3});
  out.indices = plan.indices;
  out.times = plan.times;
  const FrameSink sink = [&](std::span<const uint8_t> rgb, int64_t shown) {
    std::memcpy(out.rgb.data<uint8_t>() + std::ssize(out.shown) * bytes, rgb.data(), rgb.size());
    out.shown.push_back(shown);
    if (progress) progress(std::ssize(out.shown), total);
  };
  const auto sandbox = decode_sandbox();
  const bool broken = sandbox
                          ? sandbox->decode(file, info, plan, options, pool.size(), cancel, sink)
                          : decode_file(file, info, plan, options, pool, cancel, sink);

  out.damaged = broken || out.shown != out.indices;
  return out;
}

}  // namespace shijian::video
