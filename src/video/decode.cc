#include "video/decode.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "video/calls.h"
#include "video/media_input.h"
#include "video/picture.h"
#include "video/sandboxed_calls.h"

namespace shijian {
namespace {

// Restarting a decoder at a key frame costs about as much as decoding a few frames.
constexpr int64_t kSeekGain = 6;
constexpr int64_t kMaxOutputBytes = int64_t{1} << 36;

// Delivers the frames of a video in presentation order and can jump ahead to a key frame.
class FrameReader {
 public:
  FrameReader(const InputFile& file, const VideoInfo& info, const std::vector<int64_t>& targets,
              int threads, const CancelToken& cancel)
      : file_(file),
        info_(info),
        threads_(threads),
        cancel_(cancel),
        packet_(make_packet()),
        frame_(make_frame()) {
    for (int64_t target : targets) target_pts_.push_back(info.frame_pts[target]);
    std::sort(target_pts_.begin(), target_pts_.end());
    const AVCodecID id = open();
    can_skip_ = !info.order_only && (id == AV_CODEC_ID_H264 || id == AV_CODEC_ID_HEVC ||
                                     id == AV_CODEC_ID_MPEG4 || id == AV_CODEC_ID_MPEG2VIDEO);
  }

  // Jumps ahead when a key frame lies well before `target` and well after the current place.
  void approach(int64_t target) {
    if (info_.order_only || !may_seek_) return;
    const auto& keys = info_.key_frames;
    const int64_t pts = info_.frame_pts[target];
    auto key = std::upper_bound(keys.begin(), keys.end(), pts,
                                [](int64_t p, const KeyFrame& k) { return p < k.pts; });
    for (int tries = 0; tries < 3; ++tries) {
      if (key == keys.begin() || (--key)->frame <= next_ + kSeekGain) break;
      if (seek_to(*key, pts)) return;
    }
    if (!lost_) return;
    // Where seeking lands behind the target time and again, the file's index is no help.
    may_seek_ = false;
    open();
  }

  // The next frame and its index; null at the end. The frame is valid until the next call.
  const AVFrame* next(int64_t& index) {
    while (true) {
      cancel_.check();
      const int status = avcodec_receive_frame(decoder_.get(), frame_.get());
      if (status == AVERROR(EAGAIN)) {
        feed();
      } else if (status == AVERROR_EOF) {
        return nullptr;
      } else if (status < 0) {
        broken_ = true;  // the decoder goes on with what follows
      } else if ((index = index_of(*frame_)) >= 0) {
        next_ = index + 1;
        return frame_.get();
      }
    }
  }

  bool broken() const { return broken_; }

 private:
  AVCodecID open() {
    decoder_.reset();
    input_ = std::make_unique<MediaInput>(file_, cancel_);
    decoder_ = input_->make_decoder(threads_);
    next_ = 0;
    lost_ = ended_ = have_packet_ = false;
    return decoder_->codec_id;
  }

  // True when reading goes on at a place not after `pts`.
  bool seek_to(const KeyFrame& key, int64_t pts) {
    const bool by_pts = input_->format()->iformat->flags & AVFMT_SEEK_TO_PTS;
    lost_ = true;
    if (!input_->seek(by_pts ? key.pts : std::min(key.pts, key.dts))) return false;
    have_packet_ = input_->read(packet_.get());
    if (!have_packet_ || packet_->pts == AV_NOPTS_VALUE || packet_->pts > pts) return false;
    // A seek that went back was no gain; the next ones will not be either.
    if (next_ < info_.frame_count && packet_->pts < info_.frame_pts[next_]) may_seek_ = false;
    avcodec_flush_buffers(decoder_.get());
    lost_ = ended_ = false;
    return true;
  }

