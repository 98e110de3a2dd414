#include "video/mp4_writer.h"

#include <algorithm>
#include <memory>
#include <new>

#include "base/error.h"

namespace shijian {
namespace {

void copy_side_data(const AVStream& from, AVStream& to, AVPacketSideDataType type) {
  size_t bytes = 0;
  const uint8_t* data = av_stream_get_side_data(&from, type, &bytes);
  if (data == nullptr) return;
  uint8_t* copy = av_stream_new_side_data(&to, type, bytes);
  if (copy == nullptr) throw std::bad_alloc();
  std::copy_n(data, bytes, copy);
}

}  // namespace

void require_cut(int status, const char* operation) {
  if (status >= 0) return;
  if (status == AVERROR(ENOMEM)) throw std::bad_alloc();
  const bool disk =
      status == AVERROR(ENOSPC) || status == AVERROR(EIO) || status == AVERROR(EDQUOT);
  throw Error(disk ? ErrorCode::kIo : ErrorCode::kUnsupported,
              fmt::format("cut clip: {}: {}", operation, libav_reason(status)));
}

Mp4Writer::Mp4Writer(const std::filesystem::path& output) {
  const std::string url = "file:" + output.string();
  require_cut(avformat_alloc_output_context2(&format_, nullptr, "mp4", url.c_str()), "write MP4");
  format_->flags |= AVFMT_FLAG_BITEXACT;  // the same part gives the same bytes
  if (const int status = avio_open(&format_->pb, url.c_str(), AVIO_FLAG_WRITE); status < 0) {
    avformat_free_context(format_);
    throw Error(ErrorCode::kIo, "cut clip: the temporary file cannot be opened");
  }
}

Mp4Writer::~Mp4Writer() {
  avio_closep(&format_->pb);
  avformat_free_context(format_);
}

int Mp4Writer::add_track(const AVCodecParameters& codec, AVRational time_base,
                         const AVStream* source) {
  AVStream* stream = avformat_new_stream(format_, nullptr);
  if (stream == nullptr || avcodec_parameters_copy(stream->codecpar, &codec) < 0) {
    throw std::bad_alloc();
  }
  stream->codecpar->codec_tag = 0;  // MP4's own, not that of the source's container
  stream->time_base = time_base;
  stream->sample_aspect_ratio = codec.sample_aspect_ratio;
  if (source != nullptr) {
    copy_side_data(*source, *stream, AV_PKT_DATA_DISPLAYMATRIX);
    const AVDictionaryEntry* language = av_dict_get(source->metadata, "language", nullptr, 0);
    if (language != nullptr) av_dict_set(&stream->metadata, "language", language->value, 0);
  }
  return stream->index;
}

int Mp4Writer::add_track(const AVCodecContext& encoder, const AVStream* source) {
  AVCodecParameters* codec = avcodec_parameters_alloc();
  const std::unique_ptr<AVCodecParameters, void (*)(AVCodecParameters*)> owner(
      codec, [](AVCodecParameters* p) { avcodec_parameters_free(&p); });
  require_cut(avcodec_parameters_from_context(codec, &encoder), "write MP4");
  return add_track(*codec, encoder.time_base, source);
}

void Mp4Writer::write(AVPacket* packet, int track, AVRational time_base) {
  if (!begun_) {
    AVDictionary* options = nullptr;
    av_dict_set(&options, "movflags", "faststart", 0);
    const int status = avformat_write_header(format_, &options);
    av_dict_free(&options);
    require_cut(status, "write MP4");
    begun_ = true;
  }
  packet->stream_index = track;
  packet->pos = -1;
  av_packet_rescale_ts(packet, time_base, format_->streams[track]->time_base);
  require_cut(av_interleaved_write_frame(format_, packet), "write MP4");
}

void Mp4Writer::finish() {
  CHECK(begun_);
  require_cut(av_write_trailer(format_), "write MP4");
  require_cut(avio_closep(&format_->pb), "write MP4");
}

}  // namespace shijian
