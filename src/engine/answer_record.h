// What stands in an answer beside the model's words: the file, how it was looked at, what the
// answer cost and what it should be read with.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/conversation.h"
#include "engine/loaded_model.h"
#include "engine/planned_media.h"
#include "engine/request.h"
#include "engine/run.h"
#include "engine/session.h"
#include "grounding/output.h"
#include "grounding/prompt.h"
#include "model/generate.h"

namespace shijian::engine {

// Adds what reading a prompt and writing its answer took; `before` are the seconds of work before
// the model was asked. The total is left to whoever knows the end.
void add_reply(Costs& costs, const Reply& reply, double before);

// Adds what one answer cost to another that it is a part of.
void add_costs(const grounding::Answer& from, grounding::Answer& to);
void add_costs(const Description& from, grounding::Answer& to);

// Makes the answers to one locate request. Keeps references to the request and the model.
class AnswerRecord {
 public:
  // `planned`: after read_media(), since the notes tell of damage.
  AnswerRecord(const LocateRequest& request, const LoadedModel& model, const PlannedMedia& planned,
               const model::GenerateOptions& options);

  // The answer to question `index`, which became `prompt` and then the tokens of `sequence`.
  grounding::Answer answer(size_t index, const grounding::Prompt& prompt,
                           const TokenSequence& sequence, Reply reply, const Costs& costs) const;

 private:
  const LocateRequest& request_;
  const LoadedModel& model_;
  int64_t max_new_tokens_;
  grounding::VideoSummary video_;
  grounding::SamplingSummary sampling_;
  std::vector<grounding::Note> media_notes_;
};

// Everything but the media and the total time. `planned`: as above.
Description make_description(const DescribeRequest& request, const LoadedModel& model,
                             const PlannedMedia& planned, const TokenSequence& prompt, Reply reply,
                             const Costs& costs);

}  // namespace shijian::engine
