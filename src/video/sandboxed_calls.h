// The program's side of the sandbox. Internal to video/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "process/fork_server.h"
#include "video/calls.h"
#include "video/sandbox.h"

namespace shijian::video {

struct Request;
enum class Task : uint8_t;

// The calls of calls.h in child processes, one for each call. Thread-safe. What a child says is
// checked as if a stranger said it.
class DecodeSandbox {
 public:
  explicit DecodeSandbox(const SandboxOptions& options);

  VideoInfo probe(const InputFile& file, const std::stop_token& cancel);
  bool decode(const InputFile& file, const VideoInfo& info, const FramePlan& plan,
              const DecodeOptions& options, int pool_threads, const std::stop_token& cancel,
              const FrameSink& sink);
  VideoScan scan(const InputFile& file, const VideoInfo& info, const std::stop_token& cancel);
  StillImage decode_image(const InputFile& file);
  ClipResult cut(const InputFile& file, const VideoInfo& info, const std::vector<ClipSpan>& parts,
                 ClipMode mode, int output, const std::stop_token& cancel);

  const std::string& weakness() { return forks_.greeting(); }

 private:
  class Call;
  Request request_for(Task task, const InputFile& file) const;

  const SandboxOptions options_;
  process::ForkServer forks_;
};

// Null unless start_decode_sandbox() was called.
std::shared_ptr<DecodeSandbox> decode_sandbox();

}  // namespace shijian::video
