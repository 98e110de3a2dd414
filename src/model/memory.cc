#include "model/memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>

#include "base/error.h"
#include "model/decoder.h"
#include "model/kv_cache.h"
#include "model/vision_encoder.h"

namespace shijian::model {

namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// The number that begins a small file of /proc or /sys; empty for "max" or no such file.
std::optional<int64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  return file >> word ? parse_number(word) : std::nullopt;
}

// The number after `key` in a file of lines "key 123".
std::optional<int64_t> number_after(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    if (word == key && file >> word) return parse_number(word);
  }
  return std::nullopt;
}

// What a group's limit leaves; page cache that can be dropped is not in the way.
int64_t left_in_group(const std::string& directory, const char* limit_name, const char* used_name) {
  const auto limit = number_in(directory + limit_name);
  const auto used = number_in(directory + used_name);
  if (!limit || !used) return kUnlimited;
  const int64_t droppable = number_after(directory + "memory.stat", "inactive_file").value_or(0) +
                            number_after(directory + "memory.stat", "active_file").value_or(0);
  return std::max<int64_t>(0, *limit - std::max<int64_t>(0, *used - droppable));
}

// This process's groups up to the root, in both versions of the interface.
int64_t left_in_groups() {
  int64_t left = std::min(
      left_in_group("/sys/fs/cgroup/", "memory.max", "memory.current"),
      left_in_group("/sys/fs/cgroup/memory/", "memory.limit_in_bytes", "memory.usage_in_bytes"));
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && controllers.find("memory") == std::string::npos) continue;
    std::string path = line.substr(second + 1);
    while (path.size() > 1) {
      left = std::min(
          left, unified
                    ? left_in_group("/sys/fs/cgroup" + path + "/", "memory.max", "memory.current")
                    : left_in_group("/sys/fs/cgroup/memory" + path + "/", "memory.limit_in_bytes",
                                    "memory.usage_in_bytes"));
      path.resize(path.rfind('/'));
    }
  }
  return left;
}

}  // namespace

MemoryNeed memory_need(const checkpoint::ModelConfig& config, const RequestSize& request) {
  const checkpoint::TextConfig& text = config.text;
  MemoryNeed need;
  need.kv_cache = KvCache::bytes_for(text.num_layers, text.num_kv_heads * text.head_dim,
                                     request.context_tokens);
  need.decoder = Decoder::workspace_bytes(text, std::min(request.chunk, request.context_tokens));
  if (request.visual_tokens > 0) {
    const auto features = static_cast<int64_t>(config.vision.deepstack_visual_indexes.size()) + 1;
    need.vision = VisionEncoder::workspace_bytes(config.vision, request.largest_slot) +
                  request.patch_bytes +
                  4 * request.visual_tokens * config.vision.out_hidden_size * features;
  }
  return need;
}

int64_t available_memory() {
  const int64_t kilobytes =
      number_after("/proc/meminfo", "MemAvailable:").value_or(kUnlimited / 1024);
  return std::min(kilobytes * 1024, left_in_groups());
}

void check_request(const checkpoint::ModelConfig& config, const RequestSize& request,
                   int64_t weights, int64_t available) {
  if (request.context_tokens > config.text.max_position_embeddings)
    throw Error(ErrorCode::kUsage,
                "plan request: {} tokens, but the model has {} positions"_text(
                    request.context_tokens, config.text.max_position_embeddings),
                "use fewer frames, smaller frames or a shorter answer"_text);
  const MemoryNeed need = memory_need(config, request);
  if (need.total() > available)
    throw Error(ErrorCode::kNoMemory,
                "plan request: {} tokens need {} (key/value cache {}, decoder {}, vision "
                "{}) beside the weights, {} mapped from disk, but {} are available"_text(
                    request.context_tokens, bytes_text(need.total()), bytes_text(need.kv_cache),
                    bytes_text(need.decoder), bytes_text(need.vision), bytes_text(weights),
                    bytes_text(available)),
                "use fewer frames, smaller frames or a smaller model"_text);
}

Text weights_warning(int64_t weights, int64_t available) {
  if (weights <= available) return {};
  return "the weights have {}, and {} of memory are available: they are read from disk "
         "again and again, which is slow"_text(bytes_text(weights), bytes_text(available));
}

std::string bytes_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.1f} GB", value / 1e9);
  if (bytes >= 1'000'000) return fmt::format("{:.0f} MB", value / 1e6);
  return fmt::format("{:.0f} kB", value / 1e3);
}

}  // namespace shijian::model
