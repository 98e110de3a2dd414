// Agreement with the reference, stage by stage, on the way that `locate` and `describe` take: from
// the file through the prompt to the greedy answer. Every stage starts from the reference's frames
// and, after the patches, from its pixels.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>

#include "agreement_fixture.h"
#include "engine/chat_parts.h"
#include "engine/conversation.h"
#include "engine/engine.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace shijian::agreement {
namespace {

using testing::ElementsAreArray;

struct Case {
  const char* checkpoint;
  int reference;
};

void PrintTo(const Case& which, std::ostream* out) {
  *out << which.checkpoint << ", reference " << which.reference;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return fmt::format("{}_{}", info.param.checkpoint, info.param.reference);
}

engine::Reference reference_of(int number) {
  return number == 5 ? engine::Reference::k5 : engine::Reference::k4;
}

std::filesystem::path media_path(const Medium& medium) {
  return reference_directory() / "media" / medium.file;
}

engine::GenerationRequest greedy(int64_t tokens) {
  engine::GenerationRequest request;
  request.temperature = 0;
  request.max_new_tokens = tokens;
  return request;
}

// The input as a request: media are named by their places in the prompt.
engine::DescribeRequest describe_request(const Input& input, int64_t tokens) {
  engine::DescribeRequest request;
  std::string system, prompt;
  for (const Medium& medium : input.media)
    request.media.push_back({media_path(medium), medium.is_image});
  for (const OrderedJson& message : input.messages) {
    const OrderedJson& content = message.at("content");
    if (message.at("role") == "system") system = content;
    if (message.at("role") != "user") continue;
    for (const OrderedJson& part : content)
      prompt += part.at("type") == "text" ? part.at("text").get<std::string>()
                                          : fmt::format("<{}>", part.at("type").get<std::string>());
  }
  request.messages = engine::one_turn(system, prompt, request.media);
  if (!input.tools.is_null()) request.tools = engine::split_tools(input.tools.dump());
  request.generation = greedy(tokens);
  return request;
}

void run(engine::Engine& engine, const Input& input, int64_t tokens,
         const engine::RunHooks& hooks) {
  if (input.locate.is_null()) {
    engine.describe(describe_request(input, tokens), hooks);
    return;
  }
  engine::LocateRequest request;
  request.video = media_path(input.media.at(0));
  request.questions = {input.locate.at("question")};
  request.prompt_style = grounding::parse_prompt_style(input.locate.at("style").get<std::string>());
  request.generation = greedy(tokens);
  request.free_text = true;  // as the reference answers
  engine.locate(request, hooks);
}

// The worst share of a stage's largest magnitude, by kind of stage, over the inputs of a case.
class Worst {
 public:
  void add(const std::string& stage, double apart) {
    double& worst = apart_[stage.substr(0, stage.find_last_not_of(".0123456789") + 1)];
    worst = std::max(worst, apart);
  }
  void print(const Case& which) const {
    std::cout << which.checkpoint << ", reference " << which.reference << ":";
    for (const auto& [kind, apart] : apart_) std::cout << fmt::format(" {} {:.1e}", kind, apart);
    std::cout << "\n";
  }

