#include "video/mp4_writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

#include "base/error.h"

namespace shijian::video {
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

void require_cut(int status, const Text& step) {
  if (status < 0) throw_libav(status, "cut clip: {}: {}"_text(step, libav_reason(status)));
}

// A place of its own in the open file.
struct Mp4Writer::File {
  const Mp4Writer& writer;
  int64_t at = 0;

  static int read(void* self, uint8_t* out, int bytes) {
    return static_cast<File*>(self)->move(
        [&](int fd, int64_t place) { return ::pread(fd, out, static_cast<size_t>(bytes), place); });
  }
  static int write(void* self, uint8_t* from, int bytes) {
    static_cast<File*>(self)->writer.on_write_();
    for (int done = 0; done < bytes;) {
      const int status = static_cast<File*>(self)->move([&](int fd, int64_t place) {
        return ::pwrite(fd, from + done, static_cast<size_t>(bytes - done), place);
      });
      if (status < 0) return status;
      done += status;
    }
    return bytes;
  }
  static int64_t seek(void* self, int64_t offset, int whence) {
    File& file = *static_cast<File*>(self);
    struct stat info {};
    if (::fstat(file.writer.output_, &info) != 0) return AVERROR(errno);
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return info.st_size;
    if (whence == SEEK_CUR) offset += file.at;
    if (whence == SEEK_END) offset += info.st_size;
    return offset < 0 ? AVERROR(EINVAL) : file.at = offset;
  }

 private:
  int move(const auto& call) {
    ssize_t moved;
    do {
      moved = call(writer.output_, at);
    } while (moved < 0 && errno == EINTR);
    if (moved < 0) return AVERROR(errno);
    if (moved == 0) return AVERROR_EOF;
    at += moved;
    return static_cast<int>(moved);
  }
};

Mp4Writer::Mp4Writer(int output, std::function<void()> on_write)
    : output_(output), on_write_(std::move(on_write)) {
  require_cut(avformat_alloc_output_context2(&format_, nullptr, "mp4", nullptr), "write MP4"_text);
  format_->flags |= AVFMT_FLAG_BITEXACT;  // the same part gives the same bytes
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;
  format_->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;  // FLAC in MP4 counts as such
  // To put the index in front, libavformat reads what it has written.
  format_->opaque = this;
  format_->io_open = open_again;
  format_->io_close2 = close;
  format_->pb = open(true);
  if (format_->pb == nullptr) {
    avformat_free_context(format_);
    throw std::bad_alloc();
  }
}

Mp4Writer::~Mp4Writer() {
  close(format_, format_->pb);
  avformat_free_context(format_);
}

// Null when there is no memory.
AVIOContext* Mp4Writer::open(bool for_writing) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kIoBytes));
  auto* file = new File{*this};
  AVIOContext* io = buffer == nullptr
                        ? nullptr
                        : avio_alloc_context(buffer, kIoBytes, for_writing, file, File::read,
                                             for_writing ? File::write : nullptr, File::seek);
  if (io == nullptr) {
    av_free(buffer);
    delete file;
  }
  return io;
}

int Mp4Writer::open_again(AVFormatContext* format, AVIOContext** io, const char*, int flags,
                          AVDictionary**) {
  if (flags != AVIO_FLAG_READ) return AVERROR(EACCES);
  *io = static_cast<Mp4Writer*>(format->opaque)->open(false);
  return *io == nullptr ? AVERROR(ENOMEM) : 0;
}

int Mp4Writer::close(AVFormatContext*, AVIOContext* io) {
  delete static_cast<File*>(io->opaque);
  av_free(io->buffer);
  avio_context_free(&io);
  return 0;
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
  require_cut(avcodec_parameters_from_context(codec, &encoder), "write MP4"_text);
  return add_track(*codec, encoder.time_base, source);
}

void Mp4Writer::write(AVPacket* packet, int track, AVRational time_base) {
  if (!begun_) {
    AVDictionary* options = nullptr;
    av_dict_set(&options, "movflags", "faststart", 0);
    const int status = avformat_write_header(format_, &options);
    av_dict_free(&options);
    require_cut(status, "write MP4"_text);
    begun_ = true;
  }
  packet->stream_index = track;
  packet->pos = -1;
  av_packet_rescale_ts(packet, time_base, format_->streams[track]->time_base);
  require_cut(av_interleaved_write_frame(format_, packet), "write MP4"_text);
}

void Mp4Writer::finish() {
  CHECK(begun_);
  require_cut(av_write_trailer(format_), "write MP4"_text);
  avio_flush(format_->pb);
  require_cut(format_->pb->error, "write MP4"_text);
}

}  // namespace shijian::video
