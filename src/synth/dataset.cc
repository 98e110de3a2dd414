#include "synth/dataset.h"

#include <mutex>
#include <vector>

#include "base/created_files.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"
#include "synth/encoder.h"
#include "synth/questions.h"
#include "synth/random.h"
#include "synth/render.h"

namespace shijian::synth {
namespace {

namespace fs = std::filesystem;

std::string video_name(int64_t index) { return fmt::format("videos/{:05}.mp4", index); }

void write(CreatedFiles& created, const fs::path& path, std::string_view content) {
  write_file_atomic(path, content);
  created.add(path);
}

void require_empty(const fs::path& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) return;
  if (status.type() != fs::file_type::directory) {
    if (error) throw system_error("open", directory.string(), error.value());
    throw Error(ErrorCode::kInvalid,
                fmt::format("synth: {} is not a directory", directory.string()),
                "name a new directory");
  }
  const bool empty = fs::is_empty(directory, error);
  if (error) throw system_error("read the directory", directory.string(), error.value());
  if (!empty) {
    throw Error(ErrorCode::kUsage, fmt::format("synth: {} is not empty", directory.string()),
                "name a new directory, or remove this one first");
  }
}

std::string encode_clip(const Script& script) {
  Random random = Random(script.key).fork(51);
  EncoderSettings settings;
  settings.quality = random.between(20, 32);
  settings.b_frames = random.between(1, 3);
  settings.key_interval = random.between(24, 200);
  Renderer renderer(script);
  const double ms_per_frame = 1000.0 * script.rate.denominator / script.rate.numerator;
  return encode_mp4(settings, script.width, script.height, script.rate, script.frames,
                    [&](int i, uint8_t* rgb) { renderer.draw(i * ms_per_frame, rgb); });
}

}  // namespace

std::string annotation_lines(const DatasetOptions& options, int64_t index) {
  const Script script = make_script(options.seed, index, options.script);
  std::string lines;
  for (const Question& question : make_questions(script, options.questions, 1)) {
    OrderedJson spans = OrderedJson::array();
    for (const Span& span : question.spans) {
      spans.push_back({span.start / 1000.0, span.end / 1000.0});
    }
    const OrderedJson line{
        {"video", video_name(index)},       {"duration", script.duration_ms / 1000.0},
        {"query", question.query},          {"spans", spans},
        {"kind", kind_name(question.kind)}, {"language", question.language}};
    lines += write_json(line);
    lines += '\n';
  }
  return lines;
}

void write_dataset(const fs::path& directory, const DatasetOptions& options,
                   const CancelToken& cancel, const DatasetProgress& progress) {
  if (options.count < 1) {
    throw Error(ErrorCode::kUsage, "synth: no number of clips is given", "give --count N");
  }
  make_script(options.seed, options.first, options.script);  // refuses bad options early
  require_empty(directory);
  CreatedFiles created;
  created.make_folder(directory);
  created.make_folder(directory / "videos");
  std::mutex mutex;
  int64_t done = 0;
  ThreadPool pool(options.threads);
  pool.parallel_for(options.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      cancel.check();
      const int64_t index = options.first + i;
      const std::string file = encode_clip(make_script(options.seed, index, options.script));
      write(created, directory / video_name(index), file);
      const std::lock_guard lock(mutex);
      if (progress) progress(++done, options.count);
    }
  });
  std::string annotations;
  for (int64_t i = 0; i < options.count; ++i) {
    annotations += annotation_lines(options, options.first + i);
  }
  write(created, directory / "annotations.jsonl", annotations);
  created.keep();
}

}  // namespace shijian::synth
