#include "agreement_fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/file.h"
#include "source_dir.h"

namespace shijian::agreement {
namespace {

std::string read_text(const std::filesystem::path& path) {
  return read_file(path, size_t{16} << 20);
}

std::vector<int64_t> ints(const checkpoint::SafetensorsFile& file, const std::string& name) {
  const auto values = file.tensor(name).span<int32_t>();
  return {values.begin(), values.end()};
}

std::filesystem::path fixture_file(const std::string& name) {
  return reference_directory() / "fixtures" / name;
}

}  // namespace

std::filesystem::path reference_directory() { return source_dir() / "tests" / "reference"; }

std::vector<Input> read_inputs() {
  std::vector<Input> inputs;
  const OrderedJson entries = OrderedJson::parse(read_text(reference_directory() / "inputs.json"));
  for (const OrderedJson& entry : entries) {
    Input input;
    input.name = entry.at("name");
    input.messages = entry.at("messages");
    input.tools = entry.value("tools", OrderedJson());
    input.locate = entry.value("locate", OrderedJson());
    input.prompt_only = entry.value("prompt_only", false);
    for (const OrderedJson& message : input.messages) {
      if (!message.at("content").is_array()) continue;
      for (const OrderedJson& part : message.at("content")) {
        const std::string type = part.at("type");
        if (type != "text") input.media.push_back({part.at(type), type == "image"});
      }
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Fixture::Fixture(std::string checkpoint, int reference)
    : checkpoint_(std::move(checkpoint)),
      frames_(fixture_file("frames.safetensors")),
      pixels_(fixture_file("pixels.safetensors")),
      prompts_(fixture_file(fmt::format("prompts.{}.safetensors", reference))),
      samples_(fixture_file(fmt::format("{}.{}.safetensors", checkpoint_, reference))),
      notes_(
          Json::parse(read_text(fixture_file(fmt::format("{}.{}.json", checkpoint_, reference))))) {
  layout_ = notes_.at("layout");
  sizes_ = notes_.at("sizes");
}

std::filesystem::path Fixture::checkpoint_directory() const {
  return reference_directory() / "checkpoints" / checkpoint_;
}

tensor::Tensor Fixture::frames(const Medium& medium) const {
  const tensor::TensorView& view = frames_.tensor(medium.file + "/frames");
  tensor::Tensor frames(tensor::DType::kU8, view.shape);
  std::ranges::copy(view.span<uint8_t>(), frames.data<uint8_t>());
  return frames;
}

std::span<const int64_t> Fixture::frame_indices(const Medium& medium) const {
  return frames_.tensor(medium.file + "/frame_indices").span<int64_t>();
}

std::span<const double> Fixture::frame_times(const Medium& medium) const {
  return frames_.tensor(medium.file + "/frame_times").span<double>();
}

tensor::Tensor Fixture::pixel_values(const Medium& medium) const {
  const tensor::TensorView& levels = pixels_.tensor(medium.file + "/" + sizes_);
  tensor::Tensor values(tensor::DType::kF32, levels.shape);
  std::ranges::transform(levels.span<uint8_t>(), values.data<float>(), [](uint8_t level) {
    return (static_cast<float>(level) - 127.5f) / 127.5f;
  });
  return values;
}

std::vector<int64_t> Fixture::prompt_tokens(const Input& input) const {
  return ints(prompts_, fmt::format("{}/{}/prompt_tokens", layout_, input.name));
}

std::vector<int64_t> Fixture::position_ids(const Input& input) const {
  return ints(prompts_, fmt::format("{}/{}/position_ids", layout_, input.name));
}

std::vector<int64_t> Fixture::tokens(const Input& input) const {
  return ints(samples_, input.name + "/tokens");
}

std::vector<std::string> Fixture::stages(const Input& input) const {
  std::vector<std::string> names;
  for (const auto& entry : notes_.at("inputs").at(input.name).at("stages").items())
    names.push_back(entry.key());
  return names;
}

double Fixture::apart(const Input& input, const std::string& stage,
                      std::span<const float> ours) const {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  const Json& note = notes_.at("inputs").at(input.name).at("stages").at(stage);
  const auto count = static_cast<int64_t>(ours.size());
  if (tensor::element_count(note.at("shape").get<tensor::Shape>()) != count) return kInfinite;

  const auto theirs = samples_.tensor(input.name + "/" + stage).span<float>();
  const std::vector<int64_t> indices = sample_indices(count);
  double worst = 0;
  for (size_t i = 0; i < indices.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(ours[static_cast<size_t>(indices[i])]) -
                                     static_cast<double>(theirs[i])));
  double squares = 0;
  for (float value : ours) squares += static_cast<double>(value) * value;
  if (!std::isfinite(squares)) return kInfinite;
  const double rms = std::sqrt(squares / static_cast<double>(count));
  worst = std::max(worst, std::abs(rms - note.at("rms").get<double>()));
  return worst / note.at("max").get<double>();
}

std::vector<int64_t> sample_indices(int64_t count) {
  constexpr int64_t kSamples = 192;
  std::vector<int64_t> indices;
  if (count <= kSamples) {
    for (int64_t i = 0; i < count; ++i) indices.push_back(i);
    return indices;
  }
  auto state = static_cast<uint64_t>(count);
  for (int64_t i = 0; i < kSamples; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    indices.push_back(static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(count)));
  }
  return indices;
}

PixelDifference compare_pixels(std::span<const float> ours, std::span<const float> theirs) {
  if (ours.size() != theirs.size()) return {0, std::numeric_limits<double>::infinity()};
  PixelDifference result;
  int64_t equal = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double levels = std::abs(static_cast<double>(ours[i]) - theirs[i]) * 127.5;
    equal += levels < 0.5;
    result.levels = std::max(result.levels, levels);
  }
  result.identical = static_cast<double>(equal) / static_cast<double>(ours.size());
  return result;
}

}  // namespace shijian::agreement
