#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "engine/chat_parts.h"
#include "engine/conversation.h"
#include "engine/session.h"
#include "grounding/answer.h"
#include "model/memory.h"
#include "model/vision_encoder.h"
#include "model/weights.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace shijian {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxTextBytes = size_t{64} << 10;  // of a question or prompt
constexpr int64_t kLocateTokens = 512;
constexpr int64_t kDescribeTokens = 1024;
// Alternatives of each token that the boundaries' uncertainty is worked out from: ten digits.
constexpr int64_t kDigitAlternatives = 10;
constexpr int64_t kThinkingTokens = 8192;  // thoughts come first and are long

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

void check_text(std::string_view what, std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    throw Error(
        ErrorCode::kUsage,
        fmt::format("{}: {} bytes, at most {} are accepted", what, text.size(), kMaxTextBytes),
        "say it in fewer words");
  }
}

Usage usage_of(const TokenSequence& prompt, const Reply& reply) {
  Usage usage;
  for (const PlacedBlock& placed : prompt.blocks) {
    usage.vision_tokens += placed.block.grid.tokens();
  }
  usage.prompt_tokens = reply.prompt_tokens;
  usage.generated_tokens = static_cast<int64_t>(reply.tokens.size());
  return usage;
}

VideoSummary video_summary(const Media& media) {
  const VideoInfo& info = media.video;
  return {media.path,          info.duration,    info.frame_rate.value(),
          !info.variable_rate, info.frame_count, info.width,
          info.height,         info.codec};
}

}  // namespace

struct Engine::State {
  std::string name;
  Reference reference;
  ThreadPool pool;
  Checkpoint checkpoint;
  Tokenizer tokenizer;
  ChatTemplate chat;
  ModelWeights weights;
  VisionEncoder vision;
  Decoder decoder;
  MediaSettings media;
  PromptStyle style;

  explicit State(const EngineOptions& options)
      : name(std::filesystem::weakly_canonical(options.model).filename().string()),
        reference(options.reference),
        pool(options.threads),
        checkpoint(Checkpoint::open(options.model)),
        tokenizer(Tokenizer::open(options.model)),
        chat(ChatTemplate::open(options.model)),
        weights(bind_weights(checkpoint)),
        vision(checkpoint.config().vision, weights.vision, pool),
        decoder(checkpoint.config().text, weights.text, pool),
        media{checkpoint.image_processor(), checkpoint.video_processor(),
              read_model_profile(options.model), options.reference},
        style(media.profile.prompt_style.value_or(family_prompt_style(options.model))) {}

  TokenSequence tokens(const std::vector<Message>& messages, const std::vector<std::string>& tools,
                       const std::vector<Media>& all_media) const;
  GenerateOptions generate_options(const GenerationRequest& request, bool greedy) const;
  void check_memory(const std::vector<Media>& all_media, int64_t context_tokens) const;
  std::vector<VisionFeatures> encode(std::vector<Media>& all_media, const RunHooks& hooks,
                                     Timing& timing);
};

TokenSequence Engine::State::tokens(const std::vector<Message>& messages,
                                    const std::vector<std::string>& tools,
                                    const std::vector<Media>& all_media) const {
  std::vector<MediaShape> shapes;
  const int64_t merge = checkpoint.config().vision.spatial_merge_size;
  for (const Media& m : all_media) {
    shapes.push_back(
        {m.is_image, {m.grid_height / merge, m.grid_width / merge}, m.plan.slot_times});
  }
  return build_tokens(tokenizer, chat.render(messages, tools), shapes, reference);
}

GenerateOptions Engine::State::generate_options(const GenerationRequest& request,
                                                bool greedy) const {
  const GenerationDefaults& defaults = checkpoint.generation();
  GenerateOptions options;
  SamplerOptions& s = options.sampling;
  if (!greedy && defaults.do_sample) {
    s.temperature = defaults.temperature;
    s.top_k = defaults.top_k;
    s.top_p = defaults.top_p;
  }
  if (!greedy) s.repetition_penalty = defaults.repetition_penalty;
  s.temperature = request.temperature.value_or(s.temperature);
  s.top_k = request.top_k.value_or(s.top_k);
  s.top_p = request.top_p.value_or(s.top_p);
  s.repetition_penalty = request.repetition_penalty.value_or(s.repetition_penalty);
  s.presence_penalty = request.presence_penalty.value_or(0);
  s.seed = request.seed;
  s.top_logprobs = request.logprobs;
  options.stop_tokens = defaults.eos_token_ids;
  for (const char* stop : {"<|im_end|>", "<|endoftext|>"}) {
    if (!defaults.eos_token_ids.empty()) break;
    if (const auto id = tokenizer.token_id(stop)) options.stop_tokens.push_back(*id);
  }
  const int64_t usual = chat.opens_thinking() ? kThinkingTokens
                        : greedy              ? kLocateTokens
                                              : defaults.max_new_tokens.value_or(kDescribeTokens);
  options.max_new_tokens = request.max_new_tokens.value_or(usual);
  return options;
}

