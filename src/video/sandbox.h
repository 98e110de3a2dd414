// Decodes media files, which are untrusted, in child processes that can do nothing else.
#pragma once

#include <string>

#include "process/confine.h"

namespace shijian::video {

struct SandboxOptions {
  // Of one child: address space, and processor time, to which each frame asked for adds.
  process::Confinement limits = {};
  int64_t cpu_seconds_per_frame = 30;
  // Further limits of a child that cuts a clip, which also encodes: additional memory, time for
  // each frame that it may decode, and the bytes by which a clip may exceed its source.
  int64_t encoder_memory_bytes = int64_t{4} << 30;
  int64_t cpu_seconds_per_clip_frame = 2;
  int64_t clip_bytes_over_source = int64_t{4} << 30;
  // Without a frame or an answer for so long, a child has hung.
  int stall_seconds = 180;
};

// From now on probe(), decode_frames(), load_image(), decode_image() and write_clip() of this
// process hand the open file to a fresh child process each, which gives up all it does not need
// (process/confine.h) before it reads the first byte. They give the same results, bit for bit. A
// child that dies, hangs or needs too much is Error(kInvalid) or Error(kUnsupported) with the
// file's name.
//
// The program's main() must call run_decode_worker() when its one argument is kDecodeWorker.
// Not while such a call runs. Throws Error(kIo) when no process can be started.
void start_decode_sandbox(const SandboxOptions& options = {});
// Back to decoding in this process.
void stop_decode_sandbox();

// Why the children's system calls are not filtered; "" when they are. Waits for the process that
// start_decode_sandbox() has started.
std::string sandbox_weakness();

inline constexpr const char* kDecodeWorker = "decode-worker";
// Returns main()'s exit status.
int run_decode_worker();

}  // namespace shijian::video
