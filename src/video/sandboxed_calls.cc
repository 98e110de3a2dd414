#include "video/sandboxed_calls.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/stop_event.h"
#include "video/media_input.h"
#include "video/messages.h"
#include "video/wire.h"

namespace shijian::video {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxShownBytes = 2000;  // bytes of a child's message that are shown
constexpr size_t kMaxFailureBytes = 1 << 16;
// A file whose packets do not tell its frames is decoded to tell them.
constexpr int64_t kProbedBytesPerSecond = 1 << 18;
// Times, packets, jumps and key frames of as many frames as a video of so many bytes may have, and
// the rest.
size_t max_info_bytes(int64_t file_bytes) {
  constexpr size_t kOther = size_t{4} << 20;
  return static_cast<size_t>(std::clamp<int64_t>(file_bytes, 0, kMaxFrameCount)) *
             (3 * sizeof(int64_t) + sizeof(KeyFrame)) +
         kOther;
}

// Cuts and activity of such a video, and the rest.
size_t max_scan_bytes(const VideoInfo& info) {
  constexpr double kMostSteps = 1e8;  // a year and a half
  return static_cast<size_t>(info.frame_count) * sizeof(int64_t) +
         static_cast<size_t>(std::clamp(info.duration / VideoScan::kStep, 0.0, kMostSteps)) *
             sizeof(float) +
         4096;
}

std::mutex sandbox_mutex;
std::shared_ptr<DecodeSandbox> current_sandbox;

[[noreturn]] void throw_ended(const Request& request, int status) {
  const Text what = operation(request);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
    throw Error(ErrorCode::kUnsupported,
                "{}: it took more than {} s of processor time"_text(what, request.cpu_seconds),
                "the file is damaged, made to do harm or too large: convert it first"_text);
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) {
    throw Error(ErrorCode::kUnsupported,
                "{}: it would have more than {} MiB"_text(what, request.file_bytes >> 20),
                "ask for a shorter part"_text);
  }
  throw Error(ErrorCode::kInvalid,
              WIFSIGNALED(status)
                  ? "{}: the decoder's process ended by signal {} ({})"_text(
                        what, WTERMSIG(status), Text::words(::strsignal(WTERMSIG(status))))
                  : "{}: the decoder's process ended"_text(what),
              "the file is damaged or made to do harm: convert it first"_text);
}

// Sanitizes a child's text for display. Forms that this program does not define become plain text,
// since the form of a compromised child could repeat one argument a thousand times.
Text shown(const Text& said) {
  const std::vector<std::string_view> ours = text_forms();
  const auto foreign = [&](const auto& self, const Text& text) -> bool {
    const auto arguments = text.arguments();
    return !arguments.empty() &&
           (std::find(ours.begin(), ours.end(), text.form()) == ours.end() ||
            std::any_of(arguments.begin(), arguments.end(),
                        [&](const Text& argument) { return self(self, argument); }));
  };
  if (foreign(foreign, said)) return Text::value(printable(said.form().substr(0, kMaxShownBytes)));
  if (std::string english = said.english(); english.size() > kMaxShownBytes) {
    return Text::value(printable(english.substr(0, kMaxShownBytes)));
  }
  return said.changed(printable);
}

// What a child reports as its failure, as far as it may.
[[noreturn]] void throw_failure(const Failure& failure) {
  const auto code = static_cast<ErrorCode>(failure.code);
  const bool known = code == ErrorCode::kUnsupported || code == ErrorCode::kIo;
  throw Error(known ? code : ErrorCode::kInvalid, shown(failure.message), shown(failure.hint));
}

bool is_valid(Rational r) { return r.num > 0 && r.den > 0; }

