#include "video/sandboxed_calls.h"

#include <sys/wait.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "video/media_input.h"
#include "video/messages.h"
#include "video/wire.h"

namespace shijian {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLookMilliseconds = 50;  // between looks at the cancel token
constexpr size_t kMaxSaid = 2000;      // bytes of a child's message that are shown
// Times and key frames of as many frames as a video may have.
constexpr size_t kMaxInfoBytes =
    static_cast<size_t>(kMaxFrameCount) * (sizeof(int64_t) + sizeof(KeyFrame)) + (1 << 20);

std::mutex sandbox_mutex;
std::shared_ptr<DecodeSandbox> current_sandbox;

[[noreturn]] void throw_ended(const std::string& name, int status, int64_t cpu_seconds) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("decode {}: it took more than {} s of processor time", name, cpu_seconds),
        "the file is damaged, made to do harm or too large: convert it first");
  }
  const std::string how = WIFSIGNALED(status) ? fmt::format(" by signal {} ({})", WTERMSIG(status),
                                                            ::strsignal(WTERMSIG(status)))
                                              : "";
  throw Error(ErrorCode::kInvalid,
              fmt::format("decode {}: the decoder's process ended{}", name, how),
              "the file is damaged or made to do harm: convert it first");
}

// What a child reports as its failure, as far as it may.
[[noreturn]] void throw_failure(std::string_view bytes) {
  Failure failure;
  WireReader reader(bytes);
  reader(failure);
  const auto code = static_cast<ErrorCode>(failure.code);
  const bool known = code == ErrorCode::kUnsupported || code == ErrorCode::kIo;
  throw Error(known ? code : ErrorCode::kInvalid, printable(failure.message.substr(0, kMaxSaid)),
              printable(failure.hint.substr(0, kMaxSaid)));
}

bool sound(Rational r) { return r.num > 0 && r.den > 0; }

// Whether a VideoInfo keeps what probe() promises, so that nobody computes with nonsense.
bool sound(const VideoInfo& v) {
  const auto side = [](int pixels) { return pixels >= 1 && pixels <= kMaxSide; };
  const auto seconds = [](double s) { return std::isfinite(s) && std::abs(s) < 1e12; };
  return side(v.width) && side(v.height) && side(v.coded_width) && side(v.coded_height) &&
         (v.rotation == 0 || v.rotation == 90 || v.rotation == 180 || v.rotation == 270) &&
         v.frame_count >= 1 && v.frame_count <= kMaxFrameCount &&
         v.frame_count == std::ssize(v.frame_pts) &&
         std::is_sorted(v.frame_pts.begin(), v.frame_pts.end()) &&
         std::all_of(v.key_frames.begin(), v.key_frames.end(),
                     [&](const KeyFrame& k) { return k.frame >= 0 && k.frame < v.frame_count; }) &&
         sound(v.frame_rate) && sound(v.time_base) && seconds(v.start_time) &&
         seconds(v.duration) && seconds(v.container_duration);
}

// Text that a child made is shown to people.
void clean(VideoInfo& v) {
  for (std::string* text : {&v.container, &v.codec, &v.pixel_format, &v.color_range,
                            &v.color_matrix, &v.color_transfer}) {
    *text = printable(std::move(*text));
  }
  for (Track& track : v.tracks) {
    for (std::string* text : {&track.type, &track.codec, &track.language}) {
      *text = printable(std::move(*text));
    }
  }
  for (std::string& note : v.notes) note = printable(std::move(note));
}

template <typename T>
T read_wire(std::string_view bytes) {
  T value{};
  WireReader reader(bytes);
  reader(value);
  return value;
}

}  // namespace

// One call on its way: a child that works on one file.
class DecodeSandbox::Call {
 public:
  Call(DecodeSandbox& sandbox, const InputFile& file, Task task, Request request,
       const CancelToken& cancel)
      : name_(file.name()),
        stall_(sandbox.options_.stall_seconds),
        cancel_(cancel),
        channel_(sandbox.forks_.call({file.fd()})) {
    cancel.check();
    request.task = static_cast<uint8_t>(task);
    request.name = name_;
    request.memory_bytes = sandbox.options_.limits.memory_bytes;
    cpu_seconds_ = request.cpu_seconds =
        sandbox.options_.limits.cpu_seconds +
        sandbox.options_.cpu_seconds_per_frame * std::ssize(request.indices);
    WireWriter writer;
    writer(request);
    send_message(channel_, kRequest, std::as_bytes(std::span(writer.bytes())));
  }

