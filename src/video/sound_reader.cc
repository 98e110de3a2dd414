#include "video/sound_reader.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
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
constexpr double kLongest = 1e9;  // seconds; a time stamp beyond is none

}  // namespace

SoundReader::SoundReader(const InputFile& video, const std::stop_token& cancel, double clock,
                         const SampleFormat& format, const std::vector<ClockJump>& jumps)
    : clock_(clock), format_(format), jumps_(jumps) {
  converted_.resize(static_cast<size_t>(format.channels));
  waiting_.resize(static_cast<size_t>(format.channels));
  behind_silence_.resize(static_cast<size_t>(format.channels));
  open(video, cancel);
  if (!jumps.empty()) return;  // a time alone names no place in the file
  const double tick = av_q2d(input_->video()->time_base);
  if (clock > kRunUp && !input_->seek(static_cast<int64_t>((clock - kRunUp) / tick))) {
    open(video, cancel);  // wherever it landed: from the start
  }
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

bool SoundReader::decode() {
  const PacketPtr packet = make_packet();
  do {
    if (!input_->read(packet.get())) return false;
  } while (packet->stream_index != stream_->index);
  if (!jumps_.empty()) follow_clock(*packet);
  const int status = avcodec_send_packet(decoder_.get(), packet.get());
  if (status < 0 && status != AVERROR_EOF && packet->pts != AV_NOPTS_VALUE &&
      static_cast<double>(packet->pts) * av_q2d(stream_->time_base) >= clock_) {
    damaged_ = true;  // what comes before, a decoder may need to begin
  }
  const FramePtr frame = make_frame();
  while (avcodec_receive_frame(decoder_.get(), frame.get()) >= 0) take_frame(*frame);
  return true;
}

// Takes the sound's jumps for those of the pictures, which come in the same order.
void SoundReader::follow_clock(AVPacket& packet) {
  if (packet.pts == AV_NOPTS_VALUE) return;
  const double tick = av_q2d(stream_->time_base);
  const double raw = static_cast<double>(packet.pts) * tick;
  if (std::abs(raw + shift_ - expected_) > kJump) {
    size_t next = passed_;
    while (next < jumps_.size() && std::abs(raw + jumps_[next].shift - expected_) > kJump) ++next;
    // A jump of the sound alone is closed up where it is.
    shift_ = next < jumps_.size() ? jumps_[next].shift : expected_ - raw;
    passed_ = next < jumps_.size() ? next + 1 : passed_;
    jumped_ = true;
  }
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
  const int64_t gap = at - decoded_;
  const auto drift = static_cast<int64_t>(kDrift * format_.rate);
  int64_t skipped = 0;
  if (decoded_ == 0 || jumped_ || std::abs(gap) > drift) {
    const int64_t silence = std::max<int64_t>(gap, 0);
    skipped = std::clamp<int64_t>(-gap, 0, count);
    silence_ += silence;
    decoded_ += silence;
  }
  Samples& to = silence_ > 0 ? behind_silence_ : waiting_;
  for (size_t c = 0; c < to.size(); ++c) {
    const auto first = converted_[c].begin() + skipped;
    to[c].insert(to[c].end(), first, first + (count - skipped));
  }
  decoded_ += count - skipped;
  jumped_ = jumped_ && skipped == count;
}

}  // namespace shijian::video
