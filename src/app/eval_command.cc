#include "app/eval_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "app/flags.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "eval/annotations.h"
#include "eval/report.h"
#include "eval/runner.h"

namespace shijian::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEvalFooter = R"(
Examples:
  shijian synth --out held --count 300 --seed 7 --seconds 10-30 --split heldout
  shijian eval --dataset synth held --json held.json
  shijian eval --dataset charades charades_sta_test.txt --videos Charades_v1 --limit 100

With --json, answers are kept beside the report as they come, in FILE.rows.jsonl: the same command
goes on where it stopped.)";

struct EvalFlags {
  std::string dataset;
  std::string path;
  std::string videos;
  std::string json;
  std::string kinds;
  std::string prompt_style = "auto";
  size_t limit = 0;
  bool quiet = false;
  ModelFlags model;
  SamplingFlags sampling;
  EffortFlags effort;
};

void evaluate(const EvalFlags& flags) {
  const eval::Dataset dataset = *eval::parse_dataset(flags.dataset);
  std::vector<eval::EvalItem> items = eval::read_annotations(dataset, flags.path);
  if (!flags.kinds.empty()) items = eval::keep_kinds(std::move(items), flags.kinds);
  if (flags.limit > 0 && items.size() > flags.limit) items.resize(flags.limit);

  engine::Engine engine(flags.model.engine_options());
  if (!flags.quiet) warn_of_memory(engine);
  engine::LocateRequest request;
  request.sampling = flags.sampling.request();
  flags.effort.set(request);
  if (flags.prompt_style != "auto")
    request.prompt_style = grounding::parse_prompt_style(flags.prompt_style);
  engine::RunHooks hooks;
  hooks.cancel = interrupt_token();
  const eval::AnswerVideo answer = [&](const fs::path& video,
                                       std::span<const eval::EvalItem* const> asked) {
    request.video = video;
    request.questions.clear();
    for (const eval::EvalItem* item : asked) request.questions.push_back(item->query);
    return engine.locate(request, hooks).answers;
  };

  ProgressLine line(!flags.quiet);
  eval::EvalOptions options;
  options.videos = flags.videos.empty() ? eval::folder_of(flags.path) : fs::path(flags.videos);
  std::error_code ignored;
  options.run_name = fmt::format(
      "{} {} {} {} {} reference={} {} {}", engine.model_name(), engine.checkpoint().identity(),
      flags.prompt_style, flags.sampling.describe(), flags.effort.describe(), flags.model.reference,
      flags.dataset, fs::weakly_canonical(flags.path, ignored).string());
  if (!flags.json.empty()) options.rows = flags.json + ".rows.jsonl";
  options.cancel = hooks.cancel;
  options.progress = [&](size_t done, size_t total, double) {
    line.show({"questions", static_cast<int64_t>(done), static_cast<int64_t>(total), {}});
  };
  const std::vector<eval::EvalResult> results = eval::run_eval(items, answer, options);
  line.finish();
  if (!flags.quiet) warn_of_cache(engine);

  eval::EvalReport report = eval::make_report(results);
  report.dataset = flags.dataset;
  report.annotations = flags.path;
  report.model = engine.model_name();
  if (!flags.json.empty())
    write_file_atomic(flags.json, write_json(eval::report_json(report), 2) + "\n");
  write_output(eval::report_table(report));
}

}  // namespace

void add_eval_command(CLI::App& app) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = app.add_subcommand("eval", "Score a model on annotated videos");
  command->footer(kEvalFooter);
  command->add_option("--dataset", flags->dataset, "Whose annotations")
      ->check(CLI::IsMember({"synth", "charades", "activitynet", "qvhighlights", "timelens"}))
      ->required();
  command->add_option("PATH", flags->path, "Annotation file, or the folder that synth wrote")
      ->required();
  command->add_option("--videos", flags->videos, "Folder of the video files")->type_name("DIR");
  command->add_option("--limit", flags->limit, "Ask only the first N questions");
  command->add_option("--kinds", flags->kinds, "Only these kinds: visible,appear,...");
  command->add_option("--json", flags->json, "Write the report here")->type_name("FILE");
  command
      ->add_option("--prompt-style", flags->prompt_style,
                   "Wording that the checkpoint was trained on")
      ->check(CLI::IsMember({"auto", "qwen", "timelens", "timelens2"}))
      ->capture_default_str();
  command->add_flag("--quiet", flags->quiet, "Show no progress");
  flags->model.add_to(*command);
  flags->sampling.add_to(*command);
  flags->effort.add_to(*command);
  command->callback([flags] { evaluate(*flags); });
}

}  // namespace shijian::app
