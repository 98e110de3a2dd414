#include "app/synth_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/interrupt.h"
#include "app/progress.h"
#include "base/error.h"
#include "synth/dataset.h"
#include "synth/stream.h"

namespace shijian::app {
namespace {

constexpr const char* kSynthFooter = R"(
Examples:
  shijian synth --out set --count 100
  shijian synth --out held --count 300 --seed 7 --seconds 10-30 --split heldout
  shijian synth --stream --labels-only --count 10 > labels.bin)";

struct Flags {
  synth::StreamOptions stream;
  std::string out;
  bool to_stdout = false;
  std::string split = "train";
  std::string seconds = "10-30";
  std::string size;
  std::string fps;
  std::vector<std::string> kinds;
  int long_percent = 0;
  std::optional<int> questions;
  std::optional<int> threads;
};

// "10-30" or "12.5" in seconds, to milliseconds.
void parse_seconds(const std::string& text, synth::ScriptOptions* options) {
  const auto fail = [&]() {
    return Error(ErrorCode::kUsage, "synth --seconds {}: not a range"_text(text),
                 "give A-B in seconds, as in 10-30"_text);
  };
  const size_t dash = text.find('-');
  const auto read = [&](const std::string& part) {
    size_t used = 0;
    double value = 0;
    try {
      value = std::stod(part, &used);
    } catch (const std::exception&) {
      throw fail();
    }
    if (used != part.size() || !(value >= 0 && value <= 1e6)) throw fail();
    return static_cast<int>(std::lround(value * 1000));
  };
  options->min_ms = read(text.substr(0, dash));
  options->max_ms = dash == std::string::npos ? options->min_ms : read(text.substr(dash + 1));
}

void parse_size(const std::string& text, synth::ScriptOptions* options) {
  int used = 0;
  if (std::sscanf(text.c_str(), "%5dx%5d%n", &options->width, &options->height, &used) != 2 ||
      used != static_cast<int>(text.size()) || options->width <= 0 || options->height <= 0) {
    throw Error(ErrorCode::kUsage, "synth --size {}: not a size"_text(text),
                "give WxH in pixels, as in 160x120"_text);
  }
}

// "25", "30000/1001", or a decimal rate; 23.976, 29.97 and 59.94 mean the broadcast rates.
void parse_fps(const std::string& text, synth::ScriptOptions* options) {
  int num = 0, den = 0, used = 0;
  if (std::sscanf(text.c_str(), "%6d/%4d%n", &num, &den, &used) == 2 &&
      used == static_cast<int>(text.size()) && num > 0 && den > 0) {
    options->rate = synth::FrameRate{num, den};
    return;
  }
  double value = 0;
  if (std::sscanf(text.c_str(), "%lf%n", &value, &used) != 1 ||
      used != static_cast<int>(text.size()) || !(value > 0 && value <= 1000)) {
    throw Error(ErrorCode::kUsage, "synth --fps {}: not a frame rate"_text(text),
                "give a number such as 25 or 30000/1001"_text);
  }
  const int broadcast = static_cast<int>(std::lround(value * 1.001));
  if (std::abs(value - std::lround(value)) > 1e-6 && std::abs(broadcast / 1.001 - value) < 0.005) {
    options->rate = synth::FrameRate{broadcast * 1000, 1001};
  } else {
    options->rate = synth::FrameRate{static_cast<int>(std::lround(value * 1000)), 1000};
  }
}

synth::ScriptOptions script_options(const Flags& flags) {
  synth::ScriptOptions options;
  options.split = flags.split == "train" ? synth::Split::kTrain : synth::Split::kHeldOut;
  parse_seconds(flags.seconds, &options);
  options.long_percent = flags.long_percent;
  if (!flags.size.empty()) parse_size(flags.size, &options);
  if (!flags.fps.empty()) parse_fps(flags.fps, &options);
  if (!flags.kinds.empty()) {
    options.kinds = 0;
    for (const std::string& name : flags.kinds) {
      const auto kind = synth::parse_kind(name);
      if (!kind) {
        throw Error(
            ErrorCode::kUsage, "synth --kinds {}: no such kind"_text(name),
            "kinds: visible appear leave move stop colour touch text digit cut order all absent"_text);
      }
      options.kinds |= 1u << static_cast<int>(*kind);
    }
  }
  return options;
}

// False when the reader has gone.
bool send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EPIPE) return false;
    if (sent < 0) throw system_error("write standard output"_text, errno);
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void run_stream(const Flags& flags) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::stop_token interrupted = interrupt_token();
  stream_clips(flags.stream, [&](std::string_view clip) {
    throw_if_cancelled(interrupted);
    return send_all(clip);
  });
}

