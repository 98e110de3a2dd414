#include "video/media_input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>

#include "base/error.h"

extern "C" {
#include <libavutil/avstring.h>
}

namespace shijian {
namespace {

// libavformat's names of the containers that are accepted, and of the decoders.
constexpr const char* kContainers = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,flv";
constexpr const char* kDecoders =
    "h264,hevc,vp8,vp9,libdav1d,libaom-av1,mpeg4,msmpeg4v2,msmpeg4,h263,mjpeg,mpeg1video,"
    "mpeg2video,prores,dnxhd,ffv1,huffyuv,ffvhuff,utvideo,rawvideo,png,flv,dvvideo";
constexpr const char* kAudioDecoders =
    "aac,mp3,mp3float,mp2,mp2float,opus,libopus,vorbis,libvorbis,flac,alac,ac3,eac3,amrnb,amrwb,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_u8,pcm_alaw,pcm_mulaw";
constexpr int kMaxReadErrors = 32;
constexpr int kMaxThreads = 16;  // each holds pictures
constexpr int kIoBytes = 1 << 16;

std::mutex log_mutex;
std::string last_log;

void keep_log(void* context, int level, const char* format, va_list args) {
  if (level > AV_LOG_WARNING) return;
  char line[512];
  int prefix = 1;
  av_log_format_line2(context, level, format, args, line, sizeof line, &prefix);
  std::string text(line);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  // "[mov,mp4 @ 0x55d0c0] moov atom not found": the address means nothing to a reader.
  if (const size_t end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 32) c = ' ';
  }
  const std::lock_guard lock(log_mutex);
  last_log = std::move(text);
}

int refuse_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EACCES);
}

}  // namespace

FramePtr make_frame() {
  FramePtr frame(av_frame_alloc());
  if (!frame) throw Error(ErrorCode::kNoMemory, "decode: no memory for a frame");
  return frame;
}

PacketPtr make_packet() {
  PacketPtr packet(av_packet_alloc());
  if (!packet) throw Error(ErrorCode::kNoMemory, "decode: no memory for a packet");
  return packet;
}

void silence_libav() {
  static const bool done = [] {
    av_log_set_callback(keep_log);
    return true;
  }();
  (void)done;
  const std::lock_guard lock(log_mutex);
  last_log.clear();
}

std::string libav_log() {
  const std::lock_guard lock(log_mutex);
  return last_log;
}

