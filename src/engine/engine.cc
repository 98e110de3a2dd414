#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "cache/content_hashes.h"
#include "checkpoint/checkpoint.h"
#include "engine/conversation.h"
#include "engine/feature_cache.h"
#include "engine/prefix_cache.h"
#include "engine/session.h"
#include "engine/slot_keys.h"
#include "engine/vision_stage.h"
#include "grounding/answer.h"
#include "guided/json_constraint.h"
#include "model/memory.h"
#include "model/vision_encoder.h"
#include "model/weights.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "video/edit_rate.h"

namespace shijian::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxChatBytes = size_t{1} << 20;  // of all its text
constexpr int64_t kLocateTokens = 512;
constexpr int64_t kDescribeTokens = 1024;
// Alternatives of each token that the boundaries' uncertainty is worked out from: ten digits.
constexpr int64_t kDigitAlternatives = 10;
// Seconds that a time may lie past the end of a clip because it was rounded.
constexpr double kRounding = 0.1;
constexpr int64_t kThinkingTokens = 8192;  // thoughts come first and are long

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

void check_text(std::string_view what, size_t bytes, size_t most) {
  if (bytes > most) {
    throw Error(ErrorCode::kUsage,
                fmt::format("{}: {} bytes, at most {} are accepted", what, bytes, most),
                "say it in fewer words");
  }
}

size_t text_bytes(const DescribeRequest& request) {
  size_t bytes = 0;
  for (const text::Message& message : request.messages) {
    bytes += message.reasoning.size();
    for (const text::Part& part : message.parts) bytes += part.text.size();
    for (const text::ToolCall& call : message.tool_calls) bytes += call.arguments.size();
  }
  for (const std::string& tool : request.tools) bytes += tool.size();
  return bytes;
}

// Of the file, or of all the pictures that a video comes as.
std::string content_of(const MediaFile& file, cache::ContentHashes& hashes, const CancelToken& cancel) {
  if (!file.content.empty()) return file.content;
  if (file.frames.empty()) return hashes.of(file.path, cancel);
  std::string all;
  for (const GivenFrame& frame : file.frames) all += hashes.of(frame.picture, cancel) + " ";
  return content_hash(std::as_bytes(std::span(all)));
}

grounding::Usage usage_of(const TokenSequence& prompt, const Reply& reply) {
  grounding::Usage usage;
  for (const PlacedBlock& placed : prompt.blocks) {
    usage.vision_tokens += placed.block.grid.tokens();
  }
  usage.prompt_tokens = reply.prompt_tokens;
  usage.generated_tokens = static_cast<int64_t>(reply.tokens.size());
  return usage;
}

// A request's media, before decoding.
struct PlannedMedia {
  std::vector<Media> media;
  bool kept = false;                   // what is computed of them may be kept for later requests
  std::vector<std::string> states;     // [media] of the files
  std::vector<SlotKeys> keys;          // [media]
  std::vector<SamplingRequest> asked;  // [media]
  bool damaged = false;                // some file could not be read whole
};

// Frames a second of what was looked at.
double rate_seen(const Media& video, const video::SamplingOptions& sampled) {
  const double from = sampled.from.value_or(0);
  const double to = std::min(sampled.to.value_or(video.video.duration), video.video.duration);
  return to > from ? static_cast<double>(video.plan.indices.size()) / (to - from) : sampled.fps;
}

// Whether a video was looked at less often than `known`, the rate that the model was trained on.
std::optional<grounding::Note> rate_note(const Media& video, const video::SamplingOptions& sampled,
                              const SamplingRequest& asked, std::optional<double> known) {
  const double seen = rate_seen(video, sampled);
  if (video.plan.limited) {
    return grounding::Note{grounding::NoteCode::kFrameLimit, static_cast<int>(video.plan.indices.size()),
                sampled.max_frames / sampled.fps, sampled.fps, seen};
  }
  if (!known || !video.given.empty() || seen >= 0.75 * *known) return std::nullopt;
  const bool by_request = asked.frames || (asked.fps && *asked.fps < 0.75 * *known);
  return grounding::Note{by_request ? grounding::NoteCode::kSamplingRate : grounding::NoteCode::kFewFrames,
              static_cast<int>(std::lround(*known))};
}

