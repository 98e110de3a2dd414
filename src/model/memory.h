// What a request needs in memory, and what the machine has, before anything is allocated.
#pragma once

#include <cstdint>
#include <string>

#include "base/text.h"
#include "checkpoint/config.h"

namespace shijian::model {

struct RequestSize {
  int64_t context_tokens = 0;  // prompt and answer together: the key/value cache
  int64_t chunk = 512;         // ForwardOptions::chunk
  int64_t visual_tokens = 0;   // merged tokens whose features are held
  int64_t largest_slot = 0;    // patches of the largest image or video slot
  int64_t patch_bytes = 0;     // pixels and patches held at the same time
};

// All in bytes. Weights are mapped from their files and count as page cache, not here.
struct MemoryNeed {
  int64_t kv_cache = 0;
  int64_t decoder = 0;
  int64_t vision = 0;  // encoder workspace, patches and features

  int64_t total() const { return kv_cache + decoder + vision; }
};

MemoryNeed memory_need(const checkpoint::ModelConfig& config, const RequestSize& request);

// Bytes this process may still take: the smaller of what the system has available and what the
// limits of its control groups leave.
int64_t available_memory();

// Throws Error: kUsage when the tokens exceed the model's positions, kNoMemory when `available`
// bytes are too few; the message says what it needs and what there is, the hint what to change.
// `weights`: the checkpoint's bytes, which the message names too.
void check_request(const checkpoint::ModelConfig& config, const RequestSize& request,
                   int64_t weights, int64_t available);

// One line that says that the weights do not fit into the memory, so that every token reads them
// from disk again; empty when they fit.
Text weights_warning(int64_t weights, int64_t available);

// "3.2 GB", "845 MB".
std::string bytes_text(int64_t bytes);

}  // namespace shijian::model
