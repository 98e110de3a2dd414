// One prompt after another over the same media: features are encoded once, and a prompt that
// begins like the one before it is read only from where it differs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/conversation.h"
#include "engine/engine.h"
#include "grounding/confidence.h"
#include "model/decoder.h"
#include "model/generate.h"

namespace shijian {

// What one prompt gave.
struct Reply {
  std::string text;                    // everything generated, stop token apart
  std::vector<GeneratedToken> tokens;  // with alternatives when the sampler reports them
  FinishReason finish = FinishReason::kLength;
  int64_t prompt_tokens = 0;
  int64_t reused_tokens = 0;  // of the prompt, already in the cache
  double prefill_seconds = 0;
  double first_token_seconds = 0;  // from the beginning of ask()
  double generation_seconds = 0;
};

// Keeps references to everything it is given. One thread at a time.
class Session {
 public:
  // features: [media]; `capacity` is the longest prompt plus answer that will come.
  Session(Decoder& decoder, const Tokenizer& tokenizer, const std::vector<VisionFeatures>& features,
          int64_t capacity);

  // Throws Error as Decoder::forward and generate do.
  Reply ask(const TokenSequence& prompt, const GenerateOptions& options, const RunHooks& hooks);

 private:
  // Reads what the cache does not hold yet and returns the logits of the last token.
  ConstMatrix read(const TokenSequence& prompt, int64_t reused, const PositionIds& positions,
                   const RunHooks& hooks);

  Decoder& decoder_;
  const Tokenizer& tokenizer_;
  const std::vector<VisionFeatures>& features_;
  KvCache cache_;
  TokenSequence held_;  // what the cache holds
};

}  // namespace shijian
