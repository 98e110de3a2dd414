// One prompt after another: a prompt that begins like what the key/value cache holds is read only
// from where it differs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/conversation.h"
#include "engine/prefix_cache.h"
#include "engine/request.h"
#include "grounding/confidence.h"
#include "model/decoder.h"
#include "model/generate.h"

namespace shijian::engine {

// What one prompt gave.
struct Reply {
  std::string text;                               // everything generated, stop token apart
  std::vector<grounding::GeneratedToken> tokens;  // with alternatives when the sampler reports them
  model::FinishReason finish = model::FinishReason::kLength;
  int64_t prompt_tokens = 0;
  int64_t reused_tokens = 0;  // of the prompt, already in the cache
  double prefill_seconds = 0;
  double first_token_seconds = 0;  // from the beginning of ask()
  double generation_seconds = 0;
};

// Keeps references to everything it is given. One thread at a time.
class Session {
 public:
  // Begins with the prefix `start`, whose cache must hold the longest prompt plus answer. The
  // destructor stores what was read in `keeper`, unless that is null.
  Session(model::Decoder& decoder, const text::Tokenizer& tokenizer, Prefix start,
          PrefixCache* keeper);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Tokens of `prompt` that need not be read.
  int64_t known(const TokenSequence& prompt) const {
    return common_prefix(held_.prompt, held_.length(), prompt);
  }
  // What was read is not to be kept.
  void forget() { keeper_ = nullptr; }

  // features: [media], with the rows of every block that is not known. `readout`: what the last
  // tokens of the prompt attend to; null: it is not read.
  // Throws Error as Decoder::forward and generate do.
  Reply ask(const TokenSequence& prompt, const std::vector<model::VisionFeatures>& features,
            const model::GenerateOptions& options, const RunHooks& hooks,
            model::Readout* readout = nullptr);

 private:
  // Reads what the cache does not hold yet and returns the logits of the last token.
  tensor::ConstMatrix read(const TokenSequence& prompt,
                           const std::vector<model::VisionFeatures>& features, int64_t reused,
                           const model::PositionIds& positions, const RunHooks& hooks,
                           model::Readout* readout);

  grounding::GeneratedToken token_of(const model::TokenChoice& choice) const;

  model::Decoder& decoder_;
  const text::Tokenizer& tokenizer_;
  PrefixCache* keeper_;
  Prefix held_;
};

}  // namespace shijian::engine