// Whether a VideoInfo keeps what probe() promises, so that nobody computes with nonsense.
bool is_valid(const VideoInfo& v) {
  const auto side = [](int pixels) { return pixels >= 1 && pixels <= kMaxSide; };
  const auto seconds = [](double s) { return std::isfinite(s) && std::abs(s) < 1e12; };
  return side(v.width) && side(v.height) && side(v.coded_width) && side(v.coded_height) &&
         (v.rotation == 0 || v.rotation == 90 || v.rotation == 180 || v.rotation == 270) &&
         v.stream >= 0 && v.frame_count >= 1 && v.frame_count <= kMaxFrameCount &&
         v.frame_count == std::ssize(v.frame_pts) &&
         std::is_sorted(v.frame_pts.begin(), v.frame_pts.end()) &&
         std::all_of(v.key_frames.begin(), v.key_frames.end(),
                     [&](const KeyFrame& k) { return k.frame >= 0 && k.frame < v.frame_count; }) &&
         v.peak_luminance >= 0 && v.peak_luminance <= 1e6 &&
         (v.frame_packets.empty() || std::ssize(v.frame_packets) == v.frame_count) &&
         std::all_of(v.clock_jumps.begin(), v.clock_jumps.end(),
                     [&](const ClockJump& j) { return seconds(j.time) && seconds(j.shift); }) &&
         std::all_of(v.hidden.begin(), v.hidden.end(),
                     [](const Hidden& h) { return h.at >= 0 && h.bytes >= 0; }) &&
         is_valid(v.frame_rate) && is_valid(v.time_base) && seconds(v.start_time) &&
         seconds(v.duration) && seconds(v.container_duration);
}

// Text that a child made is shown to people.
void clean(VideoInfo& v) {
  for (std::string* text : {&v.container, &v.codec, &v.pixel_format, &v.color_range,
                            &v.color_matrix, &v.color_transfer, &v.start_timecode}) {
    *text = printable(std::move(*text));
  }
  for (Track& track : v.tracks) {
    for (std::string* text : {&track.type, &track.codec, &track.language, &track.title}) {
      *text = printable(std::move(*text));
    }
  }
  for (Text& note : v.notes) note = shown(note);
}

// From the key frame at which decoding may begin.
int64_t frames_to_decode(const VideoInfo& info, const ClipSpan& part) {
  const int64_t first = info.frame_at(part.from);
  auto key = std::upper_bound(info.key_frames.begin(), info.key_frames.end(), first,
                              [](int64_t frame, const KeyFrame& k) { return frame < k.frame; });
  const bool whole = info.order_only || key == info.key_frames.begin();
  return info.frame_at(part.to) + 1 - (whole ? 0 : (--key)->frame);
}

bool is_empty(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) != 0 || info.st_size == 0;
}

}  // namespace

// One call on its way: a child that works on one file.
class DecodeSandbox::Call {
 public:
  // `files`: the video's, and one to write.
  Call(DecodeSandbox& sandbox, std::vector<int> files, Request request,
       const std::stop_token& cancel)
      : request_(std::move(request)),
        stall_(sandbox.options_.stall_seconds),
        cancel_(cancel),
        stop_(cancel),
        channel_(sandbox.forks_.call(std::move(files))) {
    throw_if_cancelled(cancel);
    WireWriter writer;
    writer(request_);
    send_message(channel_, kRequest, std::as_bytes(std::span(writer.bytes())));
  }

  // The next message's type. Throws what the child failed with, and Error when it ended, said what
  // is longer than `limit` and than a failure, hangs or is cancelled.
  uint32_t next(size_t limit) {
    limit = std::max(limit, kMaxFailureBytes);
    bulk_.clear();
    while (true) {
      const process::Channel::Packet packet = receive();
      if (packet.type == kPiece) {
        if (packet.bytes.size() > limit - bulk_.size()) break;
        bulk_ += text_of(packet.bytes);
        continue;
      }
      if (packet.type == kFailed) {
        if (bulk_.size() > kMaxFailureBytes) break;
        throw_failure(read<Failure>(bulk_));
      }
      head_ = text_of(packet.bytes);
      return packet.type;
    }
    refuse();
  }
  std::string_view bulk() const { return bulk_; }
  std::string_view head() const { return head_; }

  // What the bulk or the head says.
  template <typename T>
  T read(std::string_view bytes) const {
    T value{};
    try {
      WireReader reader(bytes);
      reader(value);
    } catch (const Error&) {
      refuse();
    }
    return value;
  }

