#include "video/frame_reader.h"

#include <algorithm>

#include "video/animation.h"

namespace shijian::video {
namespace {

// Restarting a decoder at a key frame costs about as much as decoding a few frames.
constexpr int64_t kSeekGain = 6;
constexpr int kMostMisses = 4;

}  // namespace

std::vector<std::pair<int64_t, int64_t>> frames_by_packet(const VideoInfo& info) {
  std::vector<std::pair<int64_t, int64_t>> frames;
  for (int64_t i = 0; i < std::ssize(info.frame_packets); ++i) {
    frames.emplace_back(info.frame_packets[i], i);
  }
  std::sort(frames.begin(), frames.end());
  return frames;
}

FrameReader::FrameReader(const InputFile& file, const VideoInfo& info,
                         const std::vector<int64_t>& targets, int threads,
                         const std::stop_token& cancel)
    : file_(file),
      info_(info),
      threads_(threads),
      cancel_(cancel),
      frames_by_packet_(frames_by_packet(info)),
      packet_(make_packet()),
      frame_(make_frame()) {
  for (int64_t target : targets) target_pts_.push_back(info.frame_pts[target]);
  std::sort(target_pts_.begin(), target_pts_.end());
  const AVCodecID id = open();
  // Where files were joined, the headers of the later ones must not be jumped over.
  if (id == AV_CODEC_ID_THEORA && by_packets()) may_seek_ = false;
  can_skip_ = !info.order_only && !by_packets() && !info.field_pairs &&
              (id == AV_CODEC_ID_H264 || id == AV_CODEC_ID_HEVC || id == AV_CODEC_ID_MPEG4 ||
               id == AV_CODEC_ID_MPEG2VIDEO);
}

void FrameReader::approach(int64_t target) {
  if (info_.order_only || !may_seek_) return;
  for (int tries = 0; tries < 3; ++tries) {
    const KeyFrame* key = key_before(target, tries);
    if (key == nullptr || key->frame <= next_ + kSeekGain) break;
    if (jump_to(*key, target)) {
      back_ = tries;
      return;
    }
  }
  if (!lost_) return;
  // Where seeking lands behind the target time and again, the file's index is no help.
  may_seek_ = false;
  open();
}

const AVFrame* FrameReader::next(int64_t& index) {
  while (true) {
    throw_if_cancelled(cancel_);
    const int status = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (status == AVERROR(EAGAIN)) {
      feed();
    } else if (status == AVERROR_EOF) {
      if (sought_ < 0 || !go_back()) return nullptr;
    } else if (status < 0) {
      broken_ = broken_ || started_;  // the decoder goes on with what follows
    } else if ((index = index_of(*frame_)) >= 0) {
      if (sought_ >= 0 && index > sought_ && go_back()) continue;
      sought_ = -1;
      started_ = true;
      if (flat_) flatten(*frame_);
      next_ = index + 1;
      return frame_.get();
    }
  }
}

AVCodecID FrameReader::open() {
  decoder_.reset();
  input_ = std::make_unique<MediaInput>(file_, cancel_);
  decoder_ = input_->make_decoder(threads_);
  flat_ = decoder_->codec_id == AV_CODEC_ID_APNG || info_.container == "webp";
  next_ = 0;
  packets_read_ = 0;
  sought_ = -1;
  started_ = lost_ = ended_ = have_packet_ = false;
  return decoder_->codec_id;
}

const KeyFrame* FrameReader::key_before(int64_t target, int64_t back) const {
  const auto& keys = info_.key_frames;
  const auto after =
      std::upper_bound(keys.begin(), keys.end(), target,
                       [](int64_t frame, const KeyFrame& k) { return frame < k.frame; });
  return after - keys.begin() > back ? &*(after - 1 - back) : nullptr;
}

// True when reading goes on at a place not after `target`.
bool FrameReader::jump_to(const KeyFrame& key, int64_t target) {
  if (!(by_packets() ? skip_to(key) : seek_to(key, info_.frame_pts[target]))) return false;
  sought_ = target;
  return true;
}

bool FrameReader::seek_to(const KeyFrame& key, int64_t pts) {
  const bool by_pts = input_->format()->iformat->flags & AVFMT_SEEK_TO_PTS;
  lost_ = true;
  if (!input_->seek(by_pts ? key.pts : std::min(key.pts, key.dts))) return false;
  have_packet_ = input_->read(packet_.get());
  if (!have_packet_ || packet_->pts == AV_NOPTS_VALUE || packet_->pts > pts) return false;
  // A seek that went back was no gain; the next ones will not be either.
  if (next_ < info_.frame_count && packet_->pts < info_.frame_pts[next_]) may_seek_ = false;
  restart_decoder();
  return true;
}

// Reads on to the key frame without decoding.
bool FrameReader::skip_to(const KeyFrame& key) {
  if (key.packet < packets_read_) return false;
  have_packet_ = false;
  while (packets_read_ <= key.packet) {
    throw_if_cancelled(cancel_);
    lost_ = true;
    if (!read()) return false;
  }
  have_packet_ = true;
  restart_decoder();
  return true;
}

void FrameReader::restart_decoder() {
  avcodec_flush_buffers(decoder_.get());
  started_ = lost_ = ended_ = false;
}

// After a jump the first frames to come may lie behind the one that it was for: where pictures are
// refreshed bit by bit, or refer to a group before the key frame, decoding has to begin earlier.
bool FrameReader::go_back() {
  const int64_t target = std::exchange(sought_, -1);
  if (misses_ >= kMostMisses) return false;
  const bool may_seek = may_seek_;
  back_ = 2 * back_ + 1;
  const KeyFrame* key = key_before(target, back_);
  // From the start, where the jump does not succeed either.
  if (by_packets() || key == nullptr) {
    open();
  }
  if (key == nullptr || !jump_to(*key, target)) {
    ++misses_;
    if (lost_) open();
  }
  may_seek_ = may_seek;
  return true;
}

bool FrameReader::read() {
  if (!input_->read(packet_.get())) return false;
  packet_->flags &= ~AV_PKT_FLAG_CORRUPT;  // the decoder shall see for itself
  if (by_packets()) {
    packet_->pts = packets_read_++;
    packet_->dts = AV_NOPTS_VALUE;
  }
  return true;
}

void FrameReader::feed() {
  if (!have_packet_ && !ended_) have_packet_ = read();
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
  if (status < 0) broken_ = broken_ || started_;
  have_packet_ = false;
}

int64_t FrameReader::index_of(const AVFrame& frame) {
  if (info_.order_only) return next_ < info_.frame_count ? next_ : -1;
  const int64_t pts = frame.pts != AV_NOPTS_VALUE ? frame.pts : frame.best_effort_timestamp;
  if (pts == AV_NOPTS_VALUE) return -1;
  if (by_packets()) {
    auto at = std::lower_bound(frames_by_packet_.begin(), frames_by_packet_.end(),
                               std::pair<int64_t, int64_t>{pts, 0});
    if (at == frames_by_packet_.end() || at->first != pts) return -1;
    // Several frames of one packet are told apart by their order.
    while (at->second < next_ && at + 1 != frames_by_packet_.end() && (at + 1)->first == pts) ++at;
    return at->second;
  }
  const auto& all = info_.frame_pts;
  const auto after = std::upper_bound(all.begin(), all.end(), pts);
  if (after == all.begin()) return -1;
  const int64_t index = after - all.begin() - 1;
  // Several frames with one time are told apart by their order.
  if (next_ < index && all[next_] == all[index]) return next_;
  return index;
}

}  // namespace shijian::video