std::string libav_reason(int code) {
  if (std::string logged = libav_log(); !logged.empty()) return logged;
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

struct MediaInput::Reading {
  int fd = -1;
  int64_t size = 0;
  int64_t at = 0;
  CancelToken cancel;

  static int read(void* self, uint8_t* out, int bytes) {
    Reading& file = *static_cast<Reading*>(self);
    if (file.cancel.cancelled()) return AVERROR_EXIT;
    ssize_t got;
    do {
      got = ::pread(file.fd, out, static_cast<size_t>(bytes), file.at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return AVERROR(errno);
    if (got == 0) return AVERROR_EOF;
    file.at += got;
    return static_cast<int>(got);
  }

  static int64_t seek(void* self, int64_t offset, int whence) {
    Reading& file = *static_cast<Reading*>(self);
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return file.size;
    int64_t base = 0;
    if (whence == SEEK_CUR) base = file.at;
    if (whence == SEEK_END) base = file.size;
    int64_t to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0) return AVERROR(EINVAL);
    return file.at = to;
  }
};

MediaInput::MediaInput(const InputFile& file, const CancelToken& cancel)
    : file_(file), cancel_(cancel), reading_(std::make_unique<Reading>()) {
  silence_libav();
  cancel.check();
  *reading_ = {file.fd(), file.size(), 0, cancel};
  if (reading_->size == 0) {
    throw Error(ErrorCode::kInvalid, fmt::format("open video {}: the file is empty", name()),
                "copy or download the video again");
  }
  try {
    choose_format();
    choose_video();
  } catch (...) {
    close();
    throw;
  }
}

MediaInput::~MediaInput() { close(); }

void MediaInput::close() {
  avformat_close_input(&format_);
  if (io_ != nullptr) {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
}

void MediaInput::choose_format() {
  auto* buffer = static_cast<uint8_t*>(av_malloc(kIoBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  io_ = avio_alloc_context(buffer, kIoBytes, 0, reading_.get(), Reading::read, nullptr,
                           Reading::seek);
  format_ = avformat_alloc_context();
  if (io_ == nullptr || format_ == nullptr) throw std::bad_alloc();
  format_->pb = io_;
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;  // closing leaves io_ to us, whatever was opened
  format_->io_open = refuse_open;
  format_->codec_whitelist = av_strdup(kDecoders);
  format_->protocol_whitelist = av_strdup("none");

  const AVInputFormat* container = nullptr;
  const int score = av_probe_input_buffer2(io_, &container, "", nullptr, 0, 0);
  cancel_.check();
  if (score < 0 || container == nullptr) {
    throw Error(ErrorCode::kInvalid,
                fmt::format("open video {}: it holds no known video format", name()),
                "give an MP4, MOV, MKV, WebM or AVI file");
  }
  if (av_match_list(container->name, kContainers, ',') <= 0) {
    throw Error(ErrorCode::kInvalid,
                fmt::format("open video {}: its format is {}, not a video container that is "
                            "supported",
                            name(), container->name),
                "give an MP4, MOV, MKV, WebM or AVI file");
  }
  // On failure this frees format_ and sets it to null.
  int status = avformat_open_input(&format_, "", container, nullptr);
  if (status >= 0) status = avformat_find_stream_info(format_, nullptr);
  cancel_.check();
  if (status < 0) {
    throw Error(ErrorCode::kInvalid, fmt::format("open video {}: {}", name(), libav_reason(status)),
                "the file is damaged or cut short: copy or download it again");
  }
}

void MediaInput::choose_video() {
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream* stream = format_->streams[i];
    // A cover picture is no video; best_stream would take it in an audio file.
    if (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) {
      stream->codecpar->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    }
  }
  video_ = av_find_best_stream(format_, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (video_ < 0) {
    std::string tracks;
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
      const char* type = av_get_media_type_string(format_->streams[i]->codecpar->codec_type);
      tracks += fmt::format("{}{}", i == 0 ? "" : ", ", type == nullptr ? "data" : type);
    }
    throw Error(ErrorCode::kInvalid,
                fmt::format("open video {}: it has no video track (tracks: {})", name(),
                            tracks.empty() ? "none" : tracks),
                "give a file with pictures");
  }
  const AVCodecParameters* par = video()->codecpar;
  if (par->width <= 0 || par->height <= 0) {
    throw Error(ErrorCode::kInvalid,
                fmt::format("open video {}: the video track ({}) has no readable picture", name(),
                            avcodec_get_name(par->codec_id)),
                "the file is damaged or cut short: copy or download it again");
  }
  if (par->width > kMaxSide || par->height > kMaxSide ||
      int64_t{par->width} * par->height > kMaxPixels) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("open video {}: its pictures are {}x{}, over {} on a side", name(),
                            par->width, par->height, kMaxSide),
                "scale the video down first");
  }
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    if (static_cast<int>(i) != video_) format_->streams[i]->discard = AVDISCARD_ALL;
  }
}

AVStream* MediaInput::add_audio() {
  audio_ = av_find_best_stream(format_, AVMEDIA_TYPE_AUDIO, -1, video_, nullptr, 0);
  if (audio_ < 0) return nullptr;
  format_->streams[audio_]->discard = AVDISCARD_DEFAULT;
  return format_->streams[audio_];
}

bool MediaInput::read(AVPacket* packet) {
  while (true) {
    av_packet_unref(packet);
    const int status = av_read_frame(format_, packet);
    cancel_.check();
    if (status == AVERROR(EAGAIN)) continue;
    if (status < 0) {
      if (status == AVERROR_EOF && (io_->error == 0 || io_->error == AVERROR_EOF)) return false;
      // Damage in the middle can be followed by good packets.
      damaged_ = true;
      if (++errors_ > kMaxReadErrors || avio_feof(io_)) return false;
      continue;
    }
    if (packet->stream_index != video_ && packet->stream_index != audio_) continue;
    if (packet->flags & AV_PKT_FLAG_CORRUPT) {
      damaged_ = true;
      continue;
    }
    return true;
  }
}

bool MediaInput::seek(int64_t timestamp) {
  errors_ = 0;
  return av_seek_frame(format_, video_, timestamp, AVSEEK_FLAG_BACKWARD) >= 0;
}

CodecPtr MediaInput::make_decoder(int threads) {
  const AVCodecParameters* par = video()->codecpar;
  const char* codec_name = avcodec_get_name(par->codec_id);
  const AVCodec* codec = avcodec_find_decoder(par->codec_id);
  if (codec == nullptr || av_match_list(codec->name, kDecoders, ',') <= 0) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("open video {}: no decoder for {}", name(), codec_name),
                "convert the video to H.264 first");
  }
  CodecPtr decoder(avcodec_alloc_context3(codec));
  if (!decoder || avcodec_parameters_to_context(decoder.get(), par) < 0) throw std::bad_alloc();
  decoder->thread_count = std::min(threads, kMaxThreads);
  decoder->max_pixels = kMaxPixels;
  decoder->pkt_timebase = video()->time_base;
  if (const int status = avcodec_open2(decoder.get(), codec, nullptr); status < 0) {
    if (status == AVERROR(EAGAIN) || status == AVERROR(ENOMEM)) throw std::bad_alloc();
    throw Error(ErrorCode::kInvalid,
                fmt::format("open video {}: the {} decoder refuses it: {}", name(), codec_name,
                            libav_reason(status)),
                "the file is damaged: copy or download it again");
  }
  return decoder;
}

CodecPtr MediaInput::make_audio_decoder() {
  const AVStream* stream = format_->streams[audio_];
  const AVCodec* codec = avcodec_find_decoder(stream->codecpar->codec_id);
  if (codec == nullptr || av_match_list(codec->name, kAudioDecoders, ',') <= 0) return nullptr;
  CodecPtr decoder(avcodec_alloc_context3(codec));
  if (!decoder || avcodec_parameters_to_context(decoder.get(), stream->codecpar) < 0) {
    throw std::bad_alloc();
  }
  decoder->pkt_timebase = stream->time_base;
  if (avcodec_open2(decoder.get(), codec, nullptr) < 0) return nullptr;
  return decoder;
}

}  // namespace shijian
