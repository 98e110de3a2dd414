// A synthetic data set on disk.
//   DIR/videos/00000.mp4 ...   H.264, yuv420p, constant rate, one clip a file
//   DIR/annotations.jsonl      one question a line, in the order of the clips:
//     {"video":"videos/00000.mp4","duration":23.4,"query":"When is the red circle visible?",
//      "spans":[[3.127,6.48]],"kind":"visible","language":"en"}
// `video` is relative to DIR. Times are seconds; `spans` is empty where the event never happens,
// and `kind` is then "absent". The annotations are the same bytes for the same options anywhere;
// the pictures may differ by what another version of the encoder does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/cancel.h"
#include "synth/script.h"

namespace shijian::synth {

struct DatasetOptions {
  ScriptOptions script;
  uint64_t seed = 0;
  int64_t first = 0;  // index of the first clip
  int64_t count = 0;  // clips, at least 1
  int questions = 5;  // at most, for each clip
  int threads = 0;    // 0: one for each core
};

// The lines of annotations.jsonl for clip `index`, each ending in '\n'.
std::string annotation_lines(const DatasetOptions& options, int64_t index);

// done of total clips are written. Called from several threads, one at a time.
using DatasetProgress = std::function<void(int64_t done, int64_t total)>;

// Creates `directory` if need be; it must be empty. When it fails or is cancelled, all that it
// wrote is removed again. Throws Error: kUsage (not empty, no clips), kInvalid (not a directory),
// kIo, kPermission, kCancelled, and those of make_script() and video::encode_mp4().
void write_dataset(const std::filesystem::path& directory, const DatasetOptions& options,
                   const std::stop_token& cancel = {}, const DatasetProgress& progress = {});

}  // namespace shijian::synth
