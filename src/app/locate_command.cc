#include "app/locate_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/flags.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text_file.h"
#include "exchange/formats.h"
#include "picture/filmstrip.h"
#include "video/sandbox.h"

namespace shijian::app {
namespace {

constexpr const char* kLocateFooter = R"(
Examples:
  shijian locate game.mp4 "When does the ball go in?"
  shijian locate lecture.mkv -q "写公式" -q "擦黑板" --format srt > notes.srt
  shijian locate yard.mp4 "a person enters" --from 10:00 --to 12:00 --fps 4 --format json
  shijian locate clip.mp4 "When is the red circle visible?" --picture answer.png)";

struct LocateFlags {
  std::string video;
  std::string question;
  std::vector<std::string> more_questions;
  std::string questions_file;
  std::string prompt_style = "auto";
  std::string format = "text";
  std::string time_format = "HH:MM:SS.sss";
  std::string output;
  std::string picture;
  bool quiet = false;
  ModelFlags model;
  SamplingFlags sampling;
  EffortFlags effort;
  bool why = false;
  bool free_text = false;
  GenerationFlags generation;
  DumpFlag dump;

  std::vector<std::string> questions() const;
};

std::vector<std::string> LocateFlags::questions() const {
  std::vector<std::string> all;
  if (!question.empty()) all.push_back(question);
  all.insert(all.end(), more_questions.begin(), more_questions.end());
  if (!questions_file.empty()) {
    constexpr size_t kMaxBytes = size_t{16} << 20;
    const std::vector<std::string> lines = filled_lines(read_text_file(questions_file, kMaxBytes));
    all.insert(all.end(), lines.begin(), lines.end());
  }
  for (std::string& one : all) one = without_bom(one);
  if (all.empty()) {
    throw Error(ErrorCode::kUsage, "locate: no question was asked"_text,
                "say what to look for: shijian locate VIDEO \"when does the dog jump?\""_text);
  }
  return all;
}

void locate(LocateFlags& flags) {
  engine::LocateRequest request;
  request.video = flags.video;
  request.questions = flags.questions();
  request.sampling = flags.sampling.request();
  flags.effort.set(request);
  request.why = flags.why;
  request.free_text = flags.free_text;
  request.generation = flags.generation.values;
  if (flags.prompt_style != "auto")
    request.prompt_style = grounding::parse_prompt_style(flags.prompt_style);
  request.keep_frames = !flags.picture.empty();
  const exchange::ExportFormat& format = *exchange::find_export_format(flags.format);
  const exchange::ExportOptions output{*parse_time_format(flags.time_format),
                                       std::filesystem::current_path()};
  if (!flags.picture.empty() && request.questions.size() > 1) {
    throw Error(ErrorCode::kUsage,
                "--picture draws one answer, and several questions were asked"_text,
                "ask one question, or leave --picture out"_text);
  }

  if (flags.dump.recorder() != nullptr && request.questions.size() > 1) {
    throw Error(ErrorCode::kUsage, "--dump records one run, and several questions were asked"_text,
                "ask one question, or leave --dump out"_text);
  }

  require_regular_file(request.video, "video"_text);
  Outputs outputs;
  OutputFile* const answer_file = outputs.open(flags.output);
  OutputFile* const picture = outputs.open(flags.picture);
  flags.dump.open(outputs);
  video::start_decode_sandbox();
  engine::Engine engine(flags.model.engine_options());
  if (!flags.quiet) warn_of_memory(engine);
  ProgressLine progress(!flags.quiet);
  engine::RunHooks hooks;
  hooks.cancel = interrupt_token();
  hooks.progress = [&](const engine::Progress& p) { progress.show(p); };
  hooks.stages = flags.dump.recorder();
  const engine::LocateResult result = engine.locate(request, hooks);
  progress.finish();
  if (!flags.quiet) warn_of_cache(engine);

  flags.dump.write();
  if (picture != nullptr) {
    picture->write(picture::draw_filmstrip(result.answers.front(),
                                           {&result.media.frames.rgb, result.media.frames.times},
                                           output.time_format));
  }
  write_output(exchange::write_export(format, result.answers, output), answer_file);
  outputs.commit();
  if (format.shows_notes) return;
  for (const grounding::Answer& answer : result.answers) print_notes(answer.notes, answer.language);
}

}  // namespace

void add_locate_command(CLI::App& app) {
  auto flags = std::make_shared<LocateFlags>();
  CLI::App* command = app.add_subcommand("locate", "Find when something happens in a video");
  command->footer(kLocateFooter);
  command->add_option("VIDEO", flags->video, "Video file")->required();
  command->add_option("QUESTION", flags->question, "What to look for, in plain words");
  command->add_option("-q,--question", flags->more_questions,
                      "A further question; questions share decoding, encoding and prefix");
  command->add_option("--questions", flags->questions_file, "A file with one question a line")
      ->type_name("FILE");
  command
      ->add_option("--prompt-style", flags->prompt_style,
                   "Wording that the checkpoint was trained on")
      ->check(CLI::IsMember({"auto", "qwen", "timelens", "timelens2"}))
      ->capture_default_str();
  command->add_flag(
      "--free-text", flags->free_text,
      "Let the model answer in any words; else times of the video are all it can name");
  flags->model.add_to(*command);
  flags->sampling.add_to(*command);
  flags->effort.add_to(*command);
  flags->generation.add_to(*command, true);
  const char* group = "Output";
  command->add_option("--format", flags->format, "Output format")
      ->check(CLI::IsMember(exchange::export_format_names()))
      ->capture_default_str()
      ->group(group);
  command->add_option("--time-format", flags->time_format, "How times are written")
      ->check(CLI::IsMember({"HH:MM:SS.sss", "MM:SS.ff", "seconds", "frames"}))
      ->capture_default_str()
      ->group(group);
  command->add_option("-o,--output", flags->output, "Write the answer to this file")
      ->type_name("FILE")
      ->group(group);
  command
      ->add_option("--picture", flags->picture,
                   "Draw frames, time line and events to this PNG file")
      ->type_name("FILE")
      ->group(group);
  command->add_flag("--why", flags->why, "Add a reason: what the model saw, else what was measured")
      ->group(group);
  command->add_flag("--quiet", flags->quiet, "Show no progress")->group(group);
  flags->dump.add_to(*command);
  command->callback([flags] { locate(*flags); });
}

}  // namespace shijian::app
