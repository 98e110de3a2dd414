#include "app/bench_reuse.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <system_error>
#include <utility>

#include "app/flags.h"
#include "app/interrupt.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "engine/engine.h"
#include "engine/model_directory.h"
#include "grounding/output.h"
#include "video/encode.h"

namespace shijian::app {
namespace {

namespace fs = std::filesystem;

constexpr int kClipRate = 5;  // frames a second
constexpr int kLogprobs = 5;

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Every frame differs everywhere from the one before.
void write_clip(const fs::path& path, const ReuseBench& bench) {
  const auto draw = [&](int index, uint8_t* rgb) {
    uint32_t noise = static_cast<uint32_t>(index) * 2654435761u + 1;
    for (int y = 0; y < bench.side; ++y) {
      for (int x = 0; x < bench.side; ++x) {
        noise = noise * 1664525u + 1013904223u;
        const auto grain = static_cast<int>(noise >> 28);
        *rgb++ = static_cast<uint8_t>((x + 3 * index) % 240 + grain);
        *rgb++ = static_cast<uint8_t>((y + 5 * index) % 240 + grain);
        *rgb++ = static_cast<uint8_t>((x / 2 + y / 2 + 7 * index) % 240 + grain);
      }
    }
  };
  write_file_atomic(path, video::encode_mp4({}, bench.side, bench.side, {kClipRate, 1},
                                            bench.seconds * kClipRate, draw));
}

struct Run {
  grounding::Answer answer;
  double processor = 0;  // seconds
};

Run ask(engine::Engine& engine, engine::LocateRequest request, const char* question) {
  request.questions = {question};
  engine::RunHooks hooks;
  hooks.cancel = interrupt_token();
  const double before = processor_seconds();
  Run run;
  run.answer = std::move(engine.locate(request, hooks).answers.front());
  run.processor = processor_seconds() - before;
  return run;
}

bool same_tokens(const Run& a, const Run& b) {
  const auto same = [](const grounding::GeneratedToken& x, const grounding::GeneratedToken& y) {
    return x.id == y.id && x.logprob == y.logprob &&
           std::equal(
               x.top.begin(), x.top.end(), y.top.begin(), y.top.end(),
               [](const grounding::TokenAlternative& s, const grounding::TokenAlternative& t) {
                 return s.bytes == t.bytes && s.logprob == t.logprob;
               });
  };
  const auto& left = a.answer.tokens;
  const auto& right = b.answer.tokens;
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), same);
}

// How far another run of the same question strayed: tokens until the first other one, and the
// largest difference of their log-probabilities.
struct Straying {
  int64_t same_tokens = 0;
  double logprob = 0;
};

Straying straying(const Run& a, const Run& b) {
  Straying result;
  const auto& left = a.answer.tokens;
  const auto& right = b.answer.tokens;
  for (size_t i = 0; i < std::min(left.size(), right.size()) && left[i].id == right[i].id; ++i) {
    ++result.same_tokens;
    result.logprob = std::max(result.logprob, std::abs(left[i].logprob - right[i].logprob));
  }
  return result;
}

OrderedJson run_json(const Run& run) {
  OrderedJson json = {{"usage", grounding::usage_json(run.answer.usage)}};
  grounding::add_reuse(json, run.answer.reuse);
  json["timing"] = grounding::timing_json(run.answer.timing);
  json["processor_seconds"] = run.processor;
  return json;
}

std::string run_line(const char* what, const Run& run) {
  const grounding::Answer& a = run.answer;
  return fmt::format(
      "  {:<16} {:8.2f} s  (vision {:.2f}, prefill {:.2f}, generation {:.2f}; processor {:.2f})  "
      "encoded {} slots, reused {} slots and {} tokens\n",
      what, a.timing.total, a.timing.vision, a.timing.prefill, a.timing.generation, run.processor,
      a.reuse.encoded_slots, a.reuse.slots, a.reuse.prefix_tokens);
}

}  // namespace

void lend_tokenizer(const fs::path& model) {
  const fs::path data = engine::data_directory();
  if (data.empty()) {
    throw Error(ErrorCode::kNotFound, "bench: models/nano is not there to lend its tokenizer"_text,
                "set SHIJIAN_HOME to the folder that holds models/nano"_text);
  }
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
                           "chat_template.json"}) {
    std::error_code error;
    fs::copy_file(data / "models" / "nano" / file, model / file, error);
    if (error) throw system_error("copy {}"_text((model / file).string()), error.value());
  }
}

void run_reuse_bench(const ReuseBench& bench) {
  const TemporaryFolder folder;
  engine::LocateRequest request;
  request.video = folder.path() / "clip.mp4";
  write_clip(request.video, bench);
  request.sampling.fps = 1;
  request.sampling.frame_pixels = int64_t{bench.side} * bench.side;
  request.generation.max_new_tokens = bench.answer;
  request.generation.ignore_stop = true;
  request.generation.logprobs = kLogprobs;
  engine::EngineOptions options;
  options.model = bench.model;
  options.threads = bench.threads;
  options.cache.folder = folder.path() / "cache";
  options.cache.prefix_packed = bench.packed;

  const char* question = "When does the man in the red coat open the door?";
  Run first, second, again;
  {
    engine::Engine engine(options);
    first = ask(engine, request, question);
    second = ask(engine, request, "When does the white dog run across the street?");
    again = ask(engine, request, question);
  }
  engine::Engine engine(options);
  const Run restarted = ask(engine, request, question);

  const double rest = first.answer.timing.total - first.answer.timing.vision;
  const double second_share = second.answer.timing.total / first.answer.timing.total;
  const double restart_share = restarted.answer.timing.total / rest;
  const Straying strayed = straying(first, again);
  const bool identical =
      (bench.packed || same_tokens(first, again)) && same_tokens(first, restarted);
  if (bench.json) {
    const OrderedJson json = {{"model", bench.name},
                              {"threads", engine.threads()},
                              {"slots", first.answer.sampling.slots},
                              {"first", run_json(first)},
                              {"second", run_json(second)},
                              {"again", run_json(again)},
                              {"restarted", run_json(restarted)},
                              {"second_of_first", second_share},
                              {"restarted_of_first_without_vision", restart_share},
                              {"identical", identical},
                              {"again_same_tokens", strayed.same_tokens},
                              {"again_logprob_difference", strayed.logprob}};
    write_output(write_json(json, 2) + "\n");
    return;
  }
  std::string out =
      fmt::format("{}: {} slots, {} prompt tokens, {} threads\n", bench.name,
                  first.answer.sampling.slots, first.answer.usage.prompt_tokens, engine.threads());
  out += run_line("first question", first) + run_line("second question", second) +
         run_line("first again", again) + run_line("after a restart", restarted);
  out += fmt::format(
      "  second / first {:.4f} (1/{:.1f}), restarted / (first - vision) {:.3f}, "
      "answers {}\n",
      second_share, 1 / second_share, restart_share, identical ? "identical" : "DIFFERENT");
  if (bench.packed) {
    out += fmt::format("  first again: {} of {} tokens the same, log-probabilities within {:.2g}\n",
                       strayed.same_tokens, first.answer.tokens.size(), strayed.logprob);
  }
  write_output(out);
}

}  // namespace shijian::app
