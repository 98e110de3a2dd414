#include "synth/stream.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/threads.h"
#include "synth/labels.h"
#include "synth/questions.h"
#include "synth/random.h"
#include "synth/render.h"
#include "synth/world.h"
#include "video/encode.h"
#include "video/plan.h"
#include "video/resize.h"

namespace shijian::synth {
namespace {

// The clip as probe() would describe its file.
video::VideoInfo describe(const Script& script) {
  video::VideoInfo info;
  info.coded_width = info.width = script.width;
  info.coded_height = info.height = script.height;
  info.frame_count = script.frames;
  info.frame_rate = {script.rate.numerator, script.rate.denominator};
  info.duration = info.container_duration = script.frames / script.rate.value();
  info.time_base = {script.rate.denominator, script.rate.numerator};
  info.frame_pts.resize(script.frames);
  for (int i = 0; i < script.frames; ++i) info.frame_pts[i] = i;
  info.key_frames = {{0, 0, 0}};
  return info;
}

Json objects_json(const Script& script) {
  Json list = Json::array();
  for (const Object& object : script.objects) {
    const Identity& id = object.identity;
    const bool shape = id.type == ObjectType::kShape;
    list.push_back({{"shape", shape ? Json(kShapes[id.value].english) : Json()},
                    {"color", kColours[id.colour].english},
                    {"text", shape ? Json() : Json(id.text())}});
  }
  return list;
}

Json questions_json(const Script& script, int most) {
  Json list = Json::array();
  for (const Question& question : make_questions(script, most, 3)) {
    Json spans = Json::array();
    for (const Span& span : question.spans)
      spans.push_back({span.start / 1000.0, span.end / 1000.0});
    list.push_back({{"query", question.query},
                    {"kind", kind_name(question.kind)},
                    {"language", question.language},
                    {"spans", spans}});
  }
  return list;
}

// Fast encoders at varied quality: the artefacts matter, not the size.
video::EncodeOptions quick_encoding(Random random) {
  video::EncodeOptions options;
  const bool h264 = random.chance(60);
  options.codec = h264 ? "libx264" : "mpeg4";
  options.preset = "ultrafast";
  options.quality = h264 ? random.between(18, 33) : random.between(2, 8);
  options.b_frames = 0;
  options.key_interval = random.between(6, 48);
  return options;
}

}  // namespace

std::string stream_clip(const StreamOptions& options, int64_t index) {
  const Script script = make_script(options.seed, index, options.script);
  video::SamplingOptions sampling;
  sampling.fps = options.sample_fps;
  sampling.max_frames = options.max_frames;
  sampling.frame_pixels = options.frame_pixels;
  const video::PatchGeometry geometry;
  video::FramePlan plan = video::plan_frames(describe(script), sampling, geometry);
  while (plan.indices.size() % geometry.temporal != 0) {
    plan.indices.push_back(plan.indices.back());
    plan.times.push_back(plan.times.back());
  }
  const LabelGrid grid{static_cast<int>(plan.slots), plan.height / geometry.factor(),
                       plan.width / geometry.factor()};
  const std::vector<uint8_t> labels = make_labels(script, plan.times, grid);

  const size_t frame_size = static_cast<size_t>(plan.height) * plan.width * 3;
  std::vector<uint8_t> frames;
  bool compressed = false;
  if (!options.labels_only) {
    frames.resize(plan.indices.size() * frame_size);
    Renderer renderer(script);
    ThreadPool alone(1);
    const auto draw = [&](int i, uint8_t* rgb) { renderer.draw(plan.times[i] * 1000, rgb); };
    const auto take = [&](int i, const video::ConstImage& picture) {
      video::resize_bicubic(
          picture,
          {frames.data() + i * frame_size, plan.height, plan.width, int64_t{plan.width} * 3},
          alone);
    };
    const int count = static_cast<int>(plan.indices.size());
    Random random = Random(script.key).fork(41);
    compressed = random.chance(options.compressed);
    if (compressed) {
      video::recompress(quick_encoding(random), script.width, script.height, count, draw, take);
    } else {
      std::vector<uint8_t> picture(static_cast<size_t>(script.width) * script.height * 3);
      for (int i = 0; i < count; ++i) {
        draw(i, picture.data());
        take(i, {picture.data(), script.height, script.width, int64_t{script.width} * 3});
      }
    }
  }

  Json backgrounds = Json::array();
  for (const Scene& scene : script.scenes) {
    backgrounds.push_back(
        {{"kind", kPatterns[scene.pattern].english}, {"hue", kHues[scene.hue].english}});
  }
  const OrderedJson line{
      {"id", fmt::format("{}-{}-{}", script.split == Split::kTrain ? "train" : "heldout",
                         options.seed, index)},
      {"width", plan.width},
      {"height", plan.height},
      {"source_width", script.width},
      {"source_height", script.height},
      {"fps", script.rate.value()},
      {"duration", script.duration_ms / 1000.0},
      {"times", plan.times},
      {"slot_times", plan.slot_times},
      {"grid", {grid.slots, grid.rows, grid.columns}},
      {"objects", objects_json(script)},
      {"backgrounds", backgrounds},
      {"questions", questions_json(script, options.questions)},
      {"compressed", compressed},
      {"frame_bytes", frames.size()},
      {"label_bytes", labels.size()}};
  std::string clip = write_json(line);
  clip += '\n';
  clip.append(reinterpret_cast<const char*>(frames.data()), frames.size());
  clip.append(reinterpret_cast<const char*>(labels.data()), labels.size());
  return clip;
}

void stream_clips(const StreamOptions& options, const std::function<bool(std::string_view)>& send) {
  if (options.script.max_ms > kLongestAct) {
    throw Error(ErrorCode::kUsage, "synth: clips of over 60 s are no clips to train on"_text,
                "give --seconds A-B with 5 <= A <= B <= 60"_text);
  }
  ThreadPool pool(options.threads);
  // One thread sends each clip at once; several make a batch together.
  const int64_t batch = pool.size() == 1 ? 1 : 4 * pool.size();
  std::vector<std::string> clips;
  for (int64_t done = 0; options.count == 0 || done < options.count; done += clips.size()) {
    clips.assign(options.count == 0 ? batch : std::min(batch, options.count - done), {});
    pool.parallel_for(static_cast<int64_t>(clips.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        clips[i] = stream_clip(options, options.first + done + i);
    });
    for (const std::string& clip : clips) {
      if (!send(clip)) return;
    }
  }
}

}  // namespace shijian::synth