  // Waits until the child is no more. Throws unless it ended by itself.
  void end() {
    const process::Channel::Packet packet = take();
    if (packet.type != process::kChildEnded) refuse();
    if (const int status = status_of(packet); status != 0) throw_ended(request_, status);
  }

  // Throws for a message that a well-behaved child never sends.
  [[noreturn]] void refuse() const { throw_ended(request_, 0); }

 private:
  static int status_of(const process::Channel::Packet& packet) {
    int status = 0;
    std::memcpy(&status, packet.bytes.data(), std::min(sizeof status, packet.bytes.size()));
    return status;
  }

  process::Channel::Packet receive() {
    process::Channel::Packet packet = take();
    if (packet.type == process::kChildEnded) throw_ended(request_, status_of(packet));
    return packet;
  }

  process::Channel::Packet take() {
    const bool heard = channel_.wait(Clock::now() + std::chrono::seconds(stall_), stop_.fd());
    throw_if_cancelled(cancel_);
    if (!heard) {
      throw Error(ErrorCode::kInvalid,
                  "{}: the decoder said nothing for {} s"_text(operation(request_), stall_),
                  "the file is damaged or made to do harm: convert it first"_text);
    }
    auto packet = channel_.receive();
    if (!packet) refuse();
    if (packet->type == process::kNotStarted) {
      throw system_error("start a process to decode in"_text, status_of(*packet));
    }
    return std::move(*packet);
  }

  const Request request_;
  const int stall_;
  const std::stop_token cancel_;
  const StopEvent stop_;
  process::Channel channel_;
  std::string bulk_, head_;
};

DecodeSandbox::DecodeSandbox(const SandboxOptions& options)
    : options_(options), forks_(kDecodeWorker) {}

Request DecodeSandbox::request_for(Task task, const InputFile& file) const {
  Request request;
  request.task = static_cast<uint8_t>(task);
  request.name = file.name();
  request.stream = file.stream();
  request.memory_bytes = options_.limits.memory_bytes;
  request.cpu_seconds = options_.limits.cpu_seconds;
  return request;
}

VideoInfo DecodeSandbox::probe(const InputFile& file, const std::stop_token& cancel) {
  Request request = request_for(Task::kProbe, file);
  request.cpu_seconds += file.size() / kProbedBytesPerSecond;
  Call call(*this, {file.fd()}, std::move(request), cancel);
  uint32_t said;
  do {
    said = call.next(max_info_bytes(file.size()));
  } while (said == kHeartbeat);
  if (said != kInfo) call.refuse();
  VideoInfo info = call.read<VideoInfo>(call.bulk());
  if (!is_valid(info)) call.refuse();
  clean(info);
  return info;
}

bool DecodeSandbox::decode(const InputFile& file, const VideoInfo& info, const FramePlan& plan,
                           const DecodeOptions& options, int pool_threads,
                           const std::stop_token& cancel, const FrameSink& sink) {
  const Size size = frame_size(info, plan, options);
  const size_t bytes = size_t{3} * size.width * size.height;
  Request request = request_for(Task::kDecode, file);
  request.cpu_seconds += options_.cpu_seconds_per_frame * std::ssize(plan.indices);
  request.info = info;
  request.height = plan.height;
  request.width = plan.width;
  request.indices = plan.indices;
  request.threads = options.threads;
  request.pool_threads = pool_threads;
  request.source_size = options.source_size;
  Call call(*this, {file.fd()}, std::move(request), cancel);
  for (size_t i = 0; i < plan.indices.size(); ++i) {
    if (call.next(bytes) != kFrame || call.bulk().size() != bytes) call.refuse();
    const auto shown = call.read<int64_t>(call.head());
    if (shown < 0 || shown >= info.frame_count) call.refuse();
    sink({reinterpret_cast<const uint8_t*>(call.bulk().data()), bytes}, shown);
  }
  if (call.next(0) != kDecoded) call.refuse();
  return call.read<bool>(call.head());
}

