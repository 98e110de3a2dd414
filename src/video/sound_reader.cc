#include "video/sound_reader.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "video/clip_parts.h"
#include "video/mp4_writer.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
}

namespace shijian::video {
namespace {

// Time stamps are rounded: sound may be off by this much before silence is put in or sound left
// out.
constexpr double kDrift = 0.05;
// Decoding begins this long before the part, for codecs that need a run-up.
constexpr double kRunUp = 1;
// A clock that is off by more, in seconds, has jumped.
constexpr double kJump = 2;
// Video packets around a joint within which sound may belong to either side, and seconds between
// the clocks of sound and pictures from which on the sound has a clock of its own.
constexpr int64_t kNearJoint = 32;
constexpr double kFromPictures = 10;
// Packets of another stream after which it continues a stream that has delivered none meanwhile.
constexpr size_t kSuccessorPackets = 50;
constexpr double kLongest = 1e9;  // seconds; a time stamp beyond is none

}  // namespace

SoundReader::SoundReader(const InputFile& video, const VideoInfo& info,
                         const std::stop_token& cancel, double clock, const SampleFormat& format)
    : clock_(clock), format_(format) {
  converted_.resize(static_cast<size_t>(format.channels));
  waiting_.resize(static_cast<size_t>(format.channels));
  behind_silence_.resize(static_cast<size_t>(format.channels));
  find_joints(info);
  open(video, cancel);
  if (!info.clock_jumps.empty()) return;  // a time alone names no place in the file
  const double tick = av_q2d(input_->video()->time_base);
  if (clock <= kRunUp) return;
  begun_ = input_->seek(static_cast<int64_t>((clock - kRunUp) / tick));
  if (!begun_) open(video, cancel);  // wherever it landed: from the start
}

SoundReader::~SoundReader() {
  swr_free(&resampler_);
  av_channel_layout_uninit(&layout_);
}

void SoundReader::open(const InputFile& video, const std::stop_token& cancel) {
  input_ = std::make_unique<MediaInput>(video, cancel);
  stream_ = input_->add_audio();
  if (stream_ != nullptr) decoder_ = input_->make_audio_decoder();
  if (!decoder_) throw Error(ErrorCode::kUnsupported, "cut clip: the sound cannot be opened"_text);
  input_->add_other_audio();
}

void SoundReader::find_joints(const VideoInfo& info) {
  const double tick = info.time_base.value(), zero = clock_zero(info);
  double shift = 0;
  for (const ClockJump& jump : info.clock_jumps) {
    const double begin = jump.time + zero;
    const auto after =
        std::lower_bound(info.frame_pts.begin(), info.frame_pts.end(), std::llround(begin / tick));
    const auto frame = static_cast<size_t>(after - info.frame_pts.begin());
    if (frame == 0 || frame >= info.frame_packets.size()) continue;
    if (std::abs(jump.shift - shift) < kDrift) continue;
    const double last = static_cast<double>(info.frame_pts[frame - 1]) * tick;
    joints_.push_back(
        {info.frame_packets[frame], last - shift, begin - jump.shift, begin, jump.shift});
    shift = jump.shift;
  }
}

bool SoundReader::fill(int64_t count) {
  while (std::ssize(waiting_[0]) < count) {
    if (silence_ > 0) {
      add_silence(std::min(silence_, count - std::ssize(waiting_[0])));
    } else if (!decode()) {
      return false;
    }
  }
  return true;
}

void SoundReader::add_silence(int64_t count) {
  for (auto& samples : waiting_) samples.insert(samples.end(), static_cast<size_t>(count), 0.0f);
  silence_ -= count;
  if (silence_ > 0) return;
  for (size_t c = 0; c < waiting_.size(); ++c) {
    waiting_[c].insert(waiting_[c].end(), behind_silence_[c].begin(), behind_silence_[c].end());
    behind_silence_[c].clear();
  }
}

void SoundReader::take(int64_t count, Samples& to) {
  fill(count);
  const int64_t there = std::min<int64_t>(count, std::ssize(waiting_[0]));
  for (size_t c = 0; c < waiting_.size(); ++c) {
    const auto end = waiting_[c].begin() + there;
    to[c].insert(to[c].end(), waiting_[c].begin(), end);
    to[c].insert(to[c].end(), static_cast<size_t>(count - there), 0.0f);
    waiting_[c].erase(waiting_[c].begin(), end);
  }
}

// A broadcast's sound may go on as another stream.
PacketPtr SoundReader::next_packet() {
  while (successor_packets_.empty() || successor_packets_.front()->stream_index != stream_->index) {
    PacketPtr packet = make_packet();
    if (!input_->read(packet.get())) {
      if (!switch_to_successor()) return nullptr;
    } else if (packet->stream_index == stream_->index) {
      begun_ = true;
      if (!successor_packets_.empty())
        parallel_streams_.push_back(successor_packets_.front()->stream_index);
      successor_packets_.clear();
      return packet;
    } else if (packet->stream_index == input_->video()->index) {
      pass_picture(*packet);
    } else if (std::find(parallel_streams_.begin(), parallel_streams_.end(),
                         packet->stream_index) == parallel_streams_.end() &&
               (successor_packets_.empty() ||
                successor_packets_.front()->stream_index == packet->stream_index)) {
      successor_packets_.push_back(std::move(packet));
      if (successor_packets_.size() > kSuccessorPackets) switch_to_successor();
    }
  }
  PacketPtr packet = std::move(successor_packets_.front());
  successor_packets_.pop_front();
  return packet;
}

// Goes on with the stream whose packets wait; false when there is none or it cannot be decoded.
bool SoundReader::switch_to_successor() {
  if (successor_packets_.empty()) return false;
  const int stream = successor_packets_.front()->stream_index;
  if (begun_) {
    input_->take_audio(stream);
    if (CodecPtr decoder = input_->make_audio_decoder()) {
      decoder_ = std::move(decoder);
      stream_ = input_->format()->streams[stream];
      jumped_ = true;
      return true;
    }
    input_->take_audio(stream_->index);
    damaged_ = true;
  }
  parallel_streams_.push_back(stream);
  successor_packets_.clear();
  return false;
}

bool SoundReader::decode() {
  const PacketPtr packet = next_packet();
  if (!packet) return false;
  if (!joints_.empty()) follow_clock(*packet);
  const int status = avcodec_send_packet(decoder_.get(), packet.get());
  if (status < 0 && status != AVERROR_EOF && packet->pts != AV_NOPTS_VALUE &&
      static_cast<double>(packet->pts) * av_q2d(stream_->time_base) >= clock_) {
    damaged_ = true;  // what comes before, a decoder may need to begin
  }
  const FramePtr frame = make_frame();
  while (avcodec_receive_frame(decoder_.get(), frame.get()) >= 0) take_frame(*frame);
  return true;
}

void SoundReader::pass_picture(const AVPacket& packet) {
  ++pictures_;
  if (packet.pts != AV_NOPTS_VALUE) {
    picture_ = static_cast<double>(packet.pts) * av_q2d(input_->video()->time_base);
  }
  while (passed_ < joints_.size() && joints_[passed_].packet < pictures_) ++passed_;
}

bool SoundReader::is_near(const Joint& joint) const {
  return std::abs(pictures_ - joint.packet) <= kNearJoint;
}

// The piece of the file whose pictures lie about the sound that is read now, and have about the
// same time on their clock: it is `off` by so many seconds.
size_t SoundReader::piece_of(double raw, double& off) const {
  size_t piece = passed_;
  off = std::abs(raw - picture_);
  const auto try_piece = [&](size_t other, const Joint& joint, double picture) {
    if (!is_near(joint) || std::abs(raw - picture) >= off) return;
    piece = other;
    off = std::abs(raw - picture);
  };
  if (passed_ > 0) {
    const Joint& joint = joints_[passed_ - 1];
    // The pictures may have gone on since.
    if (is_near(joint) && raw < picture_) off = std::max(0.0, joint.after - raw);
    try_piece(passed_ - 1, joint, joint.before);
  }
  if (passed_ < joints_.size()) try_piece(passed_ + 1, joints_[passed_], joints_[passed_].after);
  return piece;
}

// Sound goes with the pictures of its piece, wherever that of the piece before ended.
void SoundReader::follow_clock(AVPacket& packet) {
  if (packet.pts == AV_NOPTS_VALUE) return;
  const double tick = av_q2d(stream_->time_base);
  const double raw = static_cast<double>(packet.pts) * tick;
  const double gap = std::abs(raw + shift_ - expected_);
  double off = 0;
  size_t piece = std::max(piece_, piece_of(raw, off));
  // The last packets of a piece may lie far behind their pictures: they go on all the same.
  if (gap < kDrift && piece_ < joints_.size() && is_near(joints_[piece_]) &&
      raw + shift_ < joints_[piece_].begin) {
    piece = piece_;
  }
  const bool own_clock = off > kFromPictures;  // its jumps are closed up where they are
  if (gap > kJump || (piece != piece_ && !own_clock)) {
    const double shift = piece > 0 ? joints_[piece - 1].shift : 0;
    shift_ = own_clock ? expected_ - raw : shift;
    jumped_ = true;
  }
  piece_ = piece;
  packet.pts += std::llround(shift_ / tick);
  packet.dts = AV_NOPTS_VALUE;
  expected_ = raw + shift_ + static_cast<double>(packet.duration) * tick;
}

// Broadcasts change between stereo and surround on the way.
bool SoundReader::prepare(const AVFrame& frame) {
  if (resampler_ != nullptr && frame.format == source_format_ &&
      frame.sample_rate == source_rate_ &&
      av_channel_layout_compare(&frame.ch_layout, &layout_) == 0) {
    return true;
  }
  swr_free(&resampler_);
  av_channel_layout_uninit(&layout_);
  if (av_channel_layout_copy(&layout_, &frame.ch_layout) < 0) throw std::bad_alloc();
  source_format_ = frame.format;
  source_rate_ = frame.sample_rate;
  AVChannelLayout in = layout_;  // a view: the order that a codec leaves open is the usual one
  if (in.order == AV_CHANNEL_ORDER_UNSPEC) av_channel_layout_default(&in, in.nb_channels);
  AVChannelLayout out{};
  av_channel_layout_default(&out, format_.channels);
  return swr_alloc_set_opts2(&resampler_, &out, AV_SAMPLE_FMT_FLTP, format_.rate, &in,
                             static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0,
                             nullptr) >= 0 &&
         swr_init(resampler_) >= 0;
}

void SoundReader::take_frame(AVFrame& frame) {
  if (frame.nb_samples <= 0 || frame.best_effort_timestamp == AV_NOPTS_VALUE) return;
  if (frame.sample_rate <= 0 || !prepare(frame)) {
    damaged_ = true;
    return;
  }
  const double time =
      static_cast<double>(frame.best_effort_timestamp) * av_q2d(stream_->time_base) - clock_;
  if (std::abs(time) > kLongest) return;
  const int64_t at = std::llround(time * format_.rate) - swr_get_delay(resampler_, format_.rate);
  const int room = swr_get_out_samples(resampler_, frame.nb_samples);
  require_cut(room, "convert sound"_text);
  uint8_t* planes[2] = {};
  for (size_t c = 0; c < converted_.size(); ++c) {
    converted_[c].resize(static_cast<size_t>(room));
    planes[c] = reinterpret_cast<uint8_t*>(converted_[c].data());
  }
  const int count = swr_convert(resampler_, planes, room,
                                const_cast<const uint8_t**>(frame.extended_data), frame.nb_samples);
  if (count > 0) append(at, count);
}

void SoundReader::append(int64_t at, int64_t count) {
  // Sound that outlasts the pictures of its piece gives way to that of the next one.
  const int64_t end = piece_ < joints_.size()
                          ? std::llround((joints_[piece_].begin - clock_) * format_.rate)
                          : INT64_MAX;
  if (at >= end) return;
  const int64_t gap = at - decoded_;
  const auto drift = static_cast<int64_t>(kDrift * format_.rate);
  int64_t skipped = 0;
  if (decoded_ == 0 || jumped_ || std::abs(gap) > drift) {
    const int64_t silence = std::max<int64_t>(gap, 0);
    skipped = std::clamp<int64_t>(-gap, 0, count);
    silence_ += silence;
    decoded_ += silence;
  }
  const int64_t kept = std::clamp<int64_t>(end - decoded_, 0, count - skipped);
  Samples& to = silence_ > 0 ? behind_silence_ : waiting_;
  for (size_t c = 0; c < to.size(); ++c) {
    const auto first = converted_[c].begin() + skipped;
    to[c].insert(to[c].end(), first, first + kept);
  }
  decoded_ += kept;
  jumped_ = jumped_ && kept == 0;
}

}  // namespace shijian::video
