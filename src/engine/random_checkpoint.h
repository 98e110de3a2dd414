// Checkpoints of a given shape with random weights: for benches and for comparisons at full width.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"

namespace shijian::engine {

// The names that write_random_checkpoint knows: "2b", "4b", "8b".
std::vector<std::string> random_shape_names();

// Writes config.json, the processors' files and model.safetensors in BF16 into `directory`, which
// must be empty or absent. No tokenizer: prompts are made of token ids. The same seed gives the
// same bytes. Throws Error: kUsage for an unknown shape or a directory in use, kIo when the disk is
// full, kCancelled; what it created is then gone again.
void write_random_checkpoint(std::string_view shape, const std::filesystem::path& directory,
                             uint64_t seed, const std::stop_token& cancel = {});

}  // namespace shijian::engine
