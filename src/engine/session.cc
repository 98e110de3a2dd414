#include "engine/session.h"

#include <algorithm>
#include <new>
#include <utility>

#include "engine/seconds.h"

namespace shijian::engine {
namespace {

model::PositionIds positions_of(const TokenSequence& prompt, int64_t first) {
  std::vector<model::VisualBlock> before;
  std::vector<model::VisualBlock> after;
  for (const PlacedBlock& placed : prompt.blocks) {
    model::VisualBlock block = placed.block;
    if (block.first < first) {
      before.push_back(block);
    } else {
      block.first -= first;
      after.push_back(block);
    }
  }
  model::PositionIds skipped;
  model::append_positions(skipped, first, before);
  model::PositionIds positions;
  positions.next = skipped.next;
  model::append_positions(positions, static_cast<int64_t>(prompt.ids.size()) - first, after);
  return positions;
}

void record_tokens(const Reply& reply, const model::Generated& generated,
                   model::StageRecorder& stages) {
  std::vector<int64_t> ids;
  for (const grounding::GeneratedToken& token : reply.tokens) ids.push_back(token.id);
  if (generated.stop) ids.push_back(generated.stop->token);
  stages.set_ints("tokens", ids);
}

}  // namespace

Session::Session(model::Decoder& decoder, const text::Tokenizer& tokenizer, Prefix start,
                 PrefixCache* keeper)
    : decoder_(decoder), tokenizer_(tokenizer), keeper_(keeper), held_(std::move(start)) {}

Session::~Session() {
  if (keeper_ == nullptr) return;
  try {
    keeper_->keep(std::move(held_));
  } catch (const std::bad_alloc&) {
    // Memory is exhausted: the prefix is dropped.
  }
}

tensor::ConstMatrix Session::read(const TokenSequence& prompt,
                                  const std::vector<model::VisionFeatures>& features,
                                  int64_t reused, const model::PositionIds& positions,
                                  const RunHooks& hooks, model::Readout* readout) {
  std::vector<model::VisualRows> visual;
  for (const PlacedBlock& placed : prompt.blocks) {
    if (placed.block.first < reused) continue;
    visual.push_back({placed.block.first - reused, placed.block.grid.tokens(),
                      &features[placed.media], placed.feature_row});
  }
  const auto total = static_cast<int64_t>(prompt.ids.size());
  model::ForwardOptions options;
  options.cancel = hooks.cancel;
  options.stages = hooks.stages;
  options.readout = readout;
  if (hooks.progress) {
    options.progress = [&](int64_t done, int64_t) {
      hooks.progress({"reading", reused + done, total, {}});
    };
  }
  const std::span<const int32_t> tokens(prompt.ids.begin() + reused, prompt.ids.end());
  return decoder_.forward({tokens, positions, visual}, held_.cache, options);
}

grounding::GeneratedToken Session::token_of(const model::TokenChoice& choice) const {
  grounding::GeneratedToken token;
  token.id = choice.token;
  // Control tokens are no words: they show in the ids alone.
  if (!tokenizer_.is_special(choice.token)) token.bytes = tokenizer_.token_bytes(choice.token);
  token.logprob = choice.logprob;
  for (const model::TokenLogprob& other : choice.top) {
    token.top.push_back({std::string(tokenizer_.token_bytes(other.token)), other.logprob});
  }
  return token;
}

Reply Session::ask(const TokenSequence& prompt, const std::vector<model::VisionFeatures>& features,
                   const model::GenerateOptions& options, const RunHooks& hooks,
                   model::Readout* readout) {
  const auto start = Clock::now();
  Reply reply;
  reply.prompt_tokens = static_cast<int64_t>(prompt.ids.size());
  reply.reused_tokens = known(prompt);
  // Tokens whose attention is wanted are read, known or not.
  if (readout != nullptr) {
    const int64_t most = std::max<int64_t>(0, reply.prompt_tokens - readout->rows);
    reply.reused_tokens = std::min(reply.reused_tokens, most);
  }
  held_.truncate(reply.reused_tokens);
  held_.prompt = prompt;  // whatever happens from here on, the cache holds a beginning of it

  if (hooks.stages != nullptr) {
    const std::vector<int64_t> ids(prompt.ids.begin(), prompt.ids.end());
    hooks.stages->set_ints("prompt_tokens", ids);
  }
  const model::PositionIds positions = positions_of(prompt, reply.reused_tokens);
  const tensor::ConstMatrix logits =
      read(prompt, features, reply.reused_tokens, positions, hooks, readout);
  reply.prefill_seconds = seconds_since(start);

  model::GenerateOptions run = options;
  run.cancel = hooks.cancel;
  text::StreamDecoder stream(tokenizer_, /*skip_special=*/true);
  run.on_token = [&](const model::TokenChoice& choice) {
    if (reply.tokens.empty()) reply.first_token_seconds = seconds_since(start);
    reply.tokens.push_back(token_of(choice));
    reply.text += reply.tokens.back().bytes;
    const std::string piece = stream.push(choice.token);
    if (hooks.progress) {
      hooks.progress(
          {"answering", static_cast<int64_t>(reply.tokens.size()), options.max_new_tokens, piece});
    }
    return !hooks.token || hooks.token(reply.tokens.back(), piece);
  };
  const model::Generated generated =
      model::generate(decoder_, held_.cache, logits, positions.next, prompt.ids, run);
  reply.finish = generated.reason;
  reply.generation_seconds = seconds_since(start) - reply.prefill_seconds;
  if (hooks.stages != nullptr) record_tokens(reply, generated, *hooks.stages);
  return reply;
}

}  // namespace shijian::engine
