#include "grounding/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "grounding/answer.h"
#include "grounding/subtitles.h"
#include "grounding/utf8.h"

namespace shijian {

namespace {

// Whether the model said anything beyond lists, brackets and fences.
bool has_words(std::string_view response) {
  if (response.size() > 500) return true;
  std::string text(response);
  for (std::string_view idle : {"json", "null", "None", "start", "end", "label", "events"}) {
    for (size_t at; (at = text.find(idle)) != std::string::npos;) text.erase(at, idle.size());
  }
  const std::u32string characters = decode_utf8_lossy(text);
  return std::any_of(characters.begin(), characters.end(), [](char32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xC0;
  });
}

OrderedJson video_json(const VideoSummary& video) {
  return {{"path", to_valid_utf8(video.path)},
          {"duration", thousandths(video.duration)},
          {"frame_rate", thousandths(video.frame_rate)},
          {"constant_rate", video.constant_rate},
          {"frames", video.frames},
          {"width", video.width},
          {"height", video.height},
          {"codec", to_valid_utf8(video.codec)}};
}

OrderedJson sampling_json(const SamplingSummary& sampling) {
  return {{"from", thousandths(sampling.from)},
          {"to", thousandths(sampling.to)},
          {"fps", thousandths(sampling.fps)},
          {"frames", sampling.frames},
          {"slots", sampling.slots},
          {"width", sampling.width},
          {"height", sampling.height},
          {"processor", sampling.processor},
          {"reference", sampling.reference},
          {"prompt_style", sampling.prompt_style}};
}

std::string format_text(const Answer& answer, TimeFormat time_format) {
  std::string out;
  const bool chinese = answer.language == Language::kChinese;
  if (!answer.response.empty()) out += answer.response + "\n";
  for (const Event& event : answer.events) {
    const auto time = [&](double t) {
      return format_time(t, time_format, answer.video.frame_rate);
    };
    out += fmt::format("{} - {}", time(event.start), time(event.end));
    if (event.confidence) {
      out +=
          fmt::format("  {} {:.0f}%", chinese ? "置信度" : "confidence", *event.confidence * 100);
    }
    if (!event.label.empty()) out += "  " + event.label;
    out += "\n";
  }
  for (const Note& note : answer.notes) {
    if (note.code == NoteCode::kAbsent) continue;  // the response says it in words
    out += fmt::format("{}{}\n", chinese ? "注：" : "note: ", note_text(note, answer.language));
  }
  return out;
}

}  // namespace

OrderedJson notes_json(std::span<const Note> notes, Language language) {
  OrderedJson list = OrderedJson::array();
  for (const Note& note : notes) {
    list.push_back({{"code", note_code_name(note.code)}, {"text", note_text(note, language)}});
  }
  return list;
}

OrderedJson usage_json(const Usage& usage) {
  return {{"vision_tokens", usage.vision_tokens},
          {"prompt_tokens", usage.prompt_tokens},
          {"generated_tokens", usage.generated_tokens}};
}

void add_reuse(OrderedJson& json, const Reuse& reuse) {
  json["reused"] = {{"slots", reuse.slots}, {"prefix_tokens", reuse.prefix_tokens}};
  json["encoded_slots"] = reuse.encoded_slots;
}

OrderedJson timing_json(const Timing& timing) {
  return {{"decode", thousandths(timing.decode)},
          {"vision", thousandths(timing.vision)},
          {"prefill", thousandths(timing.prefill)},
          {"generation", thousandths(timing.generation)},
          {"first_token", thousandths(timing.first_token)},
          {"total", thousandths(timing.total)}};
}

OrderedJson tokens_json(std::span<const GeneratedToken> tokens) {
  OrderedJson list = OrderedJson::array();
  for (const GeneratedToken& token : tokens) {
    OrderedJson top = OrderedJson::array();
    for (const TokenAlternative& choice : token.top) {
      top.push_back({{"text", to_valid_utf8(choice.bytes)}, {"logprob", choice.logprob}});
    }
    list.push_back({{"id", token.id},
                    {"text", to_valid_utf8(token.bytes)},
                    {"logprob", token.logprob},
                    {"top", std::move(top)}});
  }
  return list;
}

void read_answer(Answer& answer, std::string_view generated, bool starts_in_thought,
                 std::span<const GeneratedToken> tokens) {
  AnswerOptions options;
  options.duration = answer.video.duration;
  options.default_label = answer.question;
  options.starts_in_thought = starts_in_thought;
  ParsedAnswer parsed = parse_answer(generated, options);
  set_confidence(parsed.events, generated, tokens, parsed.trust);
  add_sampling_uncertainty(parsed.events, answer.sampling.slot_times);
  answer.response = std::move(parsed.response);
  answer.reasoning = std::move(parsed.reasoning);
  answer.reasoning_source = answer.reasoning.empty() ? "" : "model";
  answer.events = std::move(parsed.events);
  answer.absent = parsed.absent;
  answer.unparsed = parsed.unparsed;
  answer.notes = std::move(parsed.notes);
  if (answer.absent && !has_words(answer.response)) {
    answer.response = answer.language == Language::kChinese ? "视频中没有出现。"
                                                            : "It does not occur in the video.";
  }
}

std::optional<OutputFormat> parse_output_format(std::string_view name) {
  if (name == "text") return OutputFormat::kText;
  if (name == "json") return OutputFormat::kJson;
  if (name == "srt") return OutputFormat::kSrt;
  if (name == "vtt") return OutputFormat::kVtt;
  if (name == "csv") return OutputFormat::kCsv;
  return std::nullopt;
}

OrderedJson answer_json(const Answer& answer, TimeFormat time_format) {
  const auto text = [&](double t) { return format_time(t, time_format, answer.video.frame_rate); };
  OrderedJson json;
  json["response"] = to_valid_utf8(answer.response);
  OrderedJson events = OrderedJson::array();
  double last = 0;
  for (const Event& event : answer.events) {
    OrderedJson item = {{"start", thousandths(event.start)},   {"end", thousandths(event.end)},
                        {"start_text", text(event.start)},     {"end_text", text(event.end)},
                        {"label", to_valid_utf8(event.label)}, {"confidence", nullptr}};
    if (event.confidence) item["confidence"] = thousandths(*event.confidence);
    if (event.start_uncertainty) item["start_uncertainty"] = thousandths(*event.start_uncertainty);
    if (event.end_uncertainty) item["end_uncertainty"] = thousandths(*event.end_uncertainty);
    events.push_back(std::move(item));
    last = std::max(last, event.end);
  }
  json["events"] = std::move(events);
  if (!answer.events.empty()) {
    json["timestamp_range"] = {text(answer.events.front().start), text(last)};
  }
  if (!answer.reasoning.empty()) {
    json["reasoning"] = to_valid_utf8(answer.reasoning);
    json["reasoning_source"] = answer.reasoning_source;
  }
  json["model"] = to_valid_utf8(answer.model);
  json["video"] = video_json(answer.video);
  json["sampling"] = sampling_json(answer.sampling);
  json["usage"] = usage_json(answer.usage);
  add_reuse(json, answer.reuse);
  json["timing"] = timing_json(answer.timing);
  json["notes"] = notes_json(answer.notes, answer.language);
  json["question"] = to_valid_utf8(answer.question);
  if (!answer.tokens.empty()) json["tokens"] = tokens_json(answer.tokens);
  return json;
}

std::string format_answers(std::span<const Answer> answers, const OutputOptions& options) {
  switch (options.format) {
    case OutputFormat::kSrt:
      return format_srt(answers);
    case OutputFormat::kVtt:
      return format_vtt(answers);
    case OutputFormat::kCsv:
      return format_csv(answers, options.time_format);
    case OutputFormat::kJson: {
      if (answers.size() == 1)
        return write_json(answer_json(answers[0], options.time_format), 2) + "\n";
      OrderedJson list = OrderedJson::array();
      for (const Answer& answer : answers) list.push_back(answer_json(answer, options.time_format));
      return write_json(list, 2) + "\n";
    }
    case OutputFormat::kText:
      break;
  }
  std::string out;
  for (const Answer& answer : answers) {
    if (answers.size() > 1)
      out += fmt::format("{}> {}\n", out.empty() ? "" : "\n", answer.question);
    out += format_text(answer, options.time_format);
  }
  return out;
}

}  // namespace shijian
