#include "video/clip_sound.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <string>

#include "base/error.h"
#include "video/sound_reader.h"

namespace shijian::video {
namespace {

// What players of MP4 files know. Others, such as Vorbis or DTS, MP4 could hold all the same.
constexpr std::array kCopied = {AV_CODEC_ID_AAC, AV_CODEC_ID_AC3,  AV_CODEC_ID_EAC3,
                                AV_CODEC_ID_MP3, AV_CODEC_ID_OPUS, AV_CODEC_ID_ALAC,
                                AV_CODEC_ID_FLAC};
constexpr int kUsualRate = 48000;
// Packets so long before the part are copied too, for decoders that need a run-up; the edit list
// hides them.
constexpr double kCopiedRunUp = 0.08;

CodecPtr make_encoder(const AVCodec* codec, const AVCodecParameters& source) {
  CodecPtr encoder(avcodec_alloc_context3(codec));
  if (!encoder) throw std::bad_alloc();
  const int* rate = codec->supported_samplerates;
  while (*rate != 0 && *rate != source.sample_rate) ++rate;
  encoder->sample_rate = *rate != 0 ? *rate : kUsualRate;
  encoder->time_base = {1, encoder->sample_rate};
  encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
  av_channel_layout_default(&encoder->ch_layout, source.ch_layout.nb_channels == 1 ? 1 : 2);
  encoder->bit_rate = 96000 * encoder->ch_layout.nb_channels;
  encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  require_cut(avcodec_open2(encoder.get(), codec, nullptr), "open the AAC encoder"_text);
  return encoder;
}

class EncodedSound : public ClipSoundTrack {
 public:
  EncodedSound(const InputFile& video, const VideoInfo& info, const std::stop_token& cancel,
               const AVCodec* codec, std::unique_ptr<MediaInput> input, const AVStream& stream,
               ClipSound& report)
      : video_(video),
        info_(info),
        cancel_(cancel),
        input_(std::move(input)),
        stream_(stream),
        report_(report),
        encoder_(make_encoder(codec, *stream.codecpar)),
        waiting_(static_cast<size_t>(encoder_->ch_layout.nb_channels)) {
    report_.state = SoundState::kEncoded;
  }

  void add_to(Mp4Writer& mp4) override {
    mp4_ = &mp4;
    track_ = mp4.add_track(*encoder_, &stream_);
  }

  void begin_part(double clock) override {
    reader_ = std::make_unique<SoundReader>(
        video_, info_, cancel_, clock,
        SampleFormat{encoder_->sample_rate, encoder_->ch_layout.nb_channels});
    part_taken_ = 0;
  }

  void advance(double seconds) override {
    take_until(static_cast<int64_t>(seconds * encoder_->sample_rate));
  }

  void end_part(double seconds) override {
    // Parts end where all of them together do, so that their rounding does not add up.
    end_seconds_ += seconds;
    take_until(std::llround(end_seconds_ * encoder_->sample_rate) - end_samples_);
    end_samples_ += part_taken_;
    if (reader_->damaged()) {
      report_.state = SoundState::kPartly;
      report_.reason = "damaged";
    }
    reader_.reset();
  }

  void finish() override {
    if (!waiting_[0].empty()) encode(std::ssize(waiting_[0]));
    avcodec_send_frame(encoder_.get(), nullptr);
    drain();
  }

 private:
  void take_until(int64_t samples) {
    while (part_taken_ < samples) {
      const int64_t piece = std::min<int64_t>(encoder_->frame_size, samples - part_taken_);
      reader_->take(piece, waiting_);
      part_taken_ += piece;
      while (std::ssize(waiting_[0]) >= encoder_->frame_size) encode(encoder_->frame_size);
    }
  }

  void encode(int64_t count) {
    const FramePtr frame = make_frame();
    frame->format = encoder_->sample_fmt;
    frame->sample_rate = encoder_->sample_rate;
    frame->nb_samples = static_cast<int>(count);
    frame->pts = encoded_;
    require_cut(av_channel_layout_copy(&frame->ch_layout, &encoder_->ch_layout),
                "encode sound"_text);
    require_cut(av_frame_get_buffer(frame.get(), 0), "encode sound"_text);
    for (size_t c = 0; c < waiting_.size(); ++c) {
      const auto end = waiting_[c].begin() + count;
      std::copy(waiting_[c].begin(), end, reinterpret_cast<float*>(frame->extended_data[c]));
      waiting_[c].erase(waiting_[c].begin(), end);
    }
    encoded_ += count;
    require_cut(avcodec_send_frame(encoder_.get(), frame.get()), "encode sound"_text);
    drain();
  }

  void drain() {
    const PacketPtr packet = make_packet();
    while (avcodec_receive_packet(encoder_.get(), packet.get()) >= 0) {
      mp4_->write(packet.get(), track_, encoder_->time_base);
    }
  }

