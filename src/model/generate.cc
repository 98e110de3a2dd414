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
  PositionIds position;
  for (auto* axis : {&position.time, &position.row, &position.col}) axis->resize(1);

  while (static_cast<int64_t>(result.tokens.size()) < options.max_new_tokens) {
    throw_if_cancelled(options.cancel);
    const float* last = logits.row(logits.rows - 1);
    TokenChoice choice = sampler.choose({last, static_cast<size_t>(logits.cols)}, edit);
    const int32_t token = choice.token;
    if (std::find(options.stop_tokens.begin(), options.stop_tokens.end(), token) !=
        options.stop_tokens.end()) {
      result.reason = FinishReason::kStopToken;
      result.stop = std::move(choice);
      return result;
    }
    result.tokens.push_back(std::move(choice));
    if (options.on_token && !options.on_token(result.tokens.back())) {
      result.reason = FinishReason::kCaller;
      return result;
    }
    if (static_cast<int64_t>(result.tokens.size()) == options.max_new_tokens ||
        cache.length() == cache.capacity())
      break;
    position.time[0] = position.row[0] = position.col[0] = next_position++;
    logits = decoder.forward({{&token, 1}, position, {}}, cache, forward);
  }
  return result;
}

}  // namespace shijian::model
