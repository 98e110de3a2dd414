#include "video/frame_reader.h"

#include <algorithm>

namespace shijian {
namespace {

// Restarting a decoder at a key frame costs about as much as decoding a few frames.
constexpr int64_t kSeekGain = 6;

}  // namespace

FrameReader::FrameReader(const InputFile& file, const VideoInfo& info,
                         const std::vector<int64_t>& targets, int threads,
                         const CancelToken& cancel)
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

void FrameReader::approach(int64_t target) {
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

const AVFrame* FrameReader::next(int64_t& index) {
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

AVCodecID FrameReader::open() {
  decoder_.reset();
  input_ = std::make_unique<MediaInput>(file_, cancel_);
  decoder_ = input_->make_decoder(threads_);
  next_ = 0;
  lost_ = ended_ = have_packet_ = false;
  return decoder_->codec_id;
}

// True when reading goes on at a place not after `pts`.
bool FrameReader::seek_to(const KeyFrame& key, int64_t pts) {
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

void FrameReader::feed() {
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

int64_t FrameReader::index_of(const AVFrame& frame) {
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

}  // namespace shijian
