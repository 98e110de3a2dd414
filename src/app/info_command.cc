#include "app/info_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/fact_table.h"
#include "app/flags.h"
#include "app/interrupt.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"
#include "base/time_code.h"
#include "checkpoint/checkpoint.h"
#include "i18n/translate.h"
#include "kernels/isa.h"
#include "model/kv_cache.h"
#include "model/memory.h"
#include "video/edit_rate.h"
#include "video/image.h"
#include "video/probe.h"
#include "video/sandbox.h"

namespace shijian::app {
namespace {

constexpr const char* kInfoFooter = R"(
Examples:
  shijian info                       this machine: cores, memory, instruction sets, the model
  shijian info clip.mp4              frame rate, duration, rotation, tracks
  shijian info models/nano --json    sizes, element types, memory)";

OrderedJson video_facts(const std::string& path, int stream) {
  const video::VideoInfo info = video::probe(path, interrupt_token(), stream);
  const EditRate rate = video::edit_rate(info);
  OrderedJson facts = {
      {"kind", "video"},
      {"path", path},
      {"container", info.container},
      {"stream", info.stream},
      {"codec", info.codec},
      {"width", info.width},
      {"height", info.height},
      {"coded_width", info.coded_width},
      {"coded_height", info.coded_height},
      {"rotation", info.rotation},
      {"mirrored", info.mirrored},
      {"sample_aspect", fmt::format("{}:{}", info.sample_aspect.num, info.sample_aspect.den)},
      {"frame_rate", info.frame_rate.value()},
      {"frame_rate_exact", fmt::format("{}/{}", info.frame_rate.num, info.frame_rate.den)},
      {"variable_rate", info.variable_rate},
      {"frames", info.frame_count},
      {"key_frames", info.key_frames.size()},
      {"duration", thousandths(info.duration)},
      {"duration_text", format_time(info.duration, TimeFormat::kHoursMillis)},
      {"start", thousandths(info.start_time)},
      {"pixel_format", info.pixel_format},
      {"bit_depth", info.bit_depth},
      {"color_range", info.color_range},
      {"color_matrix", info.color_matrix},
      {"color_transfer", info.color_transfer},
  };
  facts["edit_rate"] = fmt::format("{}/{}", rate.num, rate.den);
  facts["start_timecode"] = nullptr;
  if (!info.start_timecode.empty()) facts["start_timecode"] = info.start_timecode;
  OrderedJson tracks = OrderedJson::array();
  for (const video::Track& track : info.tracks) {
    OrderedJson json = {{"index", track.index},
                        {"type", track.type},
                        {"codec", track.codec},
                        {"language", track.language}};
    if (track.type == "video") json["size"] = fmt::format("{}x{}", track.width, track.height);
    if (track.programme != 0) json["programme"] = fmt::format("programme {}", track.programme);
    if (!track.title.empty()) json["title"] = track.title;
    tracks.push_back(std::move(json));
  }
  facts["tracks"] = std::move(tracks);
  facts["notes"] = OrderedJson::array();
  for (const Text& note : info.notes) {
    facts["notes"].push_back(i18n::translate(note, i18n::reader_language()));
  }
  return facts;
}

OrderedJson image_facts(const std::string& path) {
  const video::StillImage image = video::load_image(path);
  return {{"kind", "image"},
          {"path", path},
          {"format", image.format},
          {"width", image.rgb.dim(1)},
          {"height", image.rgb.dim(0)}};
}

OrderedJson checkpoint_facts(const std::string& path) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(path);
  const checkpoint::ModelConfig& config = checkpoint.config();
  const checkpoint::TextConfig& text = config.text;
  const checkpoint::VisionConfig& vision = config.vision;
  OrderedJson types = OrderedJson::object();
  int64_t parameters = 0;
  for (const auto& [dtype, bytes] : checkpoint.bytes_by_dtype()) {
    types[std::string(tensor::dtype_name(dtype))] = bytes;
    parameters += static_cast<int64_t>(bytes / tensor::dtype_size(dtype));
  }
  const int64_t kv_token =
      model::KvCache::bytes_for(text.num_layers, text.num_kv_heads * text.head_dim, 1);
  OrderedJson facts = {
      {"kind", "checkpoint"},
      {"path", path},
      {"model_type", config.model_type},
      {"transformers_version", config.transformers_version},
      {"parameters", parameters},
      {"bytes", checkpoint.tensor_bytes()},
      {"bytes_by_type", std::move(types)},
      {"files", checkpoint.files().size()},
      {"identity", checkpoint.identity()},
      {"text",
       {{"hidden", text.hidden_size},
        {"layers", text.num_layers},
        {"heads", text.num_heads},
        {"kv_heads", text.num_kv_heads},
        {"head_dim", text.head_dim},
        {"ffn", text.intermediate_size},
        {"experts", text.moe.num_experts},
        {"experts_used", text.moe.experts_per_token},
        {"vocabulary", text.vocab_size},
        {"max_positions", text.max_position_embeddings},
        {"rope_theta", text.rope.theta},
        {"yarn_factor", text.rope.type == checkpoint::RopeType::kYarn ? text.rope.factor : 1.0},
        {"tied", text.tie_word_embeddings}}},
      {"vision",
       {{"depth", vision.depth},
        {"hidden", vision.hidden_size},
        {"heads", vision.num_heads},
        {"ffn", vision.intermediate_size},
        {"patch", vision.patch_size},
        {"deepstack", vision.deepstack_visual_indexes}}},
      {"memory",
       {{"weights_bytes", checkpoint.tensor_bytes()},
        {"kv_bytes_per_token", kv_token},
        {"kv_bytes_at_32768_tokens", kv_token * 32768},
        {"available_bytes", model::available_memory()}}},
  };
  return facts;
}

