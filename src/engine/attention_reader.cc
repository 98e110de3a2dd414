#include "engine/attention_reader.h"

#include <map>
#include <numeric>
#include <utility>

#include "grounding/slot_stamps.h"

namespace shijian::engine {
namespace {

std::vector<model::Head> all_heads(const checkpoint::TextConfig& config) {
  std::vector<model::Head> heads;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (int64_t index = 0; index < config.num_heads; ++index) heads.push_back({layer, index});
  }
  return heads;
}

}  // namespace

AttentionReader::AttentionReader(const LoadedModel& model, const RunHooks& hooks, int64_t slots,
                                 bool on)
    : hooks_(hooks), slots_(slots) {
  if (!on) return;
  const grounding::ReadoutHeads& chosen = model.readout();
  readout_.rows = chosen.rows;
  if (hooks.attention) {
    readout_.heads = all_heads(model.checkpoint().config().text);
  } else {
    for (const auto& head : chosen.heads) readout_.heads.push_back({head.layer, head.index});
  }
}

void AttentionReader::add(const TokenSequence& prompt, Language language) {
  if (readout() != nullptr) asked_.push_back({language, take(prompt)});
}

AttentionReader::Attention AttentionReader::take(const TokenSequence& prompt) {
  Attention attention;
  for (const std::vector<float>& keys : readout_.attention) {
    localise::SlotAttention& slots = attention.emplace_back(slots_);
    for (const PlacedBlock& placed : prompt.blocks) {
      const float* first = keys.data() + placed.block.first;
      slots[placed.slot()] += std::accumulate(first, first + placed.block.grid.tokens(), 0.0);
    }
  }
  return attention;
}

void AttentionReader::finish(Session& session, const std::vector<model::VisionFeatures>& features,
                             const std::function<TokenSequence(Language)>& empty,
                             std::span<grounding::Answer> answers) {
  model::GenerateOptions nothing;
  nothing.max_new_tokens = 0;
  RunHooks quiet;
  quiet.cancel = hooks_.cancel;
  std::map<Language, Attention> without;
  for (size_t i = 0; i < asked_.size(); ++i) {
    const Asked& asked = asked_[i];
    if (!without.count(asked.language)) {
      const TokenSequence prompt = empty(asked.language);
      const Reply reply = session.ask(prompt, features, nothing, quiet, readout());
      without[asked.language] = take(prompt);
      answers.front().timing.prefill += reply.prefill_seconds;
      answers.front().timing.total += reply.prefill_seconds;
    }
    set_curve(asked, without[asked.language], answers[i]);
    if (hooks_.attention) {
      const grounding::SamplingSummary& sampling = answers[i].sampling;
      hooks_.attention({i, sampling.from, sampling.to, sampling.slot_times, readout_.heads,
                        asked.attention, without[asked.language]});
    }
  }
}

void AttentionReader::set_curve(const Asked& asked, const Attention& without,
                                grounding::Answer& answer) const {
  const std::vector<double> curve = localise::attention_curve(asked.attention, without);
  const grounding::SamplingSummary& sampling = answer.sampling;
  for (size_t i = 0; i < curve.size(); ++i) {
    answer.curve.push_back({sampling.slot_times[i], curve[i]});
  }
  const grounding::SlotStamps slots{sampling.slot_times, sampling.from, sampling.to,
                                    sampling.clock_rate};
  for (grounding::Event& event : answer.events) {
    if (!event.evidence) continue;
    event.evidence->agreement = localise::agreement(curve, slots, event.start, event.end);
  }
}

}  // namespace shijian::engine
