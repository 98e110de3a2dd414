#include "video/clip_audio.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "base/error.h"
#include "video/mp4_writer.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
}

namespace shijian {
namespace {

constexpr int kUsualRate = 48000;
// Sound may be off by this much before silence is put in or sound left out.
constexpr double kDrift = 0.05;
// Decoding begins this long before the part, for codecs that need a run-up.
constexpr double kRunUp = 1;

CodecPtr make_encoder(const AVCodecContext& decoder) {
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
  if (codec == nullptr) return nullptr;
  CodecPtr encoder(avcodec_alloc_context3(codec));
  if (!encoder) throw std::bad_alloc();
  const int* rate = codec->supported_samplerates;
  while (*rate != 0 && *rate != decoder.sample_rate) ++rate;
  encoder->sample_rate = *rate != 0 ? *rate : kUsualRate;
  encoder->time_base = {1, encoder->sample_rate};
  encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
  av_channel_layout_default(&encoder->ch_layout, decoder.ch_layout.nb_channels == 1 ? 1 : 2);
  encoder->bit_rate = 96000 * encoder->ch_layout.nb_channels;
  encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  require_cut(avcodec_open2(encoder.get(), codec, nullptr), "open the AAC encoder");
  return encoder;
}

}  // namespace

std::unique_ptr<ClipAudio> ClipAudio::open(const InputFile& video, const ClipSpan& clock,
                                           const CancelToken& cancel) {
  auto input = std::make_unique<MediaInput>(video, cancel);
  AVStream* stream = input->add_audio();
  if (stream == nullptr) return nullptr;
  CodecPtr decoder = input->make_audio_decoder();
  if (!decoder) return nullptr;
  const double tick = av_q2d(input->video()->time_base);
  const auto run_up = static_cast<int64_t>((clock.from - kRunUp) / tick);
  if (clock.from > kRunUp && !input->seek(run_up)) {
    input = std::make_unique<MediaInput>(video, cancel);  // wherever it landed: from the start
    stream = input->add_audio();
  }
  std::unique_ptr<ClipAudio> audio(
      new ClipAudio(clock, std::move(input), stream, std::move(decoder)));
  return audio->encoder_ ? std::move(audio) : nullptr;
}

ClipAudio::ClipAudio(const ClipSpan& clock, std::unique_ptr<MediaInput> input, AVStream* stream,
                     CodecPtr decoder)
    : clock_(clock),
      input_(std::move(input)),
      stream_(stream),
      decoder_(std::move(decoder)),
      encoder_(make_encoder(*decoder_)) {
  if (!encoder_) return;
  total_ = std::llround((clock_.to - clock_.from) * encoder_->sample_rate);
  const auto channels = static_cast<size_t>(encoder_->ch_layout.nb_channels);
  converted_.resize(channels);
  waiting_.resize(channels);
}

ClipAudio::~ClipAudio() { swr_free(&resampler_); }

bool ClipAudio::decode() {
  const PacketPtr packet = make_packet();
  do {
    if (decoded_ >= total_ || !input_->read(packet.get())) return false;
  } while (packet->stream_index != stream_->index);
  avcodec_send_packet(decoder_.get(), packet.get());
  const FramePtr frame = make_frame();
  while (avcodec_receive_frame(decoder_.get(), frame.get()) >= 0) take(*frame);
  return true;
}

void ClipAudio::take(AVFrame& frame) {
  if (frame.nb_samples <= 0 || frame.best_effort_timestamp == AV_NOPTS_VALUE) return;
  if (resampler_ == nullptr) {
    require_cut(swr_alloc_set_opts2(&resampler_, &encoder_->ch_layout, encoder_->sample_fmt,
                                    encoder_->sample_rate, &frame.ch_layout,
                                    static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0,
                                    nullptr),
                "convert sound");
    require_cut(swr_init(resampler_), "convert sound");
    format_ = frame.format;
    rate_ = frame.sample_rate;
    channels_ = frame.ch_layout.nb_channels;
  }
  // Silence stands in for what changes its shape on the way.
  if (frame.format != format_ || frame.sample_rate != rate_ ||
      frame.ch_layout.nb_channels != channels_) {
    return;
  }
  const double time =
      static_cast<double>(frame.best_effort_timestamp) * av_q2d(stream_->time_base) - clock_.from;
  const int64_t at =
      std::llround(time * encoder_->sample_rate) - swr_get_delay(resampler_, encoder_->sample_rate);
  const int room = swr_get_out_samples(resampler_, frame.nb_samples);
  require_cut(room, "convert sound");
  uint8_t* planes[2] = {};
  for (size_t c = 0; c < converted_.size(); ++c) {
    converted_[c].resize(static_cast<size_t>(room));
    planes[c] = reinterpret_cast<uint8_t*>(converted_[c].data());
  }
  const int count = swr_convert(resampler_, planes, room,
                                const_cast<const uint8_t**>(frame.extended_data), frame.nb_samples);
  if (count > 0) append(at, count);
}

void ClipAudio::append(int64_t at, int64_t count) {
  const int64_t gap = at - decoded_;
  const auto drift = static_cast<int64_t>(kDrift * encoder_->sample_rate);
  int64_t silence = 0, skipped = 0;
  if (decoded_ == 0 || std::abs(gap) > drift) {
    silence = std::clamp<int64_t>(gap, 0, total_ - decoded_);
    skipped = std::clamp<int64_t>(-gap, 0, count);
  }
  const int64_t kept = std::min(count - skipped, total_ - decoded_ - silence);
  for (size_t c = 0; c < waiting_.size(); ++c) {
    waiting_[c].insert(waiting_[c].end(), static_cast<size_t>(silence), 0.0f);
    const auto first = converted_[c].begin() + skipped;
    waiting_[c].insert(waiting_[c].end(), first, first + kept);
  }
  decoded_ += silence + kept;
}

void ClipAudio::encode(int64_t count, const Sink& sink) {
  const FramePtr frame = make_frame();
  frame->format = encoder_->sample_fmt;
  frame->sample_rate = encoder_->sample_rate;
  frame->nb_samples = static_cast<int>(count);
  frame->pts = encoded_;
  require_cut(av_channel_layout_copy(&frame->ch_layout, &encoder_->ch_layout), "encode sound");
  require_cut(av_frame_get_buffer(frame.get(), 0), "encode sound");
  for (size_t c = 0; c < waiting_.size(); ++c) {
    const auto end = waiting_[c].begin() + count;
    std::copy(waiting_[c].begin(), end, reinterpret_cast<float*>(frame->extended_data[c]));
    waiting_[c].erase(waiting_[c].begin(), end);
  }
  encoded_ += count;
  require_cut(avcodec_send_frame(encoder_.get(), frame.get()), "encode sound");
  drain(sink);
}

void ClipAudio::drain(const Sink& sink) {
  const PacketPtr packet = make_packet();
  while (avcodec_receive_packet(encoder_.get(), packet.get()) >= 0) sink(packet.get());
}

void ClipAudio::encode_until(double seconds, const Sink& sink) {
  const auto wanted = static_cast<int64_t>(seconds * encoder_->sample_rate);
  while (encoded_ < wanted) {
    while (std::ssize(waiting_[0]) < encoder_->frame_size) {
      if (!decode()) return;
    }
    encode(encoder_->frame_size, sink);
  }
}

void ClipAudio::finish(const Sink& sink) {
  encode_until(static_cast<double>(total_) / encoder_->sample_rate, sink);
  if (!waiting_[0].empty()) encode(std::ssize(waiting_[0]), sink);
  avcodec_send_frame(encoder_.get(), nullptr);
  drain(sink);
}

}  // namespace shijian