  void feed() {
    if (!have_packet_ && !ended_) have_packet_ = input_->read(packet_.get());
    if (!have_packet_) {
      ended_ = true;
      avcodec_send_packet(decoder_.get(), nullptr);
      return;
    }
    if (can_skip_) {
      // A frame that no other refers to and that nobody asked for need not be decoded.
      const bool wanted = packet_->pts == AV_NOPTS_VALUE ||
                          std::binary_search(target_pts_.begin(), target_pts_.end(), packet_->pts);
      decoder_->skip_frame = wanted ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    }
    const int status = avcodec_send_packet(decoder_.get(), packet_.get());
    if (status == AVERROR(EAGAIN)) return;  // comes again once frames were received
    if (status < 0) broken_ = true;
    have_packet_ = false;
  }

  int64_t index_of(const AVFrame& frame) {
    if (info_.order_only) return next_ < info_.frame_count ? next_ : -1;
    const int64_t pts = frame.pts != AV_NOPTS_VALUE ? frame.pts : frame.best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE) return -1;
    const auto& all = info_.frame_pts;
    const auto after = std::upper_bound(all.begin(), all.end(), pts);
    if (after == all.begin()) return -1;
    const int64_t index = after - all.begin() - 1;
    // Several frames with one time are told apart by their order.
    if (next_ < index && all[next_] == all[index]) return next_;
    return index;
  }

  InputFile file_;
  const VideoInfo& info_;
  int threads_;
  CancelToken cancel_;
  std::vector<int64_t> target_pts_;
  std::unique_ptr<MediaInput> input_;
  CodecPtr decoder_;
  PacketPtr packet_;
  FramePtr frame_;
  int64_t next_ = 0;  // the index that the next frame has if nothing is left out
  bool can_skip_ = false;
  bool may_seek_ = true;
  bool lost_ = false;         // a failed seek has left the input somewhere else
  bool have_packet_ = false;  // packet_ waits to be sent
  bool ended_ = false;
  bool broken_ = false;
};

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
    const ConstImage image = converter_.convert(frame, info_.rotation, info_.mirrored);
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
                 const DecodeOptions& options, ThreadPool& pool, const CancelToken& cancel,
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
        throw Error(ErrorCode::kNoMemory, "decode: no memory for a frame");
      }
      last_index = index;
    }
    if (last_index < 0) {
      throw Error(ErrorCode::kInvalid,
                  fmt::format("decode {}: no frame can be decoded: {}", file.name(),
                              libav_reason(AVERROR_INVALIDDATA)),
                  "the file is damaged or cut short: copy or download it again");
    }
    // A frame that did not decode is shown as a player does: by the picture before it.
    const bool ahead = last_index > target && before_index >= 0;
    writer.put(ahead ? *before : *last, target, ahead ? before_index : last_index);
  }
  return reader.broken();
}

Frames decode_frames(const std::filesystem::path& path, const VideoInfo& info,
                     const FramePlan& plan, const DecodeOptions& options, ThreadPool& pool,
                     const CancelToken& cancel, const DecodeProgress& progress) {
  check_plan(info, plan);
  const InputFile file(path, "video");
  const auto total = static_cast<int64_t>(plan.indices.size());
  const Size size = frame_size(info, plan, options);
  const int64_t bytes = int64_t{size.height} * size.width * 3;
  if (bytes > kMaxOutputBytes / total) {
    throw Error(ErrorCode::kNoMemory,
                fmt::format("decode: {} frames of {}x{} need {} GiB", total, size.width,
                            size.height, (bytes * total) >> 30),
                "ask for fewer or smaller frames");
  }
  Frames out;
  out.rgb = Tensor(DType::kU8, {total, size.height, size.width, 3});
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

  int64_t missing = 0;
  for (int64_t i = 0; i < total; ++i) missing += out.shown[i] != out.indices[i];
  if (missing > 0) {
    out.notes.push_back(
        fmt::format("{} of {} frames could not be decoded: a neighbour stands in", missing, total));
  } else if (broken) {
    out.notes.push_back("some data could not be decoded; every frame asked for could");
  }
  return out;
}

}  // namespace shijian
