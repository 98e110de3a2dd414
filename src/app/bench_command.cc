#include "app/bench_command.h"

#include <sys/resource.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/bench_reuse.h"
#include "app/flags.h"
#include "app/interrupt.h"
#include "app/say.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "engine/random_checkpoint.h"
#include "kernels/isa.h"
#include "model/generate.h"
#include "model/memory.h"
#include "model/vision_encoder.h"
#include "model/weights.h"

namespace shijian::app {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kBenchFooter = R"(
Examples:
  shijian bench                          the model that locate would use
  shijian bench models/Qwen3-VL-4B       a checkpoint directory
  shijian bench --shape 2b --json        random weights of a published size
  shijian bench --reuse                  a second question, and one after a restart)";

struct BenchFlags {
  std::string directory;
  std::string shape;
  std::string keep;
  int prompt = 512;
  int answer = 32;
  int slots = 4;
  int side = 448;
  int repeat = 3;
  int threads = 0;
  bool reuse = false;
  int seconds = 60;
  int prefix_bits = 32;
  bool json = false;
};

struct Figures {
  double vision_tokens_per_second = 0;
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  double first_answer_seconds = 0;  // vision, prefill and the first token of one request
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Bench {
 public:
  Bench(const fs::path& directory, const BenchFlags& flags)
      : flags_(flags),
        checkpoint_(checkpoint::Checkpoint::open(directory)),
        weights_(model::bind_weights(checkpoint_)),
        pool_(flags.threads),
        vision_(checkpoint_.config().vision, weights_.vision, pool_),
        decoder_(checkpoint_.config().text, weights_.text, pool_) {}

  // The median of `repeat` requests, each of them whole; the first, which reads the weights from
  // disk, does not count.
  Figures run() {
    model::RequestSize size;
    size.context_tokens = flags_.prompt + visual_tokens() + flags_.answer;
    size.visual_tokens = visual_tokens();
    size.largest_slot = grid().rows * grid().cols;
    size.patch_bytes = grid().patches() * vision_.patch_width() * 4;
    model::check_request(checkpoint_.config(), size,
                         static_cast<int64_t>(checkpoint_.tensor_bytes()),
                         model::available_memory());
    std::vector<Figures> runs;
    for (int i = 0; i <= flags_.repeat; ++i) {
      throw_if_cancelled(interrupt_token());
      const Figures figures = request();
      if (i > 0) runs.push_back(figures);
    }
    const auto median = [&](double Figures::*member) {
      std::vector<double> values;
      values.reserve(runs.size());
      for (const Figures& f : runs) values.push_back(f.*member);
      std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
      return values[values.size() / 2];
    };
    return {median(&Figures::vision_tokens_per_second), median(&Figures::prefill_tokens_per_second),
            median(&Figures::decode_tokens_per_second), median(&Figures::first_answer_seconds)};
  }

  const checkpoint::Checkpoint& checkpoint() const { return checkpoint_; }
  int threads() const { return pool_.size(); }
  int64_t visual_tokens() const {
    const int64_t merge = checkpoint_.config().vision.spatial_merge_size;
    return grid().patches() / (merge * merge);
  }

 private:
  model::PatchGrid grid() const {
    const checkpoint::VisionConfig& config = checkpoint_.config().vision;
    const int64_t factor = config.patch_size * config.spatial_merge_size;
    const int64_t side = std::max<int64_t>(1, flags_.side / factor) * config.spatial_merge_size;
    return {flags_.slots, side, side};
  }

  Figures request() {
    Figures figures;
    const auto start = Clock::now();
    const model::PatchGrid g = grid();
    tensor::Tensor patches(tensor::DType::kF32, {g.patches(), vision_.patch_width()});
    for (size_t i = 0; i < patches.floats().size(); ++i) {
      patches.floats()[i] = static_cast<float>(i * 2654435761u >> 8 & 0xffff) / 32768.0f - 1.0f;
    }
    model::EncodeOptions encode;
    encode.cancel = interrupt_token();
    const auto before_vision = Clock::now();
    const model::VisionFeatures features =
        vision_.encode({patches.data<float>(), patches.dim(0), patches.dim(1)}, {&g, 1}, encode);
    figures.vision_tokens_per_second =
        static_cast<double>(visual_tokens()) / seconds_since(before_vision);

    // Text tokens, then the visual ones: the position ids do not change the cost.
    const int64_t total = flags_.prompt + visual_tokens();
    const auto vocabulary = static_cast<uint32_t>(decoder_.config().vocab_size);
    std::vector<int32_t> tokens(total);
    for (int64_t i = 0; i < total; ++i) {
      tokens[i] = static_cast<int32_t>(static_cast<uint32_t>(i) * 7919u % vocabulary);
    }
    model::PositionIds positions;
    model::append_positions(positions, total, {});
    const model::VisualRows rows{flags_.prompt, visual_tokens(), &features, 0};
    model::KvCache cache = decoder_.make_cache(total + flags_.answer);
    model::ForwardOptions forward;
    forward.cancel = interrupt_token();
    const auto before_prefill = Clock::now();
    const tensor::ConstMatrix logits =
        decoder_.forward({tokens, positions, {&rows, 1}}, cache, forward);
    figures.prefill_tokens_per_second = static_cast<double>(total) / seconds_since(before_prefill);

    model::GenerateOptions options;
    options.max_new_tokens = flags_.answer;
    options.cancel = interrupt_token();
    Clock::time_point first{};
    options.on_token = [&](const model::TokenChoice&) {
      if (first == Clock::time_point{}) first = Clock::now();
      return true;
    };
    model::generate(decoder_, cache, logits, positions.next, tokens, options);
    figures.first_answer_seconds = std::chrono::duration<double>(first - start).count();
    figures.decode_tokens_per_second = (flags_.answer - 1) / seconds_since(first);
    return figures;
  }

  const BenchFlags& flags_;
  checkpoint::Checkpoint checkpoint_;
  model::ModelWeights weights_;
  ThreadPool pool_;
  model::VisionEncoder vision_;
  model::Decoder decoder_;
};

int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

void print(const BenchFlags& flags, const Bench& bench, const Figures& figures,
           const std::string& name) {
  const OrderedJson json = {
      {"model", name},
      {"weights_bytes", bench.checkpoint().tensor_bytes()},
      {"threads", bench.threads()},
      {"instruction_set", std::string(kernels::isa_name(kernels::active_isa()))},
      {"vision_tokens", bench.visual_tokens()},
      {"prompt_tokens", flags.prompt + bench.visual_tokens()},
      {"generated_tokens", flags.answer},
      {"vision_tokens_per_second", figures.vision_tokens_per_second},
      {"prefill_tokens_per_second", figures.prefill_tokens_per_second},
      {"decode_tokens_per_second", figures.decode_tokens_per_second},
      {"first_answer_seconds", figures.first_answer_seconds},
      {"peak_memory_bytes", peak_memory()},
  };
  if (flags.json) {
    write_output(write_json(json, 2) + "\n");
    return;
  }
  std::string out =
      fmt::format("{}: {} weights, {} threads, {}\n", name,
                  model::bytes_text(static_cast<int64_t>(bench.checkpoint().tensor_bytes())),
                  bench.threads(), kernels::isa_name(kernels::active_isa()));
  const auto line = [&](const char* what, double value, const char* unit) {
    out += fmt::format("  {:<14} {:10.2f} {}\n", what, value, unit);
  };
  line("vision", figures.vision_tokens_per_second, "tokens/s");
  line("prefill", figures.prefill_tokens_per_second, "tokens/s");
  line("decode", figures.decode_tokens_per_second, "tokens/s");
  line("first answer", figures.first_answer_seconds, "s");
  out += fmt::format("  {:<14} {:>10} (mapped weights included)\n", "peak memory",
                     model::bytes_text(peak_memory()));
  write_output(out);
}

void measure(const BenchFlags& flags, const fs::path& directory, const std::string& name) {
  if (flags.reuse) {
    run_reuse_bench({name, directory, flags.threads, flags.seconds, flags.side, flags.answer,
                     flags.prefix_bits == 8, flags.json});
    return;
  }
  Bench run(directory, flags);
  const Figures figures = run.run();
  print(flags, run, figures, name);
}

void bench(const BenchFlags& flags) {
  if (flags.shape.empty()) {
    const fs::path directory = engine::find_model_directory(flags.directory);
    measure(flags, directory, directory.filename().string());
    return;
  }
  std::unique_ptr<TemporaryFolder> temporary;
  if (flags.keep.empty()) temporary = std::make_unique<TemporaryFolder>();
  const fs::path directory = temporary ? temporary->path() : fs::path(flags.keep);
  say("writing random weights of shape {} to {} ..."_text(flags.shape, directory.string()));
  engine::write_random_checkpoint(flags.shape, directory, 1, interrupt_token());
  if (flags.reuse) lend_tokenizer(directory);
  measure(flags, directory, flags.shape + " (random)");
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand("bench", "Measure how fast a checkpoint runs here");
  command->footer(kBenchFooter);
  auto* directory = command->add_option("DIR", flags->directory, "Checkpoint directory");
  command->add_option("--shape", flags->shape, "Random weights of this published size instead")
      ->check(CLI::IsMember(engine::random_shape_names()))
      ->excludes(directory);
  command->add_option("--keep", flags->keep, "Write the random checkpoint here and keep it")
      ->type_name("DIR");
  command->add_option("--prompt", flags->prompt, "Text tokens of the prompt")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--answer", flags->answer, "Tokens to generate")
      ->check(CLI::Range(2, 1 << 16))
      ->capture_default_str();
  command->add_option("--slots", flags->slots, "Temporal slots (pairs of frames) to encode")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--side", flags->side, "Side of a frame in pixels")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--repeat", flags->repeat, "Measured runs; the median is printed")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command->add_option("--threads", flags->threads, "Threads that compute; 0 is one for each core")
      ->check(CLI::Range(0, 1024));
  auto* reuse = command->add_flag(
      "--reuse", flags->reuse,
      "Ask about a clip instead: a question, another one, and one after a restart");
  command->add_option("--seconds", flags->seconds, "Length of that clip, looked at once a second")
      ->check(CLI::Range(4, 600))
      ->capture_default_str()
      ->needs(reuse);
  command->add_option("--prefix-bits", flags->prefix_bits, "Bits of a kept key or value")
      ->check(CLI::IsMember({8, 32}))
      ->capture_default_str()
      ->needs(reuse);
  command->add_flag("--json", flags->json, "Print JSON");
  command->callback([flags] { bench(*flags); });
}

}  // namespace shijian::app