  const InputFile& video_;
  const VideoInfo& info_;
  const std::stop_token& cancel_;
  const std::unique_ptr<MediaInput> input_;  // of stream_, for its language
  const AVStream& stream_;
  ClipSound& report_;
  const CodecPtr encoder_;
  Mp4Writer* mp4_ = nullptr;
  int track_ = -1;
  std::unique_ptr<SoundReader> reader_;
  int64_t part_taken_ = 0;   // samples of the present part
  int64_t end_samples_ = 0;  // of the parts before
  double end_seconds_ = 0;
  int64_t encoded_ = 0;
  Samples waiting_;
};

class CopiedSound : public ClipSoundTrack {
 public:
  CopiedSound(std::unique_ptr<MediaInput> input, AVStream& stream, const InputFile& video,
              const std::stop_token& cancel, ClipSound& report)
      : video_(video),
        cancel_(cancel),
        input_(std::move(input)),
        stream_(&stream),
        tick_{1, stream.codecpar->sample_rate} {
    report.state = SoundState::kCopied;
  }

  void add_to(Mp4Writer& mp4) override {
    mp4_ = &mp4;
    track_ = mp4.add_track(*stream_->codecpar, tick_, stream_);
  }

  void begin_part(double clock) override {
    zero_ = std::llround(clock / av_q2d(tick_));
    const auto early = static_cast<int64_t>((clock - 1) / av_q2d(input_->video()->time_base));
    if (clock > 1 && !input_->seek(early)) {
      input_ = std::make_unique<MediaInput>(video_, cancel_);
      stream_ = input_->add_audio();
      if (stream_ == nullptr) ended_ = true;
    }
  }

  void advance(double seconds) override {
    while (!ended_ && written_ < seconds) write_next(seconds);
  }

  void end_part(double seconds) override {
    end_ = seconds;
    while (!ended_) write_next(seconds);
  }
  void finish() override {}

 private:
  void write_next(double end) {
    if (!waiting_) {
      packet_ = make_packet();
      do {
        ended_ = !input_->read(packet_.get());
      } while (!ended_ && packet_->stream_index != stream_->index);
      waiting_ = !ended_;
      av_packet_rescale_ts(packet_.get(), stream_->time_base, tick_);
    }
    if (!waiting_) return;
    AVPacket& packet = *packet_;
    const double at = static_cast<double>(packet.pts - zero_) * av_q2d(tick_);
    if (packet.pts != AV_NOPTS_VALUE && at >= end) {
      written_ = at;  // it waits until it is known whether the part goes on so long
      ended_ = end_ >= 0;
      return;
    }
    waiting_ = false;
    const double length = static_cast<double>(packet.duration) * av_q2d(tick_);
    if (packet.pts == AV_NOPTS_VALUE || at + length <= -kCopiedRunUp) return;
    packet.pts -= zero_;
    packet.dts = packet.pts;
    written_ = at + length;
    mp4_->write(&packet, track_, tick_);
  }

  const InputFile& video_;
  const std::stop_token& cancel_;
  std::unique_ptr<MediaInput> input_;
  AVStream* stream_;
  const AVRational tick_;  // a sample: the source's may be a whole packet
  Mp4Writer* mp4_ = nullptr;
  int track_ = -1;
  int64_t zero_ = 0;       // tick of the part's beginning
  double written_ = -1e9;  // seconds of the part up to which packets are there
  double end_ = -1;        // of the part, once it is known
  bool ended_ = false;
  PacketPtr packet_;
  bool waiting_ = false;  // packet_ is not written yet
};

// The codec of the first audio track of the video's programme, whether it can be read or not; ""
// without one.
std::string codec_of_sound(MediaInput& input) {
  const AVFormatContext& format = *input.format();
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    const AVCodecParameters& codec = *format.streams[i]->codecpar;
    if (!input.same_programme(*input.video(), *format.streams[i])) continue;
    if (codec.codec_type == AVMEDIA_TYPE_AUDIO) return avcodec_get_name(codec.codec_id);
  }
  return "";
}

}  // namespace

std::unique_ptr<ClipSoundTrack> open_clip_sound(const InputFile& video, const VideoInfo& info,
                                                const std::stop_token& cancel, bool copy,
                                                ClipSound& report) {
  auto input = std::make_unique<MediaInput>(video, cancel);
  AVStream* stream = input->add_audio();
  if (stream == nullptr) {
    report.codec = codec_of_sound(*input);
    if (!report.codec.empty()) report = {SoundState::kLost, report.codec, "unknown-format"};
    return nullptr;
  }
  const AVCodecParameters& source = *stream->codecpar;
  report.codec = avcodec_get_name(source.codec_id);
  if (copy && std::find(kCopied.begin(), kCopied.end(), source.codec_id) != kCopied.end()) {
    return std::make_unique<CopiedSound>(std::move(input), *stream, video, cancel, report);
  }
  const AVCodec* aac = avcodec_find_encoder(AV_CODEC_ID_AAC);
  if (aac == nullptr || !input->make_audio_decoder()) {
    report.state = SoundState::kLost;
    report.reason = "no-decoder";
    return nullptr;
  }
  return std::make_unique<EncodedSound>(video, info, cancel, aac, std::move(input), *stream,
                                        report);
}

}  // namespace shijian::video
