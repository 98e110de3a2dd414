#include "video/media_input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "video/animation.h"
#include "video/decoders.h"
#include "video/formats.h"
#include "video/track_facts.h"

namespace shijian::video {
namespace {

constexpr int kMaxReadErrors = 32;
// How far the first pictures are looked for where the library's own limits find none.
constexpr int64_t kPatientBytes = int64_t{64} << 20;
constexpr int64_t kPatientTime = int64_t{600} * AV_TIME_BASE;

Text track_type(AVMediaType type) {
  switch (type) {
    case AVMEDIA_TYPE_VIDEO:
      return "video"_text;
    case AVMEDIA_TYPE_AUDIO:
      return "audio"_text;
    case AVMEDIA_TYPE_SUBTITLE:
      return "subtitle"_text;
    case AVMEDIA_TYPE_ATTACHMENT:
      return "attachment"_text;
    default:
      return "data"_text;
  }
}

// Lists the types of the tracks: "video, audio, data". Recursion on halves keeps the nesting below
// the limit for a text that is sent or stored.
Text track_types(std::span<AVStream* const> streams) {
  if (streams.empty()) return "none"_text;
  if (streams.size() == 1) return track_type(streams[0]->codecpar->codec_type);
  const size_t half = streams.size() / 2;
  return "{}, {}"_text(track_types(streams.first(half)), track_types(streams.subspan(half)));
}

// Theora that was joined has headers in the middle. The decoder follows all but the comments, which
// it takes for damage.
bool is_theora_comment(const AVStream& video, const AVPacket& packet) {
  constexpr uint8_t kComment = 0x81;
  return video.codecpar->codec_id == AV_CODEC_ID_THEORA && packet.size > 0 &&
         packet.data[0] == kComment;
}

AVDictionary* demuxer_options(std::string_view container, bool patient) {
  AVDictionary* options = nullptr;
  // Finds streams that begin with a later table of programmes.
  if (container == "mpegts" && patient) av_dict_set(&options, "scan_all_pmts", "1", 0);
  // Shows pictures whose delay is 10 ms or less for 100 ms, as browsers do.
  if (container == "apng") {
    av_dict_set(&options, "max_fps", "99", 0);
    av_dict_set(&options, "default_fps", "10", 0);
  }
  return options;
}

// Whether reading is at the end of the file. GXF is said to be an error there.
bool is_at_end(const AVFormatContext& format, int status) {
  const bool gxf = std::string_view(format.iformat->name) == "gxf";
  return status == AVERROR_EOF || (gxf && status == -1 && avio_feof(format.pb));
}

int refuse_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EACCES);
}

}  // namespace

struct MediaInput::Reading {
  int fd = -1;
  int64_t size = 0;
  int64_t at = 0;  // of what is not hidden, as `size` is
  std::stop_token cancel;
  std::vector<Hidden> hidden;