// What answers about these files should be read with.
std::vector<grounding::Note> media_notes(const PlannedMedia& planned, const MediaSettings& settings) {
  std::vector<grounding::Note> notes;
  if (planned.damaged) notes.push_back({grounding::NoteCode::kDamaged});
  for (size_t i = 0; i < planned.media.size(); ++i) {
    const Media& m = planned.media[i];
    const SamplingRequest& asked = planned.asked[i];
    if (m.is_image) continue;
    if (const auto note = rate_note(m, settings.sampling(asked), asked, settings.profile.fps)) {
      notes.push_back(*note);
    }
    if (!m.given.empty()) continue;  // they have no window and no file
    if (const auto& jumps = m.video.clock_jumps; !jumps.empty()) {
      notes.push_back({grounding::NoteCode::kClockJumps, static_cast<int>(jumps.size()), jumps.front().time});
    }
    if (m.plan.clock_start > 0) notes.push_back({grounding::NoteCode::kWindowClock, 1, m.plan.clock_start});
    if (asked.to.value_or(0) > m.video.duration + kRounding) {
      notes.push_back({grounding::NoteCode::kWindowCut, 1, m.video.duration});
    }
    if (m.video.video_streams() > 1) {
      notes.push_back({grounding::NoteCode::kOtherStreams, static_cast<int>(m.video.video_streams()),
                       static_cast<double>(m.video.stream)});
    }
  }
  return notes;
}

grounding::VideoSummary video_summary(const Media& media) {
  const video::VideoInfo& info = media.video;
  grounding::VideoSummary summary;
  summary.path = media.path;
  summary.duration = info.duration;
  summary.frame_rate = info.frame_rate.value();
  summary.constant_rate = !info.variable_rate;
  summary.frames = info.frame_count;
  summary.width = info.width;
  summary.height = info.height;
  summary.codec = info.codec;
  summary.start_time = info.start_time;
  summary.edit_rate = video::edit_rate(info);
  summary.start_timecode = info.start_timecode;
  summary.sound = std::any_of(info.tracks.begin(), info.tracks.end(),
                              [](const video::Track& track) { return track.type == "audio"; });
  return summary;
}

}  // namespace

struct Engine::State {
  std::string name;
  Reference reference;
  ThreadPool pool;
  checkpoint::Checkpoint checkpoint;
  text::Tokenizer tokenizer;
  text::ChatTemplate chat;
  model::ModelWeights weights;
  model::VisionEncoder vision;
  model::Decoder decoder;
  MediaSettings media;
  grounding::PromptStyle style;
  VisionStage vision_stage;
  const CacheOptions cache;
  cache::ContentHashes hashes;
  cache::DiskStore store;
  FeatureCache features;
  PrefixCache prefixes;
  std::optional<guided::TokenOrder> token_order;  // made when the first answer needs it

  explicit State(const EngineOptions& options)
      : name(std::filesystem::weakly_canonical(options.model).filename().string()),
        reference(options.reference),
        pool(options.threads),
        checkpoint(checkpoint::Checkpoint::open(options.model)),
        tokenizer(text::Tokenizer::open(options.model)),
        chat(text::ChatTemplate::open(options.model)),
        weights(model::bind_weights(checkpoint)),
        vision(checkpoint.config().vision, weights.vision, pool),
        decoder(checkpoint.config().text, weights.text, pool),
        media{checkpoint.image_processor(), checkpoint.video_processor(),
              read_model_profile(options.model), options.reference},
        style(media.profile.prompt_style.value_or(grounding::family_prompt_style(options.model))),
        vision_stage(checkpoint.config().vision, vision, media, pool),
        cache(options.cache),
        store({cache.folder, cache.max_bytes}),
        features(store, checkpoint),
        prefixes(decoder, pool,
                 {cache.prefix_bytes < 0 ? model::available_memory() / 4 : cache.prefix_bytes,
                  cache.prefix_packed}) {}

