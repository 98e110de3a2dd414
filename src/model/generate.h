// The generation loop: logits to token to logits, until a stop token or a limit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "model/decoder.h"
#include "model/sampler.h"

namespace shijian::model {

struct GenerateOptions {
  SamplerOptions sampling;
  int64_t max_new_tokens = 256;
  std::vector<int32_t> stop_tokens;  // end the generation; not part of its tokens
  std::stop_token cancel;
  // Called with each token that is not a stop token; false ends the generation after it.
  std::function<bool(const TokenChoice& choice)> on_token;
  // Called before each choice with the tokens so far and the scores, to ban or favour tokens.
  std::function<void(std::span<const TokenChoice> so_far, std::span<float> scores)> constrain;
  // Called before each choice, and before constrain(): tokens that come next whatever the model
  // says. They are read in one pass, with log-probability 0 and no alternatives.
  std::function<std::vector<int32_t>(std::span<const TokenChoice> so_far)> forced;
};

enum class FinishReason { kStopToken, kLength, kCaller };

struct Generated {
  std::vector<TokenChoice> tokens;
  FinishReason reason = FinishReason::kLength;
  std::optional<TokenChoice> stop;  // the stop token, if it was one that ended it
};

// Continues after forward() gave `logits` for the last token of `prompt` (which the repetition
// penalty looks at). The cache grows by the tokens that were fed back, and a full cache ends the
// generation like the length does. `next_position` is the position of the first new token.
// Throws Error as check_sampling, Sampler::choose and Decoder::forward do.
Generated generate(Decoder& decoder, KvCache& cache, tensor::ConstMatrix logits,
                   int32_t next_position, std::span<const int32_t> prompt,
                   const GenerateOptions& options);

}  // namespace shijian::model
