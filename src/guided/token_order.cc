#include "guided/token_order.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace shijian::guided {

TokenOrder::TokenOrder(const text::Tokenizer& tokenizer) {
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view bytes = tokenizer.token_bytes(id);
    if (!bytes.empty() && !tokenizer.is_added(id)) entries_.push_back({bytes, id, 0});
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.bytes < b.bytes; });
  for (size_t i = 1; i < entries_.size(); ++i) {
    const std::string_view before = entries_[i - 1].bytes, bytes = entries_[i].bytes;
    const auto [end, unused] =
        std::mismatch(bytes.begin(), bytes.end(), before.begin(), before.end());
    entries_[i].shared = static_cast<uint32_t>(end - bytes.begin());
  }
}

void keep_only(std::span<const int32_t> allowed, std::span<float> scores) {
  std::vector<std::pair<size_t, float>> kept;
  kept.reserve(allowed.size());
  for (const int32_t id : allowed) {
    const auto at = static_cast<size_t>(id);
    if (at < scores.size()) kept.emplace_back(at, scores[at]);
  }
  std::fill(scores.begin(), scores.end(), -std::numeric_limits<float>::infinity());
  for (const auto& [at, score] : kept) scores[at] = score;
}

}  // namespace shijian::guided
