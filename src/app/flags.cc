#include "app/flags.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <exception>

#include "app/say.h"
#include "base/error.h"
#include "base/time_code.h"
#include "cache/cache_folder.h"
#include "model/memory.h"

namespace shijian::app {
namespace {

std::optional<double> time_flag(const std::string& text, const char* flag) {
  if (text.empty()) return std::nullopt;
  const std::optional<double> seconds = parse_time(text);
  if (!seconds) {
    throw Error(ErrorCode::kUsage, "{} {}: not a time"_text(flag, text),
                "write seconds (12.5), MM:SS or HH:MM:SS.sss"_text);
  }
  return seconds;
}

// A number of frames a second, or "adaptive"; else what is wrong.
std::string check_rate(const std::string& text) {
  size_t used = 0;
  try {
    std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  return text == "adaptive" || (used > 0 && used == text.size()) ? "" : "not a rate";
}

}  // namespace

void CacheFlags::add_to(CLI::App& command) {
  const char* group = "Cache";
  command
      .add_option("--cache-dir", folder,
                  "Folder of vision features, for the next question about a video (default: "
                  "$XDG_CACHE_HOME/shijian or ~/.cache/shijian)")
      ->type_name("DIR")
      ->group(group);
  command
      .add_option("--cache-size", max_bytes,
                  "How much the folder may hold, such as 500MB or 20GB (default: 4GB); what was "
                  "not used for longest goes")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false).description(""))
      ->check(CLI::Range(int64_t{1} << 20, int64_t{1} << 50).description(""))
      ->type_name("SIZE")
      ->group(group);
  command.add_flag("--no-cache", off, "Keep nothing and use nothing that was kept")->group(group);
}

engine::CacheOptions CacheFlags::options() const {
  engine::CacheOptions options;
  options.enabled = !off;
  options.folder = folder.empty() ? cache::default_cache_folder() : std::filesystem::path(folder);
  options.max_bytes = max_bytes;
  return options;
}

void warn_of_cache(const engine::Engine& engine) {
  const cache::DiskCounters counters = engine.cache_report().disk;
  if (counters.failed == 0) return;
  say("not everything could be cached: {}"_text(counters.last_failure),
      "name another folder with --cache-dir, or none with --no-cache"_text);
}

void warn_of_memory(const engine::Engine& engine) {
  const auto weights = static_cast<int64_t>(engine.checkpoint().tensor_bytes());
  const Text warning = model::weights_warning(weights, model::available_memory());
  if (!warning.empty()) say(warning, "close other programs, or use a smaller model"_text);
}

void print_notes(std::span<const grounding::Note> notes, Language language) {
  for (const grounding::Note& note : notes) say(Text::value(grounding::note_text(note, language)));
}

void ModelFlags::add_to(CLI::App& command) {
  command
      .add_option("--model", model,
                  "Checkpoint directory (else SHIJIAN_MODEL, else the first ./models/Qwen3-VL-*, "
                  "else the default model)")
      ->type_name("DIR")
      ->group("Model");
  command.add_option("--threads", threads, "Threads that compute; 0 is one for each core")
      ->check(CLI::Range(0, 1024))
      ->group("Model");
  command
      .add_option("--reference", reference,
                  "Follow transformers 4 (4.57, what the authors name) or 5 (5.23) where "
                  "they differ")
      ->check(CLI::IsMember({"4", "5"}))
      ->capture_default_str()
      ->group("Model");
  cache.add_to(command);
}

engine::EngineOptions ModelFlags::engine_options() const {
  engine::EngineOptions options;
  options.model = engine::find_model_directory(model);
  options.threads = threads;
  options.reference = reference == "5" ? engine::Reference::k5 : engine::Reference::k4;
  options.cache = cache.options();
  return options;
}

void SamplingFlags::add_to(CLI::App& command) {
  const char* group = "Sampling";
  auto* rate =
      command
          .add_option("--fps", fps,
                      "Frames a second to look at (default: the model's); adaptive: fewer where "
                      "nothing goes on")
          ->check(CLI::Validator(check_rate, "a number of frames a second, or adaptive"))
          ->type_name("")
          ->group(group);
  command.add_option("--frames", frames, "Look at this many frames, evenly spread")
      ->excludes(rate)
      ->group(group);
  command.add_option("--max-frames", max_frames, "At most this many frames (default: the model's)")
      ->check(CLI::Range(2, 65536))
      ->group(group);
  command.add_option("--max-pixels", max_pixels, "Pixels of all frames together, at most")
      ->group(group);
  command.add_option("--min-pixels", min_pixels, "Pixels of all frames together, at least")
      ->group(group);
  command.add_option("--frame-pixels", frame_pixels, "Pixels of one frame, at most")->group(group);
  command.add_option("--from", from, "Look only from this time on: 83.5, 1:23.5 or 00:01:23.500")
      ->type_name("TIME")
      ->group(group);
  command.add_option("--to", to, "Look only up to this time")->type_name("TIME")->group(group);
  command.add_option("--stream", stream, "Of a file with several: this video stream")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N")
      ->group(group);
  command
      .add_option("--pipeline", pipeline,
                  "Whose sampling and frame sizes: transformers or qwen-vl-utils")
      ->check(CLI::IsMember({"transformers", "qwen-vl-utils"}))
      ->capture_default_str()
      ->group(group);
}