  PlannedMedia plan(const std::vector<MediaFile>& files, const SamplingRequest& sampling,
                    const RunHooks& hooks);
  TokenSequence tokens(const std::vector<text::Message>& messages, const std::vector<std::string>& tools,
                       const PlannedMedia& planned) const;
  model::GenerateOptions generate_options(const GenerationRequest& request, bool greedy) const;
  guided::JsonConstraint constraint(const DescribeRequest& request, const model::GenerateOptions& options);
  int64_t context_of(const GenerationRequest& request) const;
  Session open_session(const PlannedMedia& planned, const TokenSequence& first,
                       int64_t longest_prompt, const model::GenerateOptions& options,
                       const GenerationRequest& request);
  std::vector<model::VisionFeatures> read_media(PlannedMedia& planned,
                                         std::span<const TokenSequence> sequences, Session& session,
                                         bool keep_frames, const RunHooks& hooks, grounding::Timing& timing,
                                         grounding::Reuse& reuse);
};

PlannedMedia Engine::State::plan(const std::vector<MediaFile>& files,
                                 const SamplingRequest& sampling, const RunHooks& hooks) {
  PlannedMedia planned;
  planned.kept = cache.enabled && hooks.stages == nullptr && hooks.overrides == nullptr;
  if (hooks.progress && !files.empty()) hooks.progress({"probing", 0, 0, {}});
  for (const MediaFile& file : files) {
    planned.states.push_back(cache::file_state(file.path));
    planned.asked.push_back(file.sampling.value_or(sampling));
    const Media& m =
        planned.media.emplace_back(plan_media(file, sampling, media, pool, hooks.cancel));
    if (!planned.kept) {
      planned.keys.push_back(local_slot_keys(m, planned.keys.size()));
      continue;
    }
    planned.keys.push_back(slot_keys(m, media, content_of(file, hashes, hooks.cancel)));
  }
  return planned;
}

TokenSequence Engine::State::tokens(const std::vector<text::Message>& messages,
                                    const std::vector<std::string>& tools,
                                    const PlannedMedia& planned) const {
  std::vector<MediaShape> shapes;
  const int64_t merge = checkpoint.config().vision.spatial_merge_size;
  for (const Media& m : planned.media) {
    shapes.push_back(
        {m.is_image, {m.grid_height / merge, m.grid_width / merge}, m.plan.slot_times});
  }
  TokenSequence sequence = build_tokens(tokenizer, chat.render(messages, tools), shapes, reference);
  for (PlacedBlock& placed : sequence.blocks) {
    placed.name = planned.keys[placed.media].slots[placed.slot()];
  }
  return sequence;
}

model::GenerateOptions Engine::State::generate_options(const GenerationRequest& request,
                                                bool greedy) const {
  const checkpoint::GenerationDefaults& defaults = checkpoint.generation();
  model::GenerateOptions options;
  model::SamplerOptions& s = options.sampling;
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
  if (request.ignore_stop) options.stop_tokens.clear();
  const int64_t usual = chat.opens_thinking() ? kThinkingTokens
                        : greedy              ? kLocateTokens
                                              : defaults.max_new_tokens.value_or(kDescribeTokens);
  options.max_new_tokens = request.max_new_tokens.value_or(usual);
  return options;
}

guided::JsonConstraint Engine::State::constraint(const DescribeRequest& request,
                                         const model::GenerateOptions& options) {
  if (!token_order) token_order.emplace(tokenizer);
  const auto after = chat.opens_thinking() ? tokenizer.token_id("</think>") : std::nullopt;
  return guided::JsonConstraint(request.format, *token_order, tokenizer, options.stop_tokens, after);
}