 private:
  std::map<std::string, double> apart_;
};

class Agreement : public testing::TestWithParam<Case> {
 protected:
  const Fixture fixture_{GetParam().checkpoint, GetParam().reference};
};

TEST_P(Agreement, StageByStage) {
  engine::Engine engine({fixture_.checkpoint_directory(), 0, reference_of(GetParam().reference)});
  Worst worst;
  for (const Input& input : read_inputs()) {
    if (input.prompt_only) continue;
    SCOPED_TRACE(input.name);
    std::vector<tensor::Tensor> frames;
    std::vector<tensor::Tensor> pixels;
    for (const Medium& medium : input.media) {
      frames.push_back(fixture_.frames(medium));
      pixels.push_back(fixture_.pixel_values(medium));
    }
    engine::Overrides overrides;
    for (size_t i = 0; i < input.media.size(); ++i) {
      overrides.frames[i] = &frames[i];
      overrides.pixels[i] = &pixels[i];
    }
    model::StageRecorder recorder;
    engine::RunHooks hooks;
    hooks.stages = &recorder;
    hooks.overrides = &overrides;
    run(engine, input, 64, hooks);

    const auto ours = recorder.tensors();
    for (size_t i = 0; i < input.media.size(); ++i) {
      const auto stage = [&](const char* name) { return ours.at(fmt::format("{}.{}", name, i)); };
      const Medium& medium = input.media[i];
      EXPECT_THAT(stage("frame_indices").span<int64_t>(),
                  ElementsAreArray(fixture_.frame_indices(medium)));
      EXPECT_THAT(stage("frame_times").span<double>(),
                  ElementsAreArray(fixture_.frame_times(medium)));
      const auto found = compare_pixels(stage("pixel_values").span<float>(), pixels[i].floats());
      EXPECT_GE(found.identical, 0.999) << medium.file;
      EXPECT_LT(found.levels, 1.5) << medium.file;
      worst.add("unlike pixels", 1 - found.identical);
    }
    EXPECT_THAT(ours.at("prompt_tokens").span<int64_t>(),
                ElementsAreArray(fixture_.prompt_tokens(input)));
    EXPECT_THAT(ours.at("position_ids").span<int64_t>(),
                ElementsAreArray(fixture_.position_ids(input)));
    for (const std::string& stage : fixture_.stages(input)) {
      ASSERT_TRUE(ours.contains(stage)) << stage;
      const double apart = fixture_.apart(input, stage, ours.at(stage).span<float>());
      EXPECT_LE(apart, 1e-4) << stage;
      worst.add(stage, apart);
    }
    EXPECT_THAT(ours.at("tokens").span<int64_t>(), ElementsAreArray(fixture_.tokens(input)));
  }
  worst.print(GetParam());
}

// A conversation with calls and their results, as far as its tokens.
TEST_P(Agreement, TurnsWithTools) {
  const auto inputs = read_inputs();
  const auto input = std::ranges::find_if(inputs, &Input::prompt_only);
  ASSERT_NE(input, inputs.end());
  std::vector<text::Message> messages;
  for (const OrderedJson& entry : input->messages) {
    text::Message message;
    message.role = entry.at("role");
    message.parts = {{text::Part::Kind::kText, entry.at("content"), 0}};
    message.reasoning = entry.value("reasoning_content", "");
    for (const OrderedJson& call : entry.value("tool_calls", OrderedJson::array())) {
      const OrderedJson& function = call.at("function");
      message.tool_calls.push_back(
          {function.at("name"), text::template_json(function.at("arguments").dump())});
    }
    messages.push_back(std::move(message));
  }
  std::vector<std::string> tools;
  for (const OrderedJson& tool : input->tools) tools.push_back(tool.dump());

  const auto directory = fixture_.checkpoint_directory();
  const auto segments = text::ChatTemplate::open(directory).render(messages, tools);
  const engine::TokenSequence sequence = engine::build_tokens(
      text::Tokenizer::open(directory), segments, {}, reference_of(GetParam().reference));
  EXPECT_THAT(sequence.ids, ElementsAreArray(fixture_.prompt_tokens(*input)));
}

// moe_4 has a square matrix of experts, which 5.x reads the other way round; 4.57 does not know the
// configuration that 5.x writes.
INSTANTIATE_TEST_SUITE_P(Tiny, Agreement,
                         testing::Values(Case{"dense_tied", 4}, Case{"dense_tied", 5},
                                         Case{"dense_untied", 4}, Case{"dense_untied", 5},
                                         Case{"head_128", 4}, Case{"head_128", 5},
                                         Case{"head_40", 4}, Case{"head_40", 5},
                                         Case{"vision_27", 4}, Case{"vision_27", 5},
                                         Case{"yarn", 4}, Case{"yarn", 5}, Case{"f16_thinking", 4},
                                         Case{"f16_thinking", 5}, Case{"moe_4", 4},
                                         Case{"moe_5", 5}, Case{"dense_5", 5}),
                         case_name);

// The frames that we decode are those that the reference was given, but for rounding in the
// conversion of colours, which differs between builds of FFmpeg.
TEST(AgreementDecoding, FramesAreTheReferences) {
  const Fixture fixture("dense_tied", 4);
  engine::Engine engine({fixture.checkpoint_directory(), 0, engine::Reference::k4});
  for (const Input& input : read_inputs()) {
    if (input.prompt_only) continue;
    SCOPED_TRACE(input.name);
    model::StageRecorder recorder;
    engine::RunHooks hooks;
    hooks.stages = &recorder;
    run(engine, input, 1, hooks);
    for (size_t i = 0; i < input.media.size(); ++i) {
      const auto ours = recorder.tensors().at(fmt::format("frames.{}", i));
      const tensor::Tensor theirs = fixture.frames(input.media[i]);
      ASSERT_EQ(ours.shape, theirs.shape()) << input.media[i].file;
      const auto values = ours.span<uint8_t>();
      int most = 0;
      int64_t sum = 0;
      for (size_t k = 0; k < values.size(); ++k) {
        const int apart = std::abs(values[k] - theirs.data<uint8_t>()[k]);
        most = std::max(most, apart);
        sum += apart;
      }
      EXPECT_LE(most, 2) << input.media[i].file;
      EXPECT_LE(static_cast<double>(sum) / static_cast<double>(values.size()), 0.1);
    }
  }
}

}  // namespace
}  // namespace shijian::agreement