engine::SamplingRequest SamplingFlags::request() const {
  engine::SamplingRequest request;
  request.adaptive = fps == "adaptive";
  if (!request.adaptive && !fps.empty()) request.fps = std::stod(fps);
  request.frames = frames;
  request.max_frames = max_frames;
  request.min_pixels = min_pixels;
  request.max_pixels = max_pixels;
  request.frame_pixels = frame_pixels;
  request.from = time_flag(from, "--from");
  request.to = time_flag(to, "--to");
  request.stream = stream;
  request.qwen_vl_utils = pipeline == "qwen-vl-utils";
  return request;
}

std::string SamplingFlags::describe() const {
  std::string words = pipeline;
  const auto add = [&](const char* name, const auto& value) {
    if (value) words += fmt::format(" {}={}", name, *value);
  };
  if (!fps.empty()) words += " fps=" + fps;
  add("frames", frames);
  add("max_frames", max_frames);
  add("min_pixels", min_pixels);
  add("max_pixels", max_pixels);
  add("frame_pixels", frame_pixels);
  if (!from.empty()) words += " from=" + from;
  if (!to.empty()) words += " to=" + to;
  add("stream", stream);
  return words;
}

void GenerationFlags::add_to(CLI::App& command, bool greedy) {
  const char* group = "Generation";
  command.add_option("--max-new-tokens", values.max_new_tokens, "Stop after this many tokens")
      ->check(CLI::Range(1, 1 << 20))
      ->group(group);
  command.add_option("--seed", values.seed, "Seed of the sampler; the same seed, the same answer")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--logprobs", values.logprobs,
                  "Add the likeliest N of each generated token to the JSON")
      ->check(CLI::Range(0, 100))
      ->group(group);
  command
      .add_option("--temperature", values.temperature,
                  greedy ? "Above 0 samples instead of taking the likeliest token"
                         : "0 takes the likeliest token (default: the checkpoint's)")
      ->check(CLI::Range(0.0, 100.0))
      ->group(group);
  command.add_option("--top-k", values.top_k, "Sample among the k likeliest tokens")->group(group);
  command.add_option("--top-p", values.top_p, "Sample among the likeliest tokens of this mass")
      ->check(CLI::Range(0.0, 1.0))
      ->group(group);
  command
      .add_option("--repetition-penalty", values.repetition_penalty,
                  "Above 1 makes tokens that were there before less likely")
      ->check(CLI::Range(0.01, 100.0))
      ->group(group);
  command
      .add_option("--presence-penalty", values.presence_penalty,
                  "Above 0 makes tokens that were generated before less likely")
      ->check(CLI::Range(-100.0, 100.0))
      ->group(group);
}

void EffortFlags::add_to(CLI::App& command) {
  const char* group = "Precision";
  command
      .add_option("--effort", effort,
                  "low: one look at the video; normal: boundaries, and what is found in a long "
                  "video, are looked at again, more closely; high: so is all that is found, twice")
      ->check(CLI::IsMember({"low", "normal", "high"}))
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--precision", precision,
                  "Seconds: boundaries that are known so well are not looked at again")
      ->check(CLI::Range(0.001, 60.0))
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--budget-tokens", budget.tokens,
                  "Vision tokens that a search through a long video may take: beyond it a coarse "
                  "pass decides where to look closely")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
      ->group(group);
  command
      .add_option("--budget-seconds", budget.seconds,
                  "Seconds that it may take, worked out from its first window")
      ->check(CLI::Range(0.001, 1e6))
      ->group(group);
}

void EffortFlags::set(engine::LocateRequest& request) const {
  request.effort = *engine::parse_effort(effort);
  request.precision = precision;
  request.budget = budget;
}

std::string EffortFlags::describe() const {
  std::string text = effort == "low" ? effort : fmt::format("{} {}", effort, precision);
  if (budget.tokens) text += fmt::format(" tokens={}", *budget.tokens);
  if (budget.seconds) text += fmt::format(" seconds={}", *budget.seconds);
  return text;
}

OutputFile* Outputs::open(const std::string& path) {
  if (path.empty()) return nullptr;
  return files_.emplace_back(std::make_unique<OutputFile>(path)).get();
}

void Outputs::commit() {
  for (const auto& file : files_) file->commit();
}

void DumpFlag::add_to(CLI::App& command) {
  command
      .add_option("--dump", path_,
                  "Write every stage as named tensors to this safetensors file (docs/accuracy.md)")
      ->type_name("FILE")
      ->group("Output");
}

model::StageRecorder* DumpFlag::recorder() { return path_.empty() ? nullptr : &stages_; }

void DumpFlag::write() const {
  if (file_ != nullptr) stages_.write(*file_);
}

void write_output(const std::string& text, OutputFile* file) {
  if (file != nullptr) {
    file->write(text);
    return;
  }
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw system_error("write standard output"_text, errno);
  }
}

}  // namespace shijian::app