// Tokens of prompt and answer together.
int64_t Engine::State::context_of(const GenerationRequest& request) const {
  const int64_t most = checkpoint.config().text.max_position_embeddings;
  const int64_t asked = request.max_context.value_or(most);
  if (asked > most) {
    throw Error(ErrorCode::kUsage,
                fmt::format("plan request: a context of {} tokens is asked for, the model has {}",
                            asked, most),
                "ask for a smaller context, or leave it out");
  }
  return asked;
}

// Checks that the request fits the context and the memory, makes room, and takes what is known of
// its prompt.
Session Engine::State::open_session(const PlannedMedia& planned, const TokenSequence& first,
                                    int64_t longest_prompt, const model::GenerateOptions& options,
                                    const GenerationRequest& request) {
  const int64_t capacity = longest_prompt + options.max_new_tokens;
  const int64_t context = context_of(request);
  if (capacity > context) {
    const bool asked = context < checkpoint.config().text.max_position_embeddings;
    throw Error(
        ErrorCode::kUsage,
        fmt::format("plan request: the prompt has {} tokens and the answer may have {}, "
                    "together over the {}context of {}",
                    longest_prompt, options.max_new_tokens, asked ? "" : "model's ", context),
        fmt::format("use less text, fewer or smaller frames, a shorter part or answer{}",
                    asked ? ", or a larger context" : ""));
  }
  model::RequestSize size;
  size.context_tokens = capacity;
  const int64_t merge = checkpoint.config().vision.spatial_merge_size;
  for (const Media& m : planned.media) {
    size.visual_tokens += m.slots * m.slot_patches() / (merge * merge);
    size.largest_slot = std::max(size.largest_slot, m.slot_patches());
    // The 8-bit frames, and in F32 the patches of a piece of them.
    const int64_t slot_values = m.slot_patches() * vision.patch_width();
    const int64_t piece = VisionStage::piece_slots(checkpoint.config().vision, m.slot_patches());
    size.patch_bytes += m.slots * slot_values + std::min(m.slots, piece) * slot_values * 4;
  }
  // Kept prefixes make room where need be.
  const int64_t free = model::available_memory();
  const int64_t most = std::numeric_limits<int64_t>::max();
  model::check_request(checkpoint.config(), size, static_cast<int64_t>(checkpoint.tensor_bytes()),
                free + std::min(most - free, prefixes.bytes()));
  if (!planned.kept)
    return Session(decoder, tokenizer, {decoder.make_cache(capacity), {}}, nullptr);
  const int64_t bytes = model::memory_need(checkpoint.config(), size).total();
  return Session(decoder, tokenizer, prefixes.take(first, capacity, bytes), &prefixes);
}

// The features of all that the session has to read to answer `sequences`, one after another.
std::vector<model::VisionFeatures> Engine::State::read_media(PlannedMedia& planned,
                                                      std::span<const TokenSequence> sequences,
                                                      Session& session, bool keep_frames,
                                                      const RunHooks& hooks, grounding::Timing& timing,
                                                      grounding::Reuse& reuse) {
  // What all of them share with the session, each shares with the one before it too.
  int64_t known = std::numeric_limits<int64_t>::max();
  for (const TokenSequence& sequence : sequences) known = std::min(known, session.known(sequence));
  std::vector<std::set<int64_t>> wanted(planned.media.size());
  for (const TokenSequence& sequence : sequences) {
    for (const PlacedBlock& placed : sequence.blocks) {
      if (placed.block.first >= known) wanted[placed.media].insert(placed.slot());
    }
  }
  std::vector<model::VisionFeatures> all;
  for (size_t i = 0; i < planned.media.size(); ++i) {
    Media& m = planned.media[i];
    VisionJob job{m, i, planned.keys[i], {wanted[i].begin(), wanted[i].end()}, keep_frames};
    job.state = planned.states[i];
    if (planned.kept && !cache.folder.empty()) job.cache = &features;
    VisionOutcome outcome = vision_stage.run(job, hooks, timing);
    if (!outcome.sound) session.forget();
    planned.damaged = planned.damaged || m.video.damaged || !outcome.sound;
    reuse.encoded_slots += outcome.encoded;
    reuse.slots += m.slots - outcome.encoded;
    all.push_back(std::move(outcome.features));
  }
  return all;
}

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<State>(options)) {}
Engine::~Engine() = default;