OrderedJson machine_facts() {
  OrderedJson isas = OrderedJson::array();
  for (auto isa : {kernels::Isa::kScalar, kernels::Isa::kAvx2, kernels::Isa::kAvx512}) {
    if (kernels::isa_supported(isa)) isas.push_back(std::string(kernels::isa_name(isa)));
  }
  OrderedJson facts = {
      {"kind", "machine"},
      {"cores", available_cores()},
      {"memory_available_bytes", model::available_memory()},
      {"instruction_sets", std::move(isas)},
      {"instruction_set_used", std::string(kernels::isa_name(kernels::active_isa()))},
  };
  try {
    facts["model"] = engine::find_model_directory("").string();
  } catch (const Error& error) {
    facts["model"] = nullptr;
  }
  return facts;
}

// Facts of a path by what lies there: a directory is a checkpoint, a file an image or a video.
OrderedJson facts_of(const std::string& path, int stream) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return checkpoint_facts(path);
  require_regular_file(path, "file"_text);
  video::start_decode_sandbox();
  return video::is_still_image(path) ? image_facts(path) : video_facts(path, stream);
}

void info(const std::vector<std::string>& paths, int stream, bool as_json) {
  std::vector<OrderedJson> all;
  all.reserve(paths.size() + 1);
  for (const std::string& path : paths) all.push_back(facts_of(path, stream));
  if (paths.empty()) all.push_back(machine_facts());
  std::string out;
  if (as_json) {
    out = write_json(all.size() == 1 ? all.front() : OrderedJson(all), 2) + "\n";
  } else {
    for (const OrderedJson& facts : all) out += (out.empty() ? "" : "\n") + fact_table(facts);
  }
  write_output(out);
}

}  // namespace

void add_info_command(CLI::App& app) {
  struct Flags {
    std::vector<std::string> paths;
    int stream = video::kMainStream;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("info", "Say what a video, an image, a checkpoint or this machine is");
  command->footer(kInfoFooter);
  command->add_option("PATH", flags->paths, "Video, image or checkpoint directory");
  command->add_flag("--json", flags->json, "Print JSON");
  command->add_option("--stream", flags->stream, "Of a file with several: this video stream")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->callback([flags] { info(flags->paths, flags->stream, flags->json); });
}

}  // namespace shijian::app