void Engine::State::check_memory(const std::vector<Media>& all_media,
                                 int64_t context_tokens) const {
  RequestSize size;
  size.context_tokens = context_tokens;
  const int64_t merge = checkpoint.config().vision.spatial_merge_size;
  for (const Media& m : all_media) {
    size.visual_tokens += m.slots * m.slot_patches() / (merge * merge);
    size.largest_slot = std::max(size.largest_slot, m.slot_patches());
    // Patches in F32 and the 8-bit frames that they are cut from.
    const int64_t values = m.slots * m.slot_patches() * vision.patch_width();
    size.patch_bytes += values * 5;
  }
  check_request(checkpoint.config(), size, available_memory());
}

std::vector<VisionFeatures> Engine::State::encode(std::vector<Media>& all_media,
                                                  const RunHooks& hooks, Timing& timing) {
  std::vector<VisionFeatures> features;
  for (size_t i = 0; i < all_media.size(); ++i) {
    Media& m = all_media[i];
    const auto start = Clock::now();
    const Overrides* given = hooks.overrides;
    DecodeProgress decoding;
    if (hooks.progress) {
      decoding = [&](int64_t done, int64_t total) {
        hooks.progress({"decoding", done, total, {}});
      };
    }
    if (given != nullptr && given->frames.contains(i)) {
      load_media_from(m, *given->frames.at(i), media, pool);
    } else {
      load_media(m, media, pool, hooks.cancel, decoding);
    }
    if (hooks.stages != nullptr) {
      const std::string suffix = fmt::format(".{}", i);
      if (given == nullptr || !given->frames.contains(i)) {
        hooks.stages->set("frames" + suffix, source_frames(m, pool, hooks.cancel));
      }
      hooks.stages->set_ints("frame_indices" + suffix, m.frames.indices);
      hooks.stages->set_doubles("frame_times" + suffix, m.frames.times);
      hooks.stages->add_rows("pixel_values" + suffix,
                             {m.patches.data<float>(), m.patches.dim(0), m.patches.dim(1)});
    }
    const auto decoded = Clock::now();
    EncodeOptions options;
    options.cancel = hooks.cancel;
    options.stages = hooks.stages;
    if (hooks.progress) {
      options.progress = [&](int64_t done, int64_t total) {
        hooks.progress({"encoding", done, total, {}});
      };
    }
    const Tensor& pixels =
        given != nullptr && given->pixels.contains(i) ? *given->pixels.at(i) : m.patches;
    const PatchGrid grid{m.slots, m.grid_height, m.grid_width};
    features.push_back(
        vision.encode({pixels.data<float>(), pixels.dim(0), pixels.dim(1)}, {&grid, 1}, options));
    m.patches = Tensor();
    timing.decode += seconds_between(start, decoded);
    timing.vision += seconds_between(decoded, Clock::now());
  }
  return features;
}

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<State>(options)) {}
Engine::~Engine() = default;

const std::string& Engine::model_name() const { return state_->name; }
const Checkpoint& Engine::checkpoint() const { return state_->checkpoint; }
PromptStyle Engine::default_prompt_style() const { return state_->style; }
int Engine::threads() const { return state_->pool.size(); }