void run_files(const Flags& flags) {
  synth::DatasetOptions options;
  options.script = flags.stream.script;
  options.seed = flags.stream.seed;
  options.first = flags.stream.first;
  options.count = flags.stream.count;
  options.questions = flags.questions.value_or(options.questions);
  options.threads = flags.threads.value_or(options.threads);
  ProgressLine line(true);
  write_dataset(flags.out, options, interrupt_token(), [&](int64_t done, int64_t total) {
    line.show({"making clips", done, total, {}});
  });
}

void run(Flags& flags) {
  flags.stream.script = script_options(flags);
  flags.stream.questions = flags.questions.value_or(flags.stream.questions);
  flags.stream.threads = flags.threads.value_or(flags.stream.threads);
  if (flags.to_stdout == !flags.out.empty()) {
    throw Error(ErrorCode::kUsage, "synth: give either --out or --stream"_text,
                "shijian synth --out DIR --count N, or shijian synth --stream"_text);
  }
  flags.to_stdout ? run_stream(flags) : run_files(flags);
}

}  // namespace

void add_synth_command(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  auto& f = *flags;
  CLI::App* command =
      app.add_subcommand("synth", "Make synthetic clips with questions and answers");
  command->footer(kSynthFooter);
  command->add_option("--out", f.out, "Directory for videos/ and annotations.jsonl");
  command->add_option("--seed", f.stream.seed, "Same seed, same clips")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--count", f.stream.count, "Number of clips (--stream: 0 is endless)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--first", f.stream.first, "Index of the first clip")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--split", f.split, "Train or heldout")
      ->check(CLI::IsMember({"train", "heldout"}))
      ->capture_default_str();
  command->add_option("--seconds", f.seconds, "Length of a clip, A-B")->capture_default_str();
  command->add_option("--size", f.size, "Frame size WxH (default: varied)");
  command->add_option("--fps", f.fps, "Frame rate (default: varied)");
  command->add_option("--kinds", f.kinds, "Only these kinds of question")->delimiter(',');
  command
      ->add_option("--long", f.long_percent,
                   "Percent of what is shown that stays long, half of it all the time")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command->add_option("--questions", f.questions, "Questions a clip, at most (5; --stream: 8)")
      ->check(CLI::Range(1, 64));
  command->add_option("--threads", f.threads, "Threads (all cores; --stream: 1)")
      ->check(CLI::Range(1, 256));
  command->add_flag("--stream", f.to_stdout, "Write sampled frames and labels to standard output");
  command->add_option("--sample-fps", f.stream.sample_fps, "--stream: frames sampled a second")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  command->add_option("--max-frames", f.stream.max_frames, "--stream: frames sampled at most")
      ->check(CLI::Range(4, 4096))
      ->capture_default_str();
  command
      ->add_option("--frame-pixels", f.stream.frame_pixels,
                   "--stream: pixels of a sampled frame at most")
      ->check(CLI::Range(1024, 1 << 24))
      ->capture_default_str();
  command
      ->add_option("--compressed", f.stream.compressed,
                   "--stream: percent of clips that go through an encoder")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command->add_flag("--labels-only", f.stream.labels_only, "--stream: no frames");
  command->callback([flags] { run(*flags); });
}

}  // namespace shijian::app