VideoScan DecodeSandbox::scan(const InputFile& file, const VideoInfo& info,
                              const std::stop_token& cancel) {
  Request request = request_for(Task::kScan, file);
  request.cpu_seconds += file.size() / kProbedBytesPerSecond;
  request.info = info;
  Call call(*this, {file.fd()}, std::move(request), cancel);
  uint32_t said;
  do {
    said = call.next(max_scan_bytes(info));
  } while (said == kHeartbeat);
  if (said != kScanned) call.refuse();
  VideoScan scan = call.read<VideoScan>(call.bulk());
  const auto frame = [&](int64_t cut) { return cut > 0 && cut < info.frame_count; };
  const auto share = [](float activity) { return activity >= 0 && activity <= 1; };
  if (scan.activity.empty() || !std::is_sorted(scan.cuts.begin(), scan.cuts.end()) ||
      !std::all_of(scan.cuts.begin(), scan.cuts.end(), frame) ||
      !std::all_of(scan.activity.begin(), scan.activity.end(), share)) {
    call.refuse();
  }
  return scan;
}

StillImage DecodeSandbox::decode_image(const InputFile& file) {
  Call call(*this, {file.fd()}, request_for(Task::kImage, file), {});
  const auto memory = static_cast<size_t>(options_.limits.memory_bytes);
  if (call.next(std::min(size_t{3} * kMaxPixels, memory)) != kImage) call.refuse();
  const auto head = call.read<ImageHead>(call.head());
  if (head.height < 1 || head.height > kMaxSide || head.width < 1 || head.width > kMaxSide ||
      std::ssize(call.bulk()) != head.height * head.width * 3) {
    call.refuse();
  }
  StillImage image{tensor::Tensor(tensor::DType::kU8, {head.height, head.width, 3}),
                   printable(head.format)};
  std::memcpy(image.rgb.data<uint8_t>(), call.bulk().data(), call.bulk().size());
  return image;
}

ClipResult DecodeSandbox::cut(const InputFile& file, const VideoInfo& info,
                              const std::vector<ClipSpan>& parts, ClipMode mode, int output,
                              const std::stop_token& cancel) {
  Request request = request_for(Task::kCut, file);
  request.memory_bytes += options_.encoder_memory_bytes;
  double end = info.duration;
  for (const ClipSpan& part : parts) {
    request.cpu_seconds += options_.cpu_seconds_per_clip_frame * frames_to_decode(info, part);
    end = std::max(end, part.to);
  }
  request.file_bytes = file.size() + options_.clip_bytes_over_source;
  request.info = info;
  request.parts = parts;
  request.mode = static_cast<uint8_t>(mode);
  Call call(*this, {file.fd(), output}, std::move(request), cancel);
  uint32_t said;
  do {
    said = call.next(kMaxClipParts * sizeof(ClipSpan) + kMaxShownBytes);
  } while (said == kHeartbeat);
  if (said != kCut) call.refuse();
  auto result = call.read<ClipResult>(call.bulk());
  call.end();  // so that nobody writes there any more
  if (result.parts.empty() || result.parts.size() > parts.size() || is_empty(output)) {
    call.refuse();
  }
  for (const ClipSpan& part : result.parts) {
    if (!(part.from >= 0 && part.from < part.to && part.to <= end)) call.refuse();
  }
  result.sound.codec = printable(result.sound.codec.substr(0, kMaxShownBytes));
  result.sound.reason = printable(result.sound.reason.substr(0, kMaxShownBytes));
  return result;
}

std::shared_ptr<DecodeSandbox> decode_sandbox() {
  const std::lock_guard lock(sandbox_mutex);
  return current_sandbox;
}

void start_decode_sandbox(const SandboxOptions& options) {
  auto sandbox = std::make_shared<DecodeSandbox>(options);
  const std::lock_guard lock(sandbox_mutex);
  current_sandbox = std::move(sandbox);
}

void stop_decode_sandbox() {
  const std::lock_guard lock(sandbox_mutex);
  current_sandbox.reset();
}

std::string sandbox_weakness() {
  const auto sandbox = decode_sandbox();
  return sandbox ? sandbox->weakness() : "decoding runs in this process";
}

}  // namespace shijian::video
