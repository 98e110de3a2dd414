#include "grounding/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/utf8.h"
#include "grounding/answer.h"
#include "grounding/slot_stamps.h"

namespace shijian::grounding {

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
  OrderedJson json = {{"path", to_valid_utf8(video.path)},
                      {"duration", thousandths(video.duration)},
                      {"frame_rate", thousandths(video.frame_rate)},
                      {"constant_rate", video.constant_rate},
                      {"frames", video.frames},
                      {"width", video.width},
                      {"height", video.height},
                      {"codec", to_valid_utf8(video.codec)},
                      {"start_time", thousandths(video.start_time)},
                      {"edit_rate", fmt::format("{}/{}", video.edit_rate.num, video.edit_rate.den)},
                      {"start_timecode", nullptr},
                      {"sound", video.sound}};
  if (!video.start_timecode.empty()) json["start_timecode"] = video.start_timecode;
  return json;
}

OrderedJson sampling_json(const SamplingSummary& sampling) {
  OrderedJson times = OrderedJson::array();
  for (const double time : sampling.times) times.push_back(thousandths(time));
  OrderedJson plan = OrderedJson::array();
  for (const PlannedLook& look : sampling.plan) {
    plan.push_back({{"from", thousandths(look.from)},
                    {"to", thousandths(look.to)},
                    {"fps", thousandths(look.fps)},
                    {"reason", look.reason}});
  }
  return {{"from", thousandths(sampling.from)},
          {"to", thousandths(sampling.to)},
          {"clock", sampling.clock},
          {"clock_start", thousandths(sampling.clock_start)},
          {"fps", thousandths(sampling.fps)},
          {"frames", sampling.frames},
          {"slots", sampling.slots},
          {"windows", sampling.windows},
          {"width", sampling.width},
          {"height", sampling.height},
          {"processor", sampling.processor},
          {"reference", sampling.reference},
          {"prompt_style", sampling.prompt_style},
          {"plan", std::move(plan)},
          {"times", std::move(times)}};
}

OrderedJson evidence_json(const Evidence& evidence) {
  OrderedJson json = {
      {"times", thousandths(evidence.times)}, {"presence", nullptr}, {"looks", evidence.looks}};
  if (evidence.presence) json["presence"] = thousandths(*evidence.presence);
  if (evidence.agreement) json["agreement"] = thousandths(*evidence.agreement);
  return json;
}

OrderedJson curve_json(std::span<const CurvePoint> curve) {
  OrderedJson points = OrderedJson::array();
  for (const CurvePoint& point : curve) {
    points.push_back({thousandths(point.time), thousandths(point.value)});
  }
  return {{"curve", std::move(points)}};
}