const std::string& Engine::model_name() const { return state_->name; }
const checkpoint::Checkpoint& Engine::checkpoint() const { return state_->checkpoint; }
grounding::PromptStyle Engine::default_prompt_style() const { return state_->style; }
bool Engine::opens_thinking() const { return state_->chat.opens_thinking(); }
int Engine::threads() const { return state_->pool.size(); }
void Engine::check_context(const GenerationRequest& request) const { state_->context_of(request); }
Media Engine::plan(const std::filesystem::path& video, const SamplingRequest& sampling,
                   const CancelToken& cancel) const {
  return plan_media({video, false}, sampling, state_->media, state_->pool, cancel);
}
CacheReport Engine::cache_report() const {
  return {state_->store.counters(), state_->prefixes.bytes()};
}

LocateResult Engine::locate(const LocateRequest& request, const RunHooks& hooks) {
  State& s = *state_;
  const auto start = Clock::now();
  if (request.questions.empty())
    throw Error(ErrorCode::kUsage, "locate: no question was asked", "say what to look for");
  const grounding::PromptStyle style = request.prompt_style.value_or(s.style);
  std::vector<grounding::Prompt> prompts;
  for (const std::string& question : request.questions) {
    prompts.push_back(grounding::make_prompt(question, style));
  }
  PlannedMedia planned = s.plan({{request.video, false, request.content}}, request.sampling, hooks);

  model::GenerateOptions options = s.generate_options(request.generation, /*greedy=*/true);
  options.sampling.top_logprobs = std::max(options.sampling.top_logprobs, kDigitAlternatives);
  std::vector<TokenSequence> sequences;
  int64_t longest = 0;
  for (const grounding::Prompt& prompt : prompts) {
    const text::Part video{text::Part::Kind::kVideo, {}, 0};
    const text::Part text{text::Part::Kind::kText, prompt.text, 0};
    sequences.push_back(s.tokens({{"user", {video, text}, {}, {}}}, {}, planned));
    longest = std::max(longest, static_cast<int64_t>(sequences.back().ids.size()));
  }
  Session session =
      s.open_session(planned, sequences.front(), longest, options, request.generation);
  grounding::Timing shared;
  grounding::Reuse reuse;
  const std::vector<model::VisionFeatures> features =
      s.read_media(planned, sequences, session, request.keep_frames, hooks, shared, reuse);
  const Media& video = planned.media.front();
  const video::SamplingOptions sampled = s.media.sampling(request.sampling);
  const std::vector<grounding::Note> notes = media_notes(planned, s.media);

  LocateResult result;
  auto answer_start = start;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const double before = seconds_between(answer_start, Clock::now());
    Reply reply = session.ask(sequences[i], features, options, hooks);
    grounding::Answer answer;
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
    answer.sampling.clock = video.plan.clock_start > 0 ? "window" : "file";
    answer.sampling.clock_start = video.plan.clock_start;
    answer.sampling.fps = rate_seen(video, sampled);
    answer.sampling.processor = request.sampling.qwen_vl_utils ? "qwen-vl-utils" : "transformers";
    answer.sampling.reference = s.reference == Reference::k5 ? "5" : "4.57";
    answer.sampling.prompt_style = grounding::prompt_style_name(style);
    answer.sampling.times = video.plan.times;
    answer.sampling.slot_times = video.plan.slot_times;
    for (double& time : answer.sampling.slot_times) time += video.plan.clock_start;
    answer.sampling.slot_stamps = s.media.profile.slot_stamps;
    answer.usage = usage_of(sequences[i], reply);
    grounding::read_answer(answer, reply.text, s.chat.opens_thinking(), reply.tokens);
    if (reply.finish == model::FinishReason::kLength && !request.generation.ignore_stop) {
      answer.notes.push_back({grounding::NoteCode::kLengthLimit, static_cast<int>(options.max_new_tokens)});
    }
    answer.notes.insert(answer.notes.end(), notes.begin(), notes.end());
    const auto wanted = static_cast<size_t>(request.generation.logprobs);
    if (wanted > 0) {
      for (grounding::GeneratedToken& token : reply.tokens) {
        token.top.resize(std::min(token.top.size(), wanted));
      }
      answer.tokens = std::move(reply.tokens);
    }
    // The first question pays for what all of them share.
    answer.reuse = std::exchange(reuse, grounding::Reuse{video.slots, 0, 0});
    answer.reuse.prefix_tokens = reply.reused_tokens;
    answer.timing = std::exchange(shared, grounding::Timing{});
    answer.timing.prefill = reply.prefill_seconds;
    answer.timing.generation = reply.generation_seconds;
    answer.timing.first_token = before + reply.first_token_seconds;
    answer.timing.total = seconds_between(answer_start, Clock::now());
    result.answers.push_back(std::move(answer));
    answer_start = Clock::now();
  }
  result.media = std::move(planned.media.front());
  return result;
}

