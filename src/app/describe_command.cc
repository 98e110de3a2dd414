#include "app/describe_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/flags.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text_file.h"
#include "engine/chat_parts.h"
#include "engine/description_json.h"
#include "video/sandbox.h"

namespace shijian::app {
namespace {

constexpr const char* kDescribeFooter = R"(
Examples:
  shijian describe clip.mp4 -p "Describe what happens."
  shijian describe before.png after.png -p "What changed?"
  shijian describe a.mp4 b.mp4 -p "First <video> then <video>: which one is faster?"
  shijian describe -p "Tell me a joke" --temperature 0.7)";

struct DescribeFlags {
  std::vector<std::string> files;
  std::string prompt;
  std::string system;
  std::string tools_file;
  std::string format = "text";
  std::string output;
  bool quiet = false;
  ModelFlags model;
  SamplingFlags sampling;
  GenerationFlags generation;
  DumpFlag dump;
};

// By content: what the image decoder knows is an image, everything else is tried as a video.
engine::MediaFile media_file(const std::string& path) {
  require_regular_file(path, "media file"_text);
  return {path, video::is_still_image(path)};
}

void describe(DescribeFlags& flags) {
  engine::DescribeRequest request;
  for (const std::string& file : flags.files) request.media.push_back(media_file(file));
  request.messages = engine::one_turn(std::string(without_bom(flags.system)),
                                      std::string(without_bom(flags.prompt)), request.media);
  if (!flags.tools_file.empty()) {
    request.tools = engine::split_tools(read_text_file(flags.tools_file, size_t{1} << 20));
  }
  request.sampling = flags.sampling.request();
  request.generation = flags.generation.values;

  Outputs outputs;
  OutputFile* const answer_file = outputs.open(flags.output);
  flags.dump.open(outputs);
  video::start_decode_sandbox();
  engine::Engine engine(flags.model.engine_options());
  if (!flags.quiet) warn_of_memory(engine);
  const bool stream = flags.format == "text" && flags.output.empty();
  ProgressLine progress(!flags.quiet);
  engine::RunHooks hooks;
  hooks.cancel = interrupt_token();
  hooks.stages = flags.dump.recorder();
  hooks.progress = [&](const engine::Progress& p) {
    if (p.stage != "answering" || !stream) {
      progress.show(p);
      return;
    }
    progress.finish();
    write_output(std::string(p.text));
  };
  const engine::Description result = engine.describe(request, hooks);
  progress.finish();
  if (!flags.quiet) warn_of_cache(engine);
  flags.dump.write();
  if (stream) {
    write_output("\n");
  } else if (flags.format == "text") {
    write_output(result.response + "\n", answer_file);
  } else {
    write_output(write_json(engine::description_json(result, engine.model_name()), 2) + "\n",
                 answer_file);
  }
  outputs.commit();
  if (flags.format == "text") print_notes(result.notes, result.language);
}

}  // namespace

void add_describe_command(CLI::App& app) {
  auto flags = std::make_shared<DescribeFlags>();
  CLI::App* command = app.add_subcommand("describe", "Ask anything about videos and images");
  command->footer(kDescribeFooter);
  command->add_option("FILE", flags->files, "Videos and images, shown in this order");
  command->add_option("-p,--prompt", flags->prompt, "The question or instruction")->required();
  command->add_option("--system", flags->system, "A system message");
  command
      ->add_option("--tools", flags->tools_file,
                   "A file with a JSON array of function signatures that the model may call")
      ->type_name("FILE");
  flags->model.add_to(*command);
  flags->sampling.add_to(*command);
  flags->generation.add_to(*command, false);
  command->add_option("--format", flags->format, "Output format")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str()
      ->group("Output");
  command->add_option("-o,--output", flags->output, "Write the answer to this file")
      ->type_name("FILE")
      ->group("Output");
  command->add_flag("--quiet", flags->quiet, "Show no progress")->group("Output");
  flags->dump.add_to(*command);
  command->callback([flags] { describe(*flags); });
}

}  // namespace shijian::app