  // The next message's type. Throws what the child failed with, and Error when it ended, said what
  // is longer than `limit`, hangs or is cancelled.
  uint32_t next(size_t limit) {
    bulk_.clear();
    while (true) {
      const Channel::Packet packet = receive();
      if (packet.type == kPiece) {
        if (packet.bytes.size() > limit - bulk_.size()) break;
        bulk_ += text_of(packet.bytes);
        continue;
      }
      if (packet.type == kFailed) throw_failure(bulk_);
      head_ = text_of(packet.bytes);
      return packet.type;
    }
    refuse();
  }
  std::string_view bulk() const { return bulk_; }
  std::string_view head() const { return head_; }

  // For what no decoder of ours says.
  [[noreturn]] void refuse() const { throw_ended(name_, 0, cpu_seconds_); }

 private:
  Channel::Packet receive() {
    const auto end = Clock::now() + std::chrono::seconds(stall_);
    while (!channel_.wait(kLookMilliseconds)) {
      cancel_.check();
      if (Clock::now() < end) continue;
      throw Error(ErrorCode::kInvalid,
                  fmt::format("decode {}: the decoder said nothing for {} s", name_, stall_),
                  "the file is damaged or made to do harm: convert it first");
    }
    cancel_.check();
    auto packet = channel_.receive();
    if (!packet) refuse();
    if (packet->type == kChildEnded) {
      int status = 0;
      std::memcpy(&status, packet->bytes.data(), std::min(sizeof status, packet->bytes.size()));
      throw_ended(name_, status, cpu_seconds_);
    }
    return std::move(*packet);
  }

  const std::string name_;
  const int stall_;
  int64_t cpu_seconds_ = 0;
  const CancelToken cancel_;
  Channel channel_;
  std::string bulk_, head_;
};

DecodeSandbox::DecodeSandbox(const SandboxOptions& options)
    : options_(options), forks_(kDecodeWorker) {}

VideoInfo DecodeSandbox::probe(const InputFile& file, const CancelToken& cancel) {
  Call call(*this, file, Task::kProbe, {}, cancel);
  if (call.next(kMaxInfoBytes) != kInfo) call.refuse();
  VideoInfo info = read_wire<VideoInfo>(call.bulk());
  if (!sound(info)) call.refuse();
  clean(info);
  return info;
}

bool DecodeSandbox::decode(const InputFile& file, const VideoInfo& info, const FramePlan& plan,
                           const DecodeOptions& options, int pool_threads,
                           const CancelToken& cancel, const FrameSink& sink) {
  const Size size = frame_size(info, plan, options);
  const size_t bytes = size_t{3} * size.width * size.height;
  Request request;
  request.info = info;
  request.height = plan.height;
  request.width = plan.width;
  request.indices = plan.indices;
  request.threads = options.threads;
  request.pool_threads = pool_threads;
  request.source_size = options.source_size;
  Call call(*this, file, Task::kDecode, std::move(request), cancel);
  for (size_t i = 0; i < plan.indices.size(); ++i) {
    if (call.next(bytes) != kFrame || call.bulk().size() != bytes) call.refuse();
    const auto shown = read_wire<int64_t>(call.head());
    if (shown < 0 || shown >= info.frame_count) call.refuse();
    sink({reinterpret_cast<const uint8_t*>(call.bulk().data()), bytes}, shown);
  }
  if (call.next(0) != kDecoded) call.refuse();
  return read_wire<bool>(call.head());
}

StillImage DecodeSandbox::decode_image(const InputFile& file) {
  Call call(*this, file, Task::kImage, {}, {});
  if (call.next(size_t{3} * kMaxPixels) != kImage) call.refuse();
  const auto head = read_wire<ImageHead>(call.head());
  if (head.height < 1 || head.height > kMaxSide || head.width < 1 || head.width > kMaxSide ||
      std::ssize(call.bulk()) != head.height * head.width * 3) {
    call.refuse();
  }
  StillImage image{Tensor(DType::kU8, {head.height, head.width, 3}), printable(head.format)};
  std::memcpy(image.rgb.data<uint8_t>(), call.bulk().data(), call.bulk().size());
  return image;
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

}  // namespace shijian