Description Engine::describe(const DescribeRequest& request, const RunHooks& hooks) {
  State& s = *state_;
  const auto start = Clock::now();
  check_text("chat", text_bytes(request), kMaxChatBytes);
  Description result;
  PlannedMedia planned = s.plan(request.media, request.sampling, hooks);
  const TokenSequence sequence = s.tokens(request.messages, request.tools, planned);
  model::GenerateOptions options = s.generate_options(request.generation, /*greedy=*/false);
  // A length that nobody asked for is no reason to refuse a prompt that leaves some room.
  const int64_t room = s.context_of(request.generation) - static_cast<int64_t>(sequence.ids.size());
  if (!request.generation.max_new_tokens && !request.generation.max_context && room > 0) {
    options.max_new_tokens = std::min(options.max_new_tokens, room);
  }
  std::optional<guided::JsonConstraint> constraint;
  if (request.format) {
    constraint.emplace(s.constraint(request, options));
    options.constrain = [&, taken = size_t{0}](auto so_far, auto scores) mutable {
      for (; taken < so_far.size(); ++taken) constraint->take(so_far[taken].token);
      constraint->edit(scores);
    };
  }
  Session session = s.open_session(planned, sequence, static_cast<int64_t>(sequence.ids.size()),
                                   options, request.generation);
  const std::vector<model::VisionFeatures> features = s.read_media(
      planned, {&sequence, 1}, session, /*keep_frames=*/false, hooks, result.timing, result.reuse);
  const double before = seconds_between(start, Clock::now());
  Reply reply = session.ask(sequence, features, options, hooks);
  grounding::AnswerOptions reading;
  reading.starts_in_thought = s.chat.opens_thinking();
  const grounding::ParsedAnswer parsed = grounding::parse_answer(reply.text, reading);
  result.response = parsed.response;
  result.reasoning = parsed.reasoning;
  result.finish_reason = reply.finish == model::FinishReason::kLength ? "length" : "stop";
  result.notes = media_notes(planned, s.media);
  for (const text::Message& message : request.messages) {
    for (const text::Part& part : message.parts) {
      if (!part.text.empty()) result.language = grounding::detect_language(part.text);
    }
  }
  result.usage = usage_of(sequence, reply);
  result.reuse.prefix_tokens = reply.reused_tokens;
  if (options.sampling.top_logprobs > 0) result.tokens = std::move(reply.tokens);
  result.timing.prefill = reply.prefill_seconds;
  result.timing.generation = reply.generation_seconds;
  result.timing.first_token = before + reply.first_token_seconds;
  result.timing.total = seconds_between(start, Clock::now());
  result.media = std::move(planned.media);
  return result;
}

}  // namespace shijian::engine
