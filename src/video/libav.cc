#include "video/libav.h"

#include <cctype>
#include <mutex>
#include <new>
#include <string_view>

#include "base/error.h"

namespace shijian::video {
namespace {

std::mutex log_mutex;
std::string last_log;
bool warned_of_decoding = false;

bool is_codec(void* context) {
  if (context == nullptr) return false;
  const AVClass* of = *static_cast<AVClass**>(context);
  if (of == nullptr) return false;
  const AVClassCategory category =
      of->get_category != nullptr ? of->get_category(context) : of->category;
  return category == AV_CLASS_CATEGORY_DECODER;
}

// Leaves out what FFmpeg advises: it names options of a program that nobody here has, or mailing
// lists. Empty where nothing else is said.
std::string without_advice(std::string text) {
  for (const std::string_view advice :
       {", add '-", ", use -", ", use the ", ", try ", " (try ", " Consider ", "Consider ",
        ". Update your ", "Update your ", ". If you want ", "If you want ", ". If the problem ",
        "If the problem ", ". Please ", "Please ", ". Use ", ". Try "}) {
    const size_t at = text.find(advice);
    const bool begins = std::isupper(static_cast<unsigned char>(advice.front())) != 0;
    if (at != std::string::npos && (!begins || at == 0)) text.erase(at);
  }
  while (text.ends_with(' ') || text.ends_with('.')) text.pop_back();
  return text;
}

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
  text = without_advice(std::move(text));
  const bool of_decoding = is_codec(context);
  const std::lock_guard lock(log_mutex);
  warned_of_decoding = warned_of_decoding || of_decoding;
  if (!text.empty()) last_log = std::move(text);
}

}  // namespace

FramePtr make_frame() {
  FramePtr frame(av_frame_alloc());
  if (!frame) throw Error(ErrorCode::kNoMemory, "decode: no memory for a frame"_text);
  return frame;
}

PacketPtr make_packet() {
  PacketPtr packet(av_packet_alloc());
  if (!packet) throw Error(ErrorCode::kNoMemory, "decode: no memory for a packet"_text);
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
  warned_of_decoding = false;
}

bool decoder_warned() {
  const std::lock_guard lock(log_mutex);
  return warned_of_decoding;
}

std::string libav_log() {
  const std::lock_guard lock(log_mutex);
  return last_log;
}

Text libav_words(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return Text::words(text);
}

Text libav_reason(int code) {
  std::string logged = libav_log();
  return logged.empty() ? libav_words(code) : Text::words(std::move(logged));
}

void throw_libav(int status, const Text& message) {
  if (status == AVERROR(ENOMEM)) throw std::bad_alloc();
  const bool disk =
      status == AVERROR(ENOSPC) || status == AVERROR(EIO) || status == AVERROR(EDQUOT);
  throw Error(disk ? ErrorCode::kIo : ErrorCode::kUnsupported, message);
}

}  // namespace shijian::video
