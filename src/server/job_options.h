// The options of a job: from a client's JSON to what the engine runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/time_code.h"
#include "engine/engine.h"

namespace shijian::server {

struct JobOptions {
  bool grounding = true;          // false: words only
  std::optional<bool> reasoning;  // false: left out; true: asked for in so many words
  TimeFormat time_format = TimeFormat::kHoursMillis;
  engine::SamplingRequest sampling;
  std::optional<grounding::PromptStyle> prompt_style;
  engine::GenerationRequest generation;
  engine::Effort effort = engine::Effort::kNormal;
  engine::Budget budget;
  bool free_text = false;
  double precision = engine::LocateRequest().precision;
};

// docs/api.md, "options". `json` may be null. Errors of JsonFields.
JobOptions read_job_options(const Json& json);

// What jobs must share to be run one after the other on the same features: video and sampling.
std::string job_group(const std::string& video_id, const JobOptions& options);

}  // namespace shijian::server
