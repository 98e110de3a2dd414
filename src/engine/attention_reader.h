// Where the model looks while it answers: what questions attend to, slot by slot.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/conversation.h"
#include "engine/loaded_model.h"
#include "engine/request.h"
#include "engine/session.h"
#include "grounding/output.h"
#include "model/readout.h"

namespace shijian::engine {

// Reads the attention of one look at one video. Reads nothing where the model has no heads to read
// and nobody asks for all of them (RunHooks::attention).
class AttentionReader {
 public:
  // `on`: whether it shall read at all. What it is given outlives it.
  AttentionReader(const LoadedModel& model, const RunHooks& hooks, int64_t slots, bool on);

  // To be handed to Session::ask() with the next question; null where nothing is read.
  model::Readout* readout() { return readout_.heads.empty() ? nullptr : &readout_; }
  // After it: `prompt` was asked, in `language`.
  void add(const TokenSequence& prompt, Language language);

  // Asks no question, in each language once, and sets the curve of every answer, [questions asked],
  // and how its events agree with it. `empty` makes the prompt. What it takes is added to
  // the first answer. Throws as Session::ask does.
  void finish(Session& session, const std::vector<model::VisionFeatures>& features,
              const std::function<TokenSequence(Language)>& empty,
              std::span<grounding::Answer> answers);

 private:
  using Attention = std::vector<localise::SlotAttention>;  // [heads][slots]
  struct Asked {
    Language language;
    Attention attention;
  };

  Attention take(const TokenSequence& prompt);
  void set_curve(const Asked& asked, const Attention& without, grounding::Answer& answer) const;

  const RunHooks& hooks_;
  const int64_t slots_;
  model::Readout readout_;
  std::vector<Asked> asked_;
};

}  // namespace shijian::engine
