#include "model/generate.h"

#include <algorithm>

namespace shijian::model {

Generated generate(Decoder& decoder, KvCache& cache, tensor::ConstMatrix logits,
                   int32_t next_position, std::span<const int32_t> prompt,
                   const GenerateOptions& options) {
  CHECK(logits.rows >= 1 && logits.cols == decoder.config().vocab_size);
  Sampler sampler(options.sampling, logits.cols, prompt, options.stop_tokens);
  Generated result;
  ScoreEdit edit;
  if (options.constrain)
    edit = [&](std::span<float> scores) { options.constrain(result.tokens, scores); };
  ForwardOptions forward;
  forward.cancel = options.cancel;
  std::vector<int32_t> fed;  // tokens that the cache does not hold yet
  const auto full = [&] {
    return static_cast<int64_t>(result.tokens.size()) >= options.max_new_tokens;
  };
  // False where the caller ends the generation.
  const auto add = [&](TokenChoice choice) {
    fed.push_back(choice.token);
    result.tokens.push_back(std::move(choice));
    return !options.on_token || options.on_token(result.tokens.back());
  };

  while (!full()) {
    throw_if_cancelled(options.cancel);
    if (options.forced) {
      for (const int32_t token : options.forced(result.tokens)) {
        if (full()) break;
        sampler.accept(token);
        if (!add({token, 0, {}})) {
          result.reason = FinishReason::kCaller;
          return result;
        }
      }
      if (full()) break;
    }
    if (!fed.empty()) {
      const auto count = static_cast<int64_t>(fed.size());
      if (cache.length() + count > cache.capacity()) break;
      PositionIds positions;
      positions.next = next_position;
      append_positions(positions, count, {});
      next_position = positions.next;
      logits = decoder.forward({fed, positions, {}}, cache, forward);
      fed.clear();
    }
    const float* last = logits.row(logits.rows - 1);
    TokenChoice choice = sampler.choose({last, static_cast<size_t>(logits.cols)}, edit);
    if (std::find(options.stop_tokens.begin(), options.stop_tokens.end(), choice.token) !=
        options.stop_tokens.end()) {
      result.reason = FinishReason::kStopToken;
      result.stop = std::move(choice);
      return result;
    }
    if (!add(std::move(choice))) {
      result.reason = FinishReason::kCaller;
      return result;
    }
  }
  return result;
}

}  // namespace shijian::model
