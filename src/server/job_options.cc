#include "server/job_options.h"

#include <cmath>

#include "base/error.h"
#include "server/json_fields.h"

namespace shijian::server {
namespace {

// 1, "1", "1fps".
std::optional<double> sampling_rate(const Json* value) {
  if (value == nullptr) return std::nullopt;
  double rate = 0;
  if (value->is_number()) {
    rate = value->get<double>();
  } else if (value->is_string()) {
    std::string text = value->get<std::string>();
    if (text.ends_with("fps")) text.resize(text.size() - 3);
    size_t used = 0;
    try {
      rate = std::stod(text, &used);
    } catch (const std::exception&) {
      used = std::string::npos;
    }
    if (used != text.size()) rate = 0;
  } else {
    throw http::HttpError(400, "options: 'frame_sampling_rate' is no number or text"_text);
  }
  if (!(rate >= 0.001 && rate <= 1000)) {
    throw Error(ErrorCode::kUsage,
                "options: 'frame_sampling_rate' is not a number of frames a second"_text,
                "such as 1, \"2fps\" or \"adaptive\""_text);
  }
  return rate;
}

// 262144, "262144", "256K", "1M".
std::optional<int64_t> context_length(const Json* value) {
  if (value == nullptr) return std::nullopt;
  double tokens = 0;
  if (value->is_number()) {
    tokens = value->get<double>();
  } else if (value->is_string()) {
    const std::string text = value->get<std::string>();
    size_t used = 0;
    try {
      tokens = std::stod(text, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    const std::string unit = text.substr(used);
    tokens *= unit == "K" || unit == "k" ? 1024 : unit == "M" || unit == "m" ? 1048576 : 1;
    if (used == 0 || (!unit.empty() && tokens == std::stod(text))) tokens = 0;
  } else {
    throw http::HttpError(400, "options: 'max_context_length' is no number or text"_text);
  }
  if (!(tokens >= 1 && tokens <= 1e9) || tokens != std::floor(tokens)) {
    throw Error(ErrorCode::kUsage, "options: 'max_context_length' is not a number of tokens"_text,
                "such as 262144, \"256K\" or \"1M\""_text);
  }
  return static_cast<int64_t>(tokens);
}

}  // namespace

JobOptions read_job_options(const Json& json) {
  JobOptions options;
  if (json.is_null()) return options;
  JsonFields fields(json, "options");
  options.grounding = fields.flag("enable_temporal_grounding").value_or(true);
  options.reasoning = fields.flag("return_reasoning");
  if (const auto name = fields.text("output_format")) {
    const auto format = parse_time_format(*name);
    if (!format) {
      throw Error(ErrorCode::kUsage, "options: 'output_format' is not a time format"_text,
                  "there are HH:MM:SS.sss, MM:SS.ff, seconds and frames"_text);
    }
    options.time_format = *format;
  }
  const Json* rate = fields.any("frame_sampling_rate");
  options.sampling.adaptive = rate != nullptr && *rate == "adaptive";
  if (!options.sampling.adaptive) options.sampling.fps = sampling_rate(rate);
  if (const auto frames = fields.integer("max_frames", 2, 65536)) {
    options.sampling.max_frames = static_cast<int>(*frames);
  }
  options.generation.max_context = context_length(fields.any("max_context_length"));
  options.generation.max_new_tokens = fields.integer("max_new_tokens", 1, 65536);
  options.sampling.from = fields.number("from", 0, 1e9);
  options.sampling.to = fields.number("to", 0, 1e9);
  if (const auto stream = fields.integer("stream", 0, 1000000)) {
    options.sampling.stream = static_cast<int>(*stream);
  }
  if (const auto style = fields.text("prompt_style"); style && *style != "auto") {
    options.prompt_style = grounding::parse_prompt_style(*style);
  }
  if (const auto name = fields.text("effort")) {
    const auto effort = engine::parse_effort(*name);
    if (!effort) {
      throw Error(ErrorCode::kUsage, "options: 'effort' is not one of the efforts"_text,
                  "there are low, normal and high"_text);
    }
    options.effort = *effort;
  }
  options.budget.tokens = fields.integer("budget_tokens", 1, int64_t{1} << 40);
  options.budget.seconds = fields.number("budget_seconds", 0.001, 1e6);
  options.free_text = fields.flag("free_text").value_or(false);
  options.precision = fields.number("precision", 0.001, 60).value_or(options.precision);
  options.generation.temperature = fields.number("temperature", 0, 100);
  options.generation.top_p = fields.number("top_p", 0, 1);
  options.generation.top_k = fields.integer("top_k", 0, 1000000);
  options.generation.seed =
      static_cast<uint64_t>(fields.integer("seed", 0, int64_t{1} << 53).value_or(0));
  options.generation.logprobs = static_cast<int>(fields.integer("logprobs", 0, 20).value_or(0));
  fields.done();
  return options;
}

std::string job_group(const std::string& video_id, const JobOptions& options) {
  const engine::SamplingRequest& s = options.sampling;
  return fmt::format("{}/{}/{}/{}/{}/{}/{}", video_id, s.adaptive, s.fps.value_or(-1),
                     s.max_frames.value_or(-1), s.from.value_or(-1), s.to.value_or(-1),
                     s.stream.value_or(video::kMainStream));
}

}  // namespace shijian::server
