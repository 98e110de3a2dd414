// The child's side of the sandbox: one request, then the end.
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "process/fork_server.h"
#include "video/calls.h"
#include "video/messages.h"
#include "video/sandbox.h"
#include "video/wire.h"

namespace shijian::video {
namespace {

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}
std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Tells the other end now and then that this one has not hung.
Heartbeat heartbeat_to(const process::Channel& call) {
  using Clock = std::chrono::steady_clock;
  return [&call, last = Clock::now()]() mutable {
    if (Clock::now() - last < std::chrono::milliseconds(200)) return;
    last = Clock::now();
    send_message(call, kHeartbeat, {});
  };
}

void probe(const process::Channel& call, const InputFile& file) {
  WireWriter info;
  info(probe_file(file, {}, heartbeat_to(call)));
  send_message(call, kInfo, bytes_of(info.bytes()));
}

void decode(const process::Channel& call, const InputFile& file, const Request& request) {
  FramePlan plan;
  plan.height = request.height;
  plan.width = request.width;
  plan.indices = request.indices;
  DecodeOptions options;
  options.threads = request.threads;
  options.source_size = request.source_size;
  ThreadPool pool(request.pool_threads);
  const bool broken = decode_file(file, request.info, plan, options, pool, {},
                                  [&](std::span<const uint8_t> rgb, int64_t shown) {
                                    send_message(call, kFrame, std::as_bytes(rgb),
                                                 std::as_bytes(std::span(&shown, 1)));
                                  });
  send_message(call, kDecoded, {}, std::as_bytes(std::span(&broken, 1)));
}

void scan(const process::Channel& call, const InputFile& file, const Request& request) {
  WireWriter scanned;
  scanned(scan_file(file, request.info, {}, heartbeat_to(call)));
  send_message(call, kScanned, bytes_of(scanned.bytes()));
}

void decode_image(const process::Channel& call, const InputFile& file) {
  const StillImage image = decode_image_file(file);
  const std::span<const uint8_t> rgb(image.rgb.data<uint8_t>(),
                                     static_cast<size_t>(image.rgb.elements()));
  WireWriter head;
  head(ImageHead{image.format, image.rgb.dim(0), image.rgb.dim(1)});
  send_message(call, kImage, std::as_bytes(rgb), bytes_of(head.bytes()));
}

void cut(const process::Channel& call, const InputFile& file, const Descriptor& output,
         const Request& request) {
  WireWriter result;
  result(cut_file(file, request.info, request.parts, static_cast<ClipMode>(request.mode),
                  output.get(), {}, heartbeat_to(call)));
  send_message(call, kCut, bytes_of(result.bytes()));
}

void send_failure(const process::Channel& call, const Error& error) {
  WireWriter failure;
  failure(Failure{static_cast<int32_t>(error.code()), error.message_text(), error.hint_text()});
  send_message(call, kFailed, bytes_of(failure.bytes()));
}

Error too_much_memory(const Request& request) {
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  const auto bytes = static_cast<rlim_t>(request.memory_bytes);
  return Error(ErrorCode::kUnsupported,
               "{}: it needs more than {} MiB of memory"_text(
                   operation(request), std::min(bytes, limit.rlim_cur) >> 20),
               limit.rlim_cur < bytes ? Text(kMemoryHint) : Text("scale it down first"_text));
}

Request read_request(process::Channel& call) {
  std::string bulk;
  while (const auto packet = call.receive()) {
    if (packet->type == kRequest) break;
    bulk += text_of(packet->bytes);
  }
  Request request;
  WireReader reader(bulk);
  reader(request);
  return request;
}

void serve(process::Channel call, std::vector<Descriptor> files) {
  files.resize(2);
  const Request request = read_request(call);
  // Each thread's heap would reserve address space, which the limit counts.
  ::mallopt(M_ARENA_MAX, 2);
  process::confine({request.memory_bytes, request.cpu_seconds, files[1].get(), request.file_bytes});
  try {
    InputFile input(std::move(files[0]), request.name, request.stream);
    input.set_hidden(request.info.hidden);
    switch (static_cast<Task>(request.task)) {
      case Task::kProbe:
        return probe(call, input);
      case Task::kDecode:
        return decode(call, input, request);
      case Task::kScan:
        return scan(call, input, request);
      case Task::kImage:
        return decode_image(call, input);
      case Task::kCut:
        return cut(call, input, files[1], request);
    }
  } catch (const Error& error) {
    send_failure(call, error.code() == ErrorCode::kNoMemory ? too_much_memory(request) : error);
  } catch (const std::bad_alloc&) {
    send_failure(call, too_much_memory(request));
  } catch (const std::exception& error) {
    send_failure(call, Error(ErrorCode::kInvalid,
                             "{}: {}"_text(operation(request), Text::words(error.what()))));
  }
}

}  // namespace

int run_decode_worker() { return process::run_fork_server(process::try_confine(), serve); }

}  // namespace shijian::video