  static int read(void* self, uint8_t* out, int bytes) {
    Reading& file = *static_cast<Reading*>(self);
    if (file.cancel.stop_requested()) return AVERROR_EXIT;
    const auto [from, room] = file.place();
    ssize_t got;
    do {
      got = ::pread(file.fd, out, static_cast<size_t>(std::min<int64_t>(bytes, room)), from);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return AVERROR(errno);
    if (got == 0) return AVERROR_EOF;
    file.at += got;
    return static_cast<int>(got);
  }

  // Returns where `at` lies in the file, and how many bytes follow there that are not hidden.
  std::pair<int64_t, int64_t> place() const {
    int64_t from = at;
    for (const Hidden& part : hidden) {
      if (from < part.at) return {from, part.at - from};
      from += part.bytes;
    }
    return {from, INT64_MAX};
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

MediaInput::MediaInput(const InputFile& file, const std::stop_token& cancel)
    : file_(file), cancel_(cancel), reading_(std::make_unique<Reading>()) {
  silence_libav();
  throw_if_cancelled(cancel);
  *reading_ = {file.fd(), file.size(), 0, cancel, file.hidden()};
  for (const Hidden& part : reading_->hidden) reading_->size -= part.bytes;
  if (reading_->size == 0) {
    throw Error(ErrorCode::kInvalid, "open video {}: the file is empty"_text(name()),
                "copy or download the video again"_text);
  }
  try {
    open(false);
    if (lacks_picture()) {
      close();
      reading_->at = 0;
      open(true);
    }
    choose_video();
  } catch (...) {
    close();
    throw;
  }
}

MediaInput::~MediaInput() { close(); }

void MediaInput::close() {
  if (animation_) {
    format_->iformat = nullptr;  // nothing of it was opened
    avformat_free_context(format_);
    format_ = nullptr;
    animation_.reset();
  }
  avformat_close_input(&format_);
  if (io_ != nullptr) {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
}

// A picture alone is no video, though the containers of animations hold it.
void MediaInput::require_moving(const char* container) const {
  const std::string_view name = container;
  std::string still;
  if (name == "gif" || name == "apng" || name == "webp") {
    if (!is_animation(MappedFile(file_.fd(), file_.name()).bytes())) still = name;
  } else if (name.starts_with("mov")) {
    still = still_picture_brand(file_);
  }
  if (still.empty()) return;
  throw Error(ErrorCode::kInvalid,
              "open video {}: it is a still picture ({})"_text(file_.name(), still),
              "give a video, or an animation of several pictures"_text);
}

void MediaInput::open_animation() {
  static const AVInputFormat kFormat = [] {
    AVInputFormat format{};
    format.name = "webp";
    return format;
  }();
  require_moving(kFormat.name);
  animation_ = std::make_unique<WebpAnimation>(MappedFile(file_.fd(), name()), name());
  format_ = avformat_alloc_context();
  AVStream* stream = format_ == nullptr ? nullptr : avformat_new_stream(format_, nullptr);
  if (stream == nullptr) throw std::bad_alloc();
  format_->iformat = &kFormat;
  AVCodecParameters& par = *stream->codecpar;
  par.codec_type = AVMEDIA_TYPE_VIDEO;
  par.codec_id = AV_CODEC_ID_RAWVIDEO;
  par.format = AV_PIX_FMT_RGBA;
  par.width = animation_->width();
  par.height = animation_->height();
  stream->time_base = {1, 1000};
  stream->start_time = 0;
  stream->nb_frames = animation_->frames();
}

void MediaInput::open(bool patient) {
  uint8_t head[12] = {};
  const ssize_t size = ::pread(file_.fd(), head, sizeof head, 0);
  if (size > 0 && is_webp(std::as_bytes(std::span(head, static_cast<size_t>(size))))) {
    return open_animation();
  }
  auto* buffer = static_cast<uint8_t*>(av_malloc(kIoBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  io_ = avio_alloc_context(buffer, kIoBytes, 0, reading_.get(), Reading::read, nullptr,
                           Reading::seek);
  format_ = avformat_alloc_context();
  if (io_ == nullptr || format_ == nullptr) throw std::bad_alloc();
  format_->pb = io_;
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;  // closing leaves io_ to us, whatever was opened
  format_->io_open = refuse_open;
  // Of the sound as well: some containers do not say its rate and channels, its frames do.
  format_->codec_whitelist = av_strdup(accepted_decoders().c_str());
  format_->protocol_whitelist = av_strdup("none");
  if (patient) {
    format_->probesize = kPatientBytes;
    format_->max_analyze_duration = kPatientTime;
  }

  const AVInputFormat* container = nullptr;
  const int score = av_probe_input_buffer2(io_, &container, "", nullptr, 0, 0);
  throw_if_cancelled(cancel_);
  if (score < 0 || container == nullptr) {
    throw Error(ErrorCode::kInvalid, "open video {}: it holds no known video format"_text(name()),
                "give a video file: MP4, MOV, MKV, WebM, AVI, TS, GIF or another usual one"_text);
  }
  if (!is_video_format(container->name)) {
    throw Error(ErrorCode::kInvalid,
                "open video {}: its format is {}, not a video container that is "
                "supported"_text(name(), container->name),
                "give a video file: MP4, MOV, MKV, WebM, AVI, TS, GIF or another usual one"_text);
  }
  require_moving(container->name);
  AVDictionary* options = demuxer_options(container->name, patient);
  // On failure this frees format_ and sets it to null.
  int status = avformat_open_input(&format_, "", container, &options);
  av_dict_free(&options);
  if (status >= 0) status = avformat_find_stream_info(format_, nullptr);
  throw_if_cancelled(cancel_);
  if (status < 0) {
    // Replaces libavformat's messages for Matroska, which name elements and offsets and report the
    // end of the file as an I/O error.
    const bool broken =
        std::string_view(container->name).starts_with("matroska") &&
        (io_->error == 0 || io_->error == AVERROR_EOF) &&
        (status == AVERROR_INVALIDDATA || status == AVERROR_EOF || status == AVERROR(EIO));
    const Text reason = broken ? "its header is damaged or cut short"_text : libav_reason(status);
    throw Error(ErrorCode::kInvalid, "open video {}: {}"_text(name(), reason),
                "the file is damaged or cut short: copy or download it again"_text);
  }
}

// Where nothing interleaves its streams, the pictures may begin far behind the sound. A stream that
// was asked for may begin late.
bool MediaInput::lacks_picture() const {
  if (file_.stream() >= static_cast<int>(format_->nb_streams)) return true;
  bool found = false;
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    const AVCodecParameters& par = *format_->streams[i]->codecpar;
    if (par.codec_type != AVMEDIA_TYPE_VIDEO || par.codec_id == AV_CODEC_ID_NONE) continue;
    const bool readable = par.width > 0 && par.height > 0;
    if (static_cast<int>(i) == file_.stream()) return !readable;
    if (readable && file_.stream() == kMainStream) return false;
    found = found || !readable;
  }
  return found;
}

void MediaInput::refuse_tracks() const {
  throw Error(ErrorCode::kInvalid,
              "open video {}: it has no video track (tracks: {})"_text(
                  name(), track_types({format_->streams, format_->nb_streams})),
              "give a file with pictures"_text);
}

void MediaInput::require_readable() const {
  if (is_encrypted(file_, *format_, *video())) throw encrypted();
  const AVCodecParameters* par = video()->codecpar;
  if (par->width <= 0 || par->height <= 0) {
    const std::string codec = codec_name();
    throw Error(
        ErrorCode::kInvalid,
        codec.empty()
            ? "open video {}: the video track has no readable picture"_text(name())
            : "open video {}: the video track ({}) has no readable picture"_text(name(), codec),
        "the file is damaged or cut short: copy or download it again"_text);
  }
  if (par->width > kMaxSide || par->height > kMaxSide ||
      int64_t{par->width} * par->height > kMaxPixels) {
    throw Error(ErrorCode::kUnsupported,
                "open video {}: its pictures are {}x{}, over {} on a side"_text(
                    name(), par->width, par->height, kMaxSide),
                "scale the video down first"_text);
  }
}

Error MediaInput::encrypted() const {
  return Error(ErrorCode::kUnsupported,
               "open video {}: its pictures are encrypted (DRM)"_text(name()),
               "decrypt the video with its key first, or give a copy without encryption"_text);
}

// A codec that libavcodec does not know has a name in the file alone; "" where it has none.
std::string MediaInput::codec_name() const {
  const AVCodecID id = video()->codecpar->codec_id;
  return id != AV_CODEC_ID_NONE ? avcodec_get_name(id) : codec_in_file(file_, *format_, *video());
}

void MediaInput::choose_video() {
  const int stream = file_.stream();
  std::string videos;
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream* s = format_->streams[i];
    // A cover picture is no video; best_stream would take it in an audio file.
    if (s->disposition & AV_DISPOSITION_ATTACHED_PIC) {
      s->codecpar->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    }
    if (s->codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    videos += fmt::format("{}{}", videos.empty() ? "" : ", ", i);
    if (static_cast<int>(i) == stream) video_ = stream;
  }
  if (videos.empty()) refuse_tracks();
  if (stream == kMainStream) {
    video_ = av_find_best_stream(format_, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  }
  if (video_ < 0) {
    throw Error(
        ErrorCode::kInvalid,
        "open video {}: stream {} is no video stream (there are: {})"_text(name(), stream, videos),
        "`shijian info` lists the streams of a file"_text);
  }
  require_readable();
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    if (static_cast<int>(i) != video_) format_->streams[i]->discard = AVDISCARD_ALL;
  }
}

bool MediaInput::same_programme(const AVStream& a, const AVStream& b) const {
  const AVProgram* programme = av_find_program_from_stream(format_, nullptr, a.index);
  if (programme == nullptr || av_find_program_from_stream(format_, nullptr, b.index) == nullptr) {
    return true;
  }
  for (; programme != nullptr; programme = av_find_program_from_stream(
                                   format_, const_cast<AVProgram*>(programme), a.index)) {
    for (unsigned i = 0; i < programme->nb_stream_indexes; ++i) {
      if (static_cast<int>(programme->stream_index[i]) == b.index) return true;
    }
  }
  return false;
}

AVStream* MediaInput::add_audio() {
  audio_ = av_find_best_stream(format_, AVMEDIA_TYPE_AUDIO, -1, video_, nullptr, 0);
  // Where its own programme has no sound, that of another is not its sound.
  if (audio_ >= 0 && !same_programme(*video(), *format_->streams[audio_])) audio_ = -1;
  if (audio_ < 0) return nullptr;
  format_->streams[audio_]->discard = AVDISCARD_DEFAULT;
  return format_->streams[audio_];
}

void MediaInput::add_other_audio() {
  other_audio_ = (format_->iformat->flags & AVFMT_TS_DISCONT) != 0;
  for (unsigned i = 0; other_audio_ && i < format_->nb_streams; ++i) {
    AVStream& s = *format_->streams[i];
    if (s.codecpar->codec_type == AVMEDIA_TYPE_AUDIO) s.discard = AVDISCARD_DEFAULT;
  }
}

bool MediaInput::is_wanted(const AVPacket& packet) const {
  if (packet.stream_index == video_ || packet.stream_index == audio_) return true;
  const AVStream& s = *format_->streams[packet.stream_index];
  return other_audio_ && s.codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
         same_programme(*video(), s);
}

// libavformat discards the pictures of a fragment of MP4 that begins before the one in front has
// ended. Keeps them where the clock starts over, which goes back by more than fragments overlap.
void MediaInput::keep_restart(AVPacket& packet) {
  const int64_t overlap = av_rescale_q(1, {1, 1}, video()->time_base);
  if ((packet.flags & AV_PKT_FLAG_DISCARD) == 0) {
    starts_over_ = false;
  } else if (packet.dts != AV_NOPTS_VALUE && last_dts_ != AV_NOPTS_VALUE) {
    starts_over_ = starts_over_ || packet.dts < last_dts_ - overlap;
  }
  if (starts_over_) packet.flags &= ~AV_PKT_FLAG_DISCARD;
  last_dts_ = packet.dts;
}

bool MediaInput::read(AVPacket* packet) {
  while (true) {
    av_packet_unref(packet);
    const int status = animation_ ? animation_->next(packet) : av_read_frame(format_, packet);
    throw_if_cancelled(cancel_);
    if (status == AVERROR(EAGAIN)) continue;
    if (status < 0) {
      if (is_at_end(*format_, status) &&
          (animation_ || io_->error == 0 || io_->error == AVERROR_EOF))
        return false;
      // Damage in the middle can be followed by good packets.
      damaged_ = true;
      if (++errors_ > kMaxReadErrors || animation_ || avio_feof(io_)) return false;
      continue;
    }
    if (!is_wanted(*packet)) continue;
    if (packet->stream_index == video_ && is_encrypted(*packet)) throw encrypted();
    if (packet->stream_index == video_) keep_restart(*packet);
    if (packet->stream_index == video_ && is_theora_comment(*video(), *packet)) continue;
    if ((packet->flags & AV_PKT_FLAG_CORRUPT) && avio_feof(io_)) {
      damaged_ = true;
      continue;
    }
    return true;
  }
}

bool MediaInput::seek(int64_t timestamp) {
  if (animation_) return false;
  errors_ = 0;
  last_dts_ = AV_NOPTS_VALUE;
  return av_seek_frame(format_, video_, timestamp, AVSEEK_FLAG_BACKWARD) >= 0;
}

CodecPtr MediaInput::make_decoder(int threads) const {
  return make_video_decoder(*video(), codec_name(), name(), threads);
}

CodecPtr MediaInput::make_audio_decoder() const {
  return video::make_audio_decoder(*format_->streams[audio_]);
}

}  // namespace shijian::video