LocateResult Engine::locate(const LocateRequest& request, const RunHooks& hooks) {
  State& s = *state_;
  const auto start = Clock::now();
  const PromptStyle style = request.prompt_style.value_or(s.style);
  std::vector<Prompt> prompts;
  for (const std::string& question : request.questions) {
    check_text("question", question);
    prompts.push_back(make_prompt(question, style));
  }
  if (hooks.progress) hooks.progress({"probing", 0, 0, {}});
  std::vector<Media> media;
  media.push_back(
      plan_media({request.video, false}, request.sampling, s.media, s.pool, hooks.cancel));

  GenerateOptions options = s.generate_options(request.generation, /*greedy=*/true);
  options.sampling.top_logprobs = std::max(options.sampling.top_logprobs, kDigitAlternatives);
  std::vector<TokenSequence> sequences;
  int64_t longest = 0;
  for (const Prompt& prompt : prompts) {
    const Part video{Part::Kind::kVideo, {}, 0};
    const Part text{Part::Kind::kText, prompt.text, 0};
    sequences.push_back(s.tokens({{"user", {video, text}, {}, {}}}, {}, media));
    longest = std::max(longest, static_cast<int64_t>(sequences.back().ids.size()));
  }
  const int64_t capacity = longest + options.max_new_tokens;
  s.check_memory(media, capacity);

  Timing shared;
  const std::vector<VisionFeatures> features = s.encode(media, hooks, shared);
  const Media& video = media.front();
  const SamplingOptions sampled = s.media.sampling(request.sampling);

  Session session(s.decoder, s.tokenizer, features, capacity);
  LocateResult result;
  auto answer_start = start;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const double before = seconds_between(answer_start, Clock::now());
    Reply reply = session.ask(sequences[i], options, hooks);
    Answer answer;
    answer.question = request.questions[i];
    answer.language = prompts[i].language;
    answer.model = s.name;
    answer.video = video_summary(video);
    answer.sampling.frames = static_cast<int>(video.plan.indices.size());
    answer.sampling.slots = static_cast<int>(video.slots);
    answer.sampling.width = video.plan.width;
    answer.sampling.height = video.plan.height;
    answer.sampling.from = sampled.from.value_or(0);
    answer.sampling.to = std::min(sampled.to.value_or(video.video.duration), video.video.duration);
    const double window = answer.sampling.to - answer.sampling.from;
    answer.sampling.fps = window > 0 ? answer.sampling.frames / window : sampled.fps;
    answer.sampling.processor = request.sampling.qwen_vl_utils ? "qwen-vl-utils" : "transformers";
    answer.sampling.reference = s.reference == Reference::k5 ? "5" : "4.57";
    answer.sampling.prompt_style = prompt_style_name(style);
    answer.sampling.slot_times = video.plan.slot_times;
    answer.usage = usage_of(sequences[i], reply);
    read_answer(answer, reply.text, s.chat.opens_thinking(), reply.tokens);
    const auto wanted = static_cast<size_t>(request.generation.logprobs);
    if (wanted > 0) {
      for (GeneratedToken& token : reply.tokens) {
        token.top.resize(std::min(token.top.size(), wanted));
      }
      answer.tokens = std::move(reply.tokens);
    }
    answer.timing = std::exchange(shared, Timing{});
    answer.timing.prefill = reply.prefill_seconds;
    answer.timing.generation = reply.generation_seconds;
    answer.timing.first_token = before + reply.first_token_seconds;
    answer.timing.total = seconds_between(answer_start, Clock::now());
    result.answers.push_back(std::move(answer));
    answer_start = Clock::now();
  }
  result.media = std::move(media.front());
  return result;
}

Description Engine::describe(const DescribeRequest& request, const RunHooks& hooks) {
  State& s = *state_;
  const auto start = Clock::now();
  check_text("prompt", request.prompt);
  check_text("system message", request.system);
  if (request.prompt.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw Error(ErrorCode::kUsage, "prompt: it is empty", "say what you want to know");
  }
  Description result;
  if (hooks.progress && !request.media.empty()) hooks.progress({"probing", 0, 0, {}});
  for (const MediaFile& file : request.media) {
    result.media.push_back(plan_media(file, request.sampling, s.media, s.pool, hooks.cancel));
  }
  std::vector<Message> messages;
  if (!request.system.empty()) {
    messages.push_back({"system", {{Part::Kind::kText, request.system, 0}}, {}, {}});
  }
  messages.push_back({"user", place_media(request.prompt, request.media), {}, {}});
  const TokenSequence sequence = s.tokens(messages, split_tools(request.tools_json), result.media);
  const GenerateOptions options = s.generate_options(request.generation, /*greedy=*/false);
  const int64_t capacity = static_cast<int64_t>(sequence.ids.size()) + options.max_new_tokens;
  s.check_memory(result.media, capacity);

  const std::vector<VisionFeatures> features = s.encode(result.media, hooks, result.timing);
  Session session(s.decoder, s.tokenizer, features, capacity);
  const double before = seconds_between(start, Clock::now());
  Reply reply = session.ask(sequence, options, hooks);
  AnswerOptions reading;
  reading.starts_in_thought = s.chat.opens_thinking();
  const ParsedAnswer parsed = parse_answer(reply.text, reading);
  result.response = parsed.response;
  result.reasoning = parsed.reasoning;
  result.finish_reason = reply.finish == FinishReason::kLength ? "length" : "stop";
  result.usage = usage_of(sequence, reply);
  if (options.sampling.top_logprobs > 0) result.tokens = std::move(reply.tokens);
  result.timing.prefill = reply.prefill_seconds;
  result.timing.generation = reply.generation_seconds;
  result.timing.first_token = before + reply.first_token_seconds;
  result.timing.total = seconds_between(start, Clock::now());
  return result;
}

}  // namespace shijian
