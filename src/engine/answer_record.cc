#include "engine/answer_record.h"

#include <algorithm>
#include <utility>

#include "engine/looks.h"
#include "engine/media_notes.h"
#include "grounding/answer.h"
#include "video/edit_rate.h"

namespace shijian::engine {
namespace {

grounding::VideoSummary video_summary(const Media& media) {
  const video::VideoInfo& info = media.video;
  grounding::VideoSummary summary;
  summary.path = media.path;
  summary.duration = info.duration;
  summary.frame_rate = info.frame_rate.value();
  summary.constant_rate = !info.variable_rate;
  summary.frames = info.frame_count;
  summary.width = info.width;
  summary.height = info.height;
  summary.codec = info.codec;
  summary.start_time = info.start_time;
  summary.edit_rate = video::edit_rate(info);
  summary.start_timecode = info.start_timecode;
  summary.sound = std::any_of(info.tracks.begin(), info.tracks.end(),
                              [](const video::Track& track) { return track.type == "audio"; });
  return summary;
}

grounding::SamplingSummary sampling_summary(const Media& video, const LocateRequest& request,
                                            const LoadedModel& model) {
  const MediaSettings& settings = model.media_settings();
  const video::FramePlan& plan = video.plan;
  grounding::SamplingSummary summary;
  summary.fps = rate_seen(video);
  summary.frames = static_cast<int>(plan.indices.size());
  summary.slots = static_cast<int>(video.slots);
  summary.width = plan.width;
  summary.height = plan.height;
  summary.from = plan.from;
  summary.to = plan.to;
  summary.clock = plan.clock_start > 0 || plan.clock_rate != 1 ? "window" : "file";
  summary.clock_start = plan.clock_start;
  summary.clock_rate = plan.clock_rate;
  summary.times = plan.times;
  summary.processor = request.sampling.qwen_vl_utils ? "qwen-vl-utils" : "transformers";
  summary.reference = model.reference() == Reference::k5 ? "5" : "4.57";
  summary.prompt_style =
      grounding::prompt_style_name(request.prompt_style.value_or(model.prompt_style()));
  summary.slot_times = plan.slot_times;
  for (double& time : summary.slot_times) time = plan.clock_start + time / plan.clock_rate;
  summary.plan = first_looks(video);
  summary.slot_stamps = settings.profile.slot_stamps;
  summary.fixed_form =
      request.prompt_style.value_or(model.prompt_style()) != grounding::PromptStyle::kQwen;
  return summary;
}

grounding::Usage usage_of(const TokenSequence& prompt, const Reply& reply) {
  grounding::Usage usage;
  for (const PlacedBlock& placed : prompt.blocks) {
    usage.vision_tokens += placed.block.grid.tokens();
  }
  usage.prompt_tokens = reply.prompt_tokens;
  usage.generated_tokens = static_cast<int64_t>(reply.tokens.size());
  return usage;
}

// With the `wanted` likeliest alternatives of each: there may be more, for the boundaries' sake.
std::vector<grounding::GeneratedToken> with_alternatives(
    std::vector<grounding::GeneratedToken> tokens, size_t wanted) {
  for (grounding::GeneratedToken& token : tokens) {
    token.top.resize(std::min(token.top.size(), wanted));
  }
  return tokens;
}

// Of the last words in the chat.
Language language_of(const std::vector<text::Message>& messages) {
  Language language = Language::kEnglish;
  for (const text::Message& message : messages) {
    for (const text::Part& part : message.parts) {
      if (!part.text.empty()) language = grounding::detect_language(part.text);
    }
  }
  return language;
}

void add(const grounding::Usage& usage, const grounding::Reuse& reuse,
         const grounding::Timing& timing, grounding::Answer& to) {
  to.usage.vision_tokens += usage.vision_tokens;
  to.usage.prompt_tokens += usage.prompt_tokens;
  to.usage.generated_tokens += usage.generated_tokens;
  to.reuse.slots += reuse.slots;
  to.reuse.prefix_tokens += reuse.prefix_tokens;
  to.reuse.encoded_slots += reuse.encoded_slots;
  to.timing.decode += timing.decode;
  to.timing.vision += timing.vision;
  to.timing.prefill += timing.prefill;
  to.timing.generation += timing.generation;
  to.timing.total += timing.total;
}

}  // namespace

void add_reply(Costs& costs, const Reply& reply, double before) {
  costs.reuse.prefix_tokens = reply.reused_tokens;
  costs.timing.prefill = reply.prefill_seconds;
  costs.timing.generation = reply.generation_seconds;
  costs.timing.first_token = before + reply.first_token_seconds;
}

void add_costs(const grounding::Answer& from, grounding::Answer& to) {
  add(from.usage, from.reuse, from.timing, to);
}

void add_costs(const Description& from, grounding::Answer& to) {
  add(from.usage, from.reuse, from.timing, to);
}

AnswerRecord::AnswerRecord(const LocateRequest& request, const LoadedModel& model,
                           const PlannedMedia& planned, const model::GenerateOptions& options)
    : request_(request),
      model_(model),
      max_new_tokens_(options.max_new_tokens),
      video_(video_summary(planned.media.front())),
      sampling_(sampling_summary(planned.media.front(), request, model)),
      media_notes_(media_notes(planned, model.media_settings())) {}

grounding::Answer AnswerRecord::answer(size_t index, const grounding::Prompt& prompt,
                                       const TokenSequence& sequence, Reply reply,
                                       const Costs& costs) const {
  const GenerationRequest& generation = request_.generation;
  grounding::Answer answer;
  answer.question = request_.questions[index];
  answer.language = prompt.language;
  answer.model = model_.name();
  answer.video = video_;
  answer.sampling = sampling_;
  answer.usage = usage_of(sequence, reply);
  answer.reuse = costs.reuse;
  answer.timing = costs.timing;
  grounding::read_answer(answer, reply.text, model_.opens_thinking(), reply.tokens);
  if (reply.finish == model::FinishReason::kLength && !generation.ignore_stop) {
    answer.notes.push_back({grounding::NoteCode::kLengthLimit, static_cast<int>(max_new_tokens_)});
  }
  answer.notes.insert(answer.notes.end(), media_notes_.begin(), media_notes_.end());
  if (const auto wanted = static_cast<size_t>(generation.logprobs); wanted > 0) {
    answer.tokens = with_alternatives(std::move(reply.tokens), wanted);
  }
  return answer;
}

Description make_description(const DescribeRequest& request, const LoadedModel& model,
                             const PlannedMedia& planned, const TokenSequence& prompt, Reply reply,
                             const Costs& costs) {
  grounding::AnswerOptions reading;
  reading.starts_in_thought = model.opens_thinking();
  grounding::ParsedAnswer parsed = grounding::parse_answer(reply.text, reading);
  Description description;
  description.response = std::move(parsed.response);
  description.reasoning = std::move(parsed.reasoning);
  description.finish_reason = reply.finish == model::FinishReason::kLength ? "length" : "stop";
  description.language = language_of(request.messages);
  description.notes = media_notes(planned, model.media_settings());
  description.usage = usage_of(prompt, reply);
  description.reuse = costs.reuse;
  description.timing = costs.timing;
  if (request.generation.logprobs > 0) description.tokens = std::move(reply.tokens);
  return description;
}

}  // namespace shijian::engine
