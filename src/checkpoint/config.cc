#include "checkpoint/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "checkpoint/config_fields.h"

namespace shijian::checkpoint {
namespace {

// Larger than any model of the family by a wide margin, small enough that products of two of
// them stay far inside int64.
constexpr int64_t kMaxWidth = int64_t{1} << 20;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxHeads = 4096;
constexpr int64_t kMaxVocab = int64_t{1} << 24;
constexpr int64_t kMaxPositions = int64_t{1} << 30;
constexpr int64_t kMaxPixels = int64_t{1} << 40;

// Where the references' defaults for an absent key come from: the two families differ.
struct TextDefaults {
  int64_t hidden_size, intermediate_size, num_layers, num_heads, num_kv_heads;
};
constexpr TextDefaults kDense{4096, 22016, 32, 32, 32};
constexpr TextDefaults kMoe{2048, 5632, 24, 16, 16};

RopeConfig read_rope(const ConfigFields& text, int64_t max_positions) {
  const auto scaling = text.object("rope_scaling");
  const auto parameters = text.object("rope_parameters");
  if (scaling && parameters && *text.find("rope_scaling") != *text.find("rope_parameters")) {
    text.fail("rope_parameters", "and rope_scaling are both present and differ"_text);
  }
  const std::optional<ConfigFields>& rope = parameters ? parameters : scaling;

  constexpr double kMaxTheta = 1e12;
  const auto beside = text.maybe_number("rope_theta", 1, kMaxTheta);
  const auto inside = rope ? rope->maybe_number("rope_theta", 1, kMaxTheta) : std::nullopt;
  if (!beside && !inside) {
    text.fail("rope_theta", "is missing (inside rope_parameters or beside it)"_text);
  }
  if (beside && inside && *beside != *inside) {
    text.fail("rope_theta", "is {}, but {} inside the rope settings"_text(*beside, *inside));
  }
  RopeConfig out;
  out.theta = inside ? *inside : *beside;
  if (!rope) return out;

  const std::string type = rope->text("rope_type", rope->text("type", "default"));
  if (type != "default" && type != "yarn") {
    rope->unsupported("rope_type", "is \"{}\"; known are default and yarn"_text(type));
  }
  if (const auto section = rope->integers("mrope_section", 0, kMaxWidth, 3)) {
    if (section->size() != 3) rope->fail("mrope_section", "has not 3 entries"_text);
    std::copy(section->begin(), section->end(), out.mrope_section.begin());
  }
  if (!rope->boolean("mrope_interleaved", true)) {
    rope->unsupported("mrope_interleaved", "is false; this family interleaves"_text);
  }
  if (rope->number("partial_rotary_factor", 0, 1, 1.0) != 1 ||
      text.number("partial_rotary_factor", 0, 1, 1.0) != 1) {
    text.unsupported("partial_rotary_factor", "is not 1"_text);
  }
  if (type == "default") return out;

  out.type = RopeType::kYarn;
  out.factor = rope->number("factor", 1, 1e4);
  out.original_max_position =
      rope->integer("original_max_position_embeddings", 1, kMaxPositions, max_positions);
  out.beta_fast = rope->number("beta_fast", 1e-6, 1e6, 32.0);
  out.beta_slow = rope->number("beta_slow", 1e-6, 1e6, 1.0);
  if (out.beta_fast < out.beta_slow) rope->fail("beta_fast", "is below beta_slow"_text);
  out.truncate = rope->boolean("truncate", true);
  const auto scale = [&](double mscale) {
    return out.factor <= 1 ? 1.0 : 0.1 * mscale * std::log(out.factor) + 1.0;
  };
  const double mscale = rope->number("mscale", 0, 1e3, 0.0);
  const double mscale_all_dim = rope->number("mscale_all_dim", 0, 1e3, 0.0);
  const double implied =
      mscale != 0 && mscale_all_dim != 0 ? scale(mscale) / scale(mscale_all_dim) : scale(1);
  out.attention_factor = rope->number("attention_factor", 0, 1e3, implied);
  return out;
}

MoeConfig read_moe(const ConfigFields& text, int64_t num_layers) {
  MoeConfig out;
  // 5.x saves the number under its own name for it.
  const char* key = text.has("num_experts") ? "num_experts" : "num_local_experts";
  out.num_experts = text.integer(key, 1, 65536, 60);
  out.experts_per_token = text.integer("num_experts_per_tok", 1, out.num_experts, 4);
  out.intermediate_size = text.integer("moe_intermediate_size", 1, kMaxWidth, 1408);
  out.norm_topk_prob = text.boolean("norm_topk_prob", true);
  if (!out.norm_topk_prob) {
    text.unsupported("norm_topk_prob", "is false; this family normalises the expert weights"_text);
  }
  out.sparse_step = text.integer("decoder_sparse_step", 1, kMaxLayers, 1);
  if (auto layers = text.integers("mlp_only_layers", 0, num_layers - 1, kMaxLayers)) {
    out.mlp_only_layers = std::move(*layers);
  }
  return out;
}

TextConfig read_text(const ConfigFields& text, bool moe) {
  const TextDefaults& defaults = moe ? kMoe : kDense;
  TextConfig out;
  out.hidden_size = text.integer("hidden_size", 1, kMaxWidth, defaults.hidden_size);
  out.intermediate_size =
      text.integer("intermediate_size", 1, kMaxWidth, defaults.intermediate_size);
  out.num_layers = text.integer("num_hidden_layers", 1, kMaxLayers, defaults.num_layers);
  out.num_heads = text.integer("num_attention_heads", 1, kMaxHeads, defaults.num_heads);
  // An explicit null means as many as there are heads, an absent key the family's default.
  constexpr std::string_view kKvHeads = "num_key_value_heads";
  out.num_kv_heads = text.integer(kKvHeads, 1, kMaxHeads,
                                  text.mentions(kKvHeads) ? out.num_heads : defaults.num_kv_heads);
  if (out.num_heads % out.num_kv_heads != 0) {
    text.fail(kKvHeads, "is {}, which does not divide {} attention heads"_text(out.num_kv_heads,
                                                                               out.num_heads));
  }
  out.head_dim =
      text.integer("head_dim", 2, 4096, moe ? out.hidden_size / out.num_heads : int64_t{128});
  if (out.head_dim < 2 || out.head_dim % 2 != 0) {
    text.fail("head_dim", "is {}, expected an even number"_text(out.head_dim));
  }
  out.vocab_size = text.integer("vocab_size", 1, kMaxVocab, 151936);
  out.rms_norm_eps = text.number("rms_norm_eps", 1e-12, 0.1, 1e-6);
  out.max_position_embeddings = text.integer("max_position_embeddings", 1, kMaxPositions, 128000);
  const std::string act = text.text("hidden_act", "silu");
  if (act != "silu") text.unsupported("hidden_act", "is \"{}\", expected silu"_text(act));
  if (text.boolean("attention_bias", false)) {
    text.unsupported("attention_bias", "is true; this family has none"_text);
  }
  out.rope = read_rope(text, out.max_position_embeddings);
  if (moe) out.moe = read_moe(text, out.num_layers);
  return out;
}

VisionConfig read_vision(const ConfigFields& vision) {
  VisionConfig out;
  out.depth = vision.integer("depth", 1, kMaxLayers, 27);
  out.hidden_size = vision.integer("hidden_size", 1, kMaxWidth, 1152);
  out.num_heads = vision.integer("num_heads", 1, kMaxHeads, 16);
  if (out.hidden_size % (out.num_heads * 4) != 0) {
    vision.fail("hidden_size",
                "is {}, not a multiple of 4 times {} heads"_text(out.hidden_size, out.num_heads));
  }
  out.intermediate_size = vision.integer("intermediate_size", 1, kMaxWidth, 4304);
  out.patch_size = vision.integer("patch_size", 1, 256, 16);
  out.temporal_patch_size = vision.integer("temporal_patch_size", 1, 16, 2);
  out.spatial_merge_size = vision.integer("spatial_merge_size", 1, 16, 2);
  out.in_channels = vision.integer("in_channels", 3, 3, 3);
  out.out_hidden_size = vision.integer("out_hidden_size", 1, kMaxWidth, 3584);
  out.num_position_embeddings = vision.integer("num_position_embeddings", 1, kMaxWidth, 2304);
  out.position_side = std::llround(std::sqrt(static_cast<double>(out.num_position_embeddings)));
  if (out.position_side * out.position_side != out.num_position_embeddings) {
    vision.fail("num_position_embeddings",
                "is {}, not a square number"_text(out.num_position_embeddings));
  }
  constexpr std::string_view kIndexes = "deepstack_visual_indexes";
  out.deepstack_visual_indexes = vision.integers(kIndexes, 0, out.depth - 1, kMaxLayers)
                                     .value_or(std::vector<int64_t>{8, 16, 24});
  int64_t previous = -1;
  for (int64_t index : out.deepstack_visual_indexes) {
    if (index <= previous || index >= out.depth) {
      vision.fail(kIndexes,
                  "names block {} after block {}, expected ascending indexes "
                  "below depth {}"_text(index, previous, out.depth));
    }
    previous = index;
  }
  out.hidden_act = vision.text("hidden_act", "gelu_pytorch_tanh");
  if (out.hidden_act != "gelu_pytorch_tanh") {
    vision.unsupported("hidden_act", "is \"{}\", expected gelu_pytorch_tanh"_text(out.hidden_act));
  }
  return out;
}

std::vector<int32_t> read_token_list(const ConfigFields& fields, std::string_view key) {
  const Json* value = fields.find(key);
  if (value == nullptr) return {};
  std::vector<int32_t> out;
  if (value->is_array()) {
    const auto ids = fields.integers(key, 0, kMaxVocab, 256);
    for (int64_t id : *ids) {
      out.push_back(static_cast<int32_t>(id));
    }
  } else {
    out.push_back(static_cast<int32_t>(fields.integer(key, 0, kMaxVocab)));
  }
  return out;
}

std::optional<int32_t> read_maybe_token(const ConfigFields& fields, std::string_view key) {
  const auto id = fields.maybe_integer(key, 0, kMaxVocab);
  return id ? std::optional<int32_t>(static_cast<int32_t>(*id)) : std::nullopt;
}

// 4.57 obeys text_config's flag and 5.x the one beside it; each saves what it obeys. A file of
// unknown origin has to say the same in both readings.
bool read_tied(const ConfigFields& top, const ConfigFields& text, const std::string& version) {
  const bool by_text = text.boolean("tie_word_embeddings", false);
  const bool by_top = top.boolean("tie_word_embeddings", false);
  if (by_text == by_top) return by_top;
  if (version.starts_with("4.")) return by_text;
  if (!version.empty() && version[0] >= '5' && version[0] <= '9') return by_top;
  top.fail("tie_word_embeddings",
           "is {}, but {} in text_config, and transformers_version does not decide"_text(by_top,
                                                                                         by_text));
}

void check_edges(const ConfigFields& fields, const ImageProcessorConfig& out) {
  if (out.shortest_edge > out.longest_edge) {
    fields.fail("size", "asks for at least {} and at most {} pixels"_text(out.shortest_edge,
                                                                          out.longest_edge));
  }
}

// What the processors of images and videos share.
void read_image_fields(const ConfigFields& fields, ImageProcessorConfig& out) {
  if (const auto size = fields.object("size")) {
    out.shortest_edge = size->integer("shortest_edge", 1, kMaxPixels);
    out.longest_edge = size->integer("longest_edge", 1, kMaxPixels);
  }
  out.patch_size = fields.integer("patch_size", 1, 256, out.patch_size);
  out.temporal_patch_size = fields.integer("temporal_patch_size", 1, 16, out.temporal_patch_size);
  out.merge_size = fields.integer("merge_size", 1, 16, out.merge_size);
  constexpr int64_t kBicubic = 3;
  if (fields.integer("resample", 0, 5, kBicubic) != kBicubic) {
    fields.unsupported("resample", "is not 3 (bicubic)"_text);
  }
  if (!fields.boolean("do_resize", true)) fields.unsupported("do_resize", "is false"_text);
  out.do_rescale = fields.boolean("do_rescale", true);
  out.do_normalize = fields.boolean("do_normalize", true);
  out.rescale_factor = fields.number("rescale_factor", 1e-9, 1e3, 1.0 / 255);
  for (auto [key, low, channels] :
       {std::tuple{"image_mean", -1e6, &out.mean}, std::tuple{"image_std", 1e-9, &out.std}}) {
    const auto values = fields.numbers(key, low, 1e6, 3);
    if (!values) continue;
    if (values->size() != 3) fields.fail(key, "has not 3 entries"_text);
    std::copy(values->begin(), values->end(), channels->begin());
  }
}

}  // namespace

bool TextConfig::is_sparse_layer(int64_t layer) const {
  if (moe.num_experts == 0) return false;
  const auto& dense = moe.mlp_only_layers;
  return std::find(dense.begin(), dense.end(), layer) == dense.end() &&
         (layer + 1) % moe.sparse_step == 0;
}

ModelConfig parse_model_config(std::string_view json, std::string_view file) {
  const Json root = parse_json(json, file);
  const ConfigFields top(root, file);
  ModelConfig out;
  out.model_type = top.text("model_type", "");
  const bool moe = out.model_type == "qwen3_vl_moe";
  if (!moe && out.model_type != "qwen3_vl") {
    throw Error(
        ErrorCode::kUnsupported,
        "read {}: model_type is \"{}\", which this program does not run"_text(file, out.model_type),
        "use a Qwen3-VL checkpoint (model_type qwen3_vl or qwen3_vl_moe)"_text);
  }
  if (const auto quantised = top.object("quantization_config")) {
    throw Error(ErrorCode::kUnsupported,
                "read {}: the weights are quantised (quant_method \"{}\")"_text(
                    file, quantised->text("quant_method", "unknown")),
                "use the BF16, F16 or F32 checkpoint of this model"_text);
  }
  out.transformers_version = top.text("transformers_version", "");
  const auto text = top.object("text_config");
  const auto vision = top.object("vision_config");
  if (!text) top.fail("text_config", "is missing"_text);
  if (!vision) top.fail("vision_config", "is missing"_text);
  out.text = read_text(*text, moe);
  out.text.tie_word_embeddings = read_tied(top, *text, out.transformers_version);
  out.vision = read_vision(*vision);
  if (out.vision.out_hidden_size != out.text.hidden_size) {
    vision->fail("out_hidden_size", "is {}, but text_config.hidden_size is {}"_text(
                                        out.vision.out_hidden_size, out.text.hidden_size));
  }
  const auto token = [&](std::string_view key, int64_t absent) {
    const int64_t id = top.integer(key, 0, kMaxVocab, absent);
    if (id >= out.text.vocab_size) {
      top.fail(key, "is {}, outside the vocabulary of {}"_text(id, out.text.vocab_size));
    }
    return static_cast<int32_t>(id);
  };
  out.image_token_id = token("image_token_id", 151655);
  out.video_token_id = token("video_token_id", 151656);
  out.vision_start_token_id = token("vision_start_token_id", 151652);
  out.vision_end_token_id = token("vision_end_token_id", 151653);
  out.eos_token_ids = read_token_list(text->has("eos_token_id") ? *text : top, "eos_token_id");
  out.bos_token_id = read_maybe_token(text->has("bos_token_id") ? *text : top, "bos_token_id");
  out.pad_token_id = read_maybe_token(text->has("pad_token_id") ? *text : top, "pad_token_id");
  return out;
}

GenerationDefaults parse_generation_config(std::string_view json, std::string_view file) {
  const Json root = parse_json(json, file);
  const ConfigFields fields(root, file);
  GenerationDefaults out;
  out.do_sample = fields.boolean("do_sample", out.do_sample);
  out.temperature = fields.number("temperature", 0, 1e3, out.temperature);
  out.top_p = fields.number("top_p", 0, 1, out.top_p);
  out.top_k = fields.integer("top_k", 0, kMaxVocab, out.top_k);
  out.repetition_penalty = fields.number("repetition_penalty", 1e-3, 1e3, out.repetition_penalty);
  out.max_new_tokens = fields.maybe_integer("max_new_tokens", 1, kMaxPositions);
  out.eos_token_ids = read_token_list(fields, "eos_token_id");
  out.bos_token_id = read_maybe_token(fields, "bos_token_id");
  out.pad_token_id = read_maybe_token(fields, "pad_token_id");
  return out;
}

ImageProcessorConfig parse_image_processor(std::string_view json, std::string_view file) {
  const Json root = parse_json(json, file);
  const ConfigFields top(root, file);
  const auto nested = top.object("image_processor");
  ImageProcessorConfig out;
  // The references' image processor is Qwen2-VL's; these are its defaults.
  out.shortest_edge = 56 * 56;
  out.longest_edge = 28 * 28 * 1280;
  out.patch_size = 14;
  out.temporal_patch_size = 2;
  out.merge_size = 2;
  out.mean = {0.48145466, 0.4578275, 0.40821073};
  out.std = {0.26862954, 0.26130258, 0.27577711};
  const ConfigFields& fields = nested ? *nested : top;
  read_image_fields(fields, out);
  // Older files name the bounds so; the references read these aliases for images alone.
  out.shortest_edge = fields.integer("min_pixels", 1, kMaxPixels, out.shortest_edge);
  out.longest_edge = fields.integer("max_pixels", 1, kMaxPixels, out.longest_edge);
  check_edges(fields, out);
  return out;
}

VideoProcessorConfig parse_video_processor(std::string_view json, std::string_view file) {
  const Json root = parse_json(json, file);
  const ConfigFields top(root, file);
  const auto nested = top.object("video_processor");
  const ConfigFields& fields = nested ? *nested : top;
  VideoProcessorConfig out;
  out.shortest_edge = 128 * 32 * 32;
  out.longest_edge = 32 * 32 * 768;
  out.patch_size = 16;
  out.temporal_patch_size = 2;
  out.merge_size = 2;
  out.mean = out.std = {0.5, 0.5, 0.5};
  read_image_fields(fields, out);
  check_edges(fields, out);
  if (fields.has("num_frames")) fields.unsupported("num_frames", "is set; give fps instead"_text);
  out.fps = fields.number("fps", 1e-3, 1e3, out.fps);
  out.min_frames = fields.integer("min_frames", 1, 1 << 20, out.min_frames);
  out.max_frames = fields.integer("max_frames", 1, 1 << 20, out.max_frames);
  if (out.min_frames > out.max_frames) {
    fields.fail("min_frames", "is {}, above max_frames {}"_text(out.min_frames, out.max_frames));
  }
  if (fields.has("cap_pixels_per_frame")) {
    out.cap_pixels_per_frame = fields.boolean("cap_pixels_per_frame", false);
  }
  out.max_video_tokens = fields.integer("max_video_tokens", 1, 1 << 20, out.max_video_tokens);
  return out;
}

}  // namespace shijian::checkpoint