std::string text_of(const Answer& answer, TimeFormat time_format) {
  std::string out;
  const bool chinese = answer.language == Language::kChinese;
  if (!answer.response.empty()) out += answer.response + "\n";
  const auto time = [&](double t) { return format_time(t, time_format, answer.video.frame_rate); };
  for (const Event& event : answer.events) {
    out += fmt::format("{} - {}", time(event.start), time(event.end));
    if (event.confidence) {
      out +=
          fmt::format("  {} {:.0f}%", chinese ? "置信度" : "confidence", *event.confidence * 100);
    }
    if (!event.label.empty()) out += "  " + event.label;
    out += "\n";
  }
  if (answer.explained && !answer.reasoning.empty()) {
    out += fmt::format("{}{}\n", chinese ? "理由：" : "why: ", answer.reasoning);
  }
  if (answer.events.empty() && !answer.rejected.empty()) {
    const Event& nearest = answer.rejected.front();
    out += fmt::format(
        "{}{} - {}  {} {:.0f}%\n",
        chinese ? "最接近的，但不像：" : "closest, but not likely: ", time(nearest.start),
        time(nearest.end), chinese ? "置信度" : "confidence", nearest.confidence.value_or(0) * 100);
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
  const SamplingSummary& sampling = answer.sampling;
  const double zero = sampling.clock_start;
  const double rate = sampling.clock_rate;
  const double to = sampling.to > 0 ? sampling.to : answer.video.duration;
  AnswerOptions options = on_clock(sampling.from, to, zero, rate);
  options.default_label = answer.question;
  options.starts_in_thought = starts_in_thought;
  ParsedAnswer parsed = parse_answer(generated, options);
  set_confidence(parsed.events, generated, tokens, parsed.trust);
  if (sampling.fixed_form && (parsed.absent || !parsed.events.empty())) {
    answer.presence = presence(parsed.events, generated, tokens);
  }
  for (Event& event : parsed.events) {
    if (event.evidence) event.evidence->presence = answer.presence;
    event.start = zero + event.start / rate;
    event.end = zero + event.end / rate;
    if (event.start_uncertainty) *event.start_uncertainty /= rate;
    if (event.end_uncertainty) *event.end_uncertainty /= rate;
  }
  add_sampling_uncertainty(parsed.events, sampling.slot_times);
  if (sampling.slot_stamps) {
    cover_slots(parsed.events, {sampling.slot_times, sampling.from, sampling.to, rate});
  }
  answer.response = std::move(parsed.response);
  answer.reasoning = std::move(parsed.reasoning);
  answer.reasoning_source = answer.reasoning.empty() ? "" : "model";
  answer.events = std::move(parsed.events);
  answer.absent = parsed.absent;
  answer.unparsed = parsed.unparsed;
  answer.notes = std::move(parsed.notes);
  if (answer.absent && !has_words(answer.response)) {
    answer.response = denial(answer.language);
  }
}

OrderedJson events_json(std::span<const Event> events, TimeFormat time_format, double frame_rate) {
  OrderedJson list = OrderedJson::array();
  for (const Event& event : events) {
    OrderedJson item = {{"start", thousandths(event.start)},
                        {"end", thousandths(event.end)},
                        {"start_text", format_time(event.start, time_format, frame_rate)},
                        {"end_text", format_time(event.end, time_format, frame_rate)},
                        {"label", to_valid_utf8(event.label)},
                        {"confidence", nullptr}};
    if (event.confidence) item["confidence"] = thousandths(*event.confidence);
    if (event.evidence) item["evidence"] = evidence_json(*event.evidence);
    if (event.start_uncertainty) item["start_uncertainty"] = thousandths(*event.start_uncertainty);
    if (event.end_uncertainty) item["end_uncertainty"] = thousandths(*event.end_uncertainty);
    list.push_back(std::move(item));
  }
  return list;
}

OrderedJson timestamp_range_json(std::span<const Event> events, TimeFormat time_format,
                                 double frame_rate) {
  double first = events.front().start, last = 0;
  for (const Event& event : events) {
    first = std::min(first, event.start);
    last = std::max(last, event.end);
  }
  return {format_time(first, time_format, frame_rate), format_time(last, time_format, frame_rate)};
}

OrderedJson answer_json(const Answer& answer, TimeFormat time_format) {
  const double frame_rate = answer.video.frame_rate;
  OrderedJson json;
  json["response"] = to_valid_utf8(answer.response);
  json["events"] = events_json(answer.events, time_format, frame_rate);
  if (!answer.events.empty()) {
    json["timestamp_range"] = timestamp_range_json(answer.events, time_format, frame_rate);
  }
  if (!answer.rejected.empty()) {
    json["rejected"] = events_json(answer.rejected, time_format, frame_rate);
  }
  if (!answer.curve.empty()) json["evidence"] = curve_json(answer.curve);
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

std::string format_json(std::span<const Answer> answers, TimeFormat time_format) {
  if (answers.size() == 1) return write_json(answer_json(answers[0], time_format), 2) + "\n";
  OrderedJson list = OrderedJson::array();
  for (const Answer& answer : answers) list.push_back(answer_json(answer, time_format));
  return write_json(list, 2) + "\n";
}

std::string format_text(std::span<const Answer> answers, TimeFormat time_format) {
  std::string out;
  for (const Answer& answer : answers) {
    if (answers.size() > 1) {
      out += fmt::format("{}> {}\n", out.empty() ? "" : "\n", answer.question);
    }
    out += text_of(answer, time_format);
  }
  return out;
}

}  // namespace shijian::grounding
