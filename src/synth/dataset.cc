#include "synth/dataset.h"

#include <mutex>
#include <vector>

#include "base/created_files.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"
#include "synth/questions.h"
#include "synth/random.h"
#include "synth/render.h"
#include "video/encode.h"

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
    if (error) throw system_error("open {}"_text(directory.string()), error.value());
    throw Error(ErrorCode::kInvalid, "synth: {} is not a directory"_text(directory.string()),
                "name a new directory"_text);
  }
  const bool empty = fs::is_empty(directory, error);
  if (error) throw system_error("read the directory {}"_text(directory.string()), error.value());
  if (!empty) {
    throw Error(ErrorCode::kUsage, "synth: {} is not empty"_text(directory.string()),
                "name a new directory, or remove this one first"_text);
  }
}

std::string encode_clip(const Script& script) {
  Random random = Random(script.key).fork(51);
  video::EncodeOptions options;
  options.quality = random.between(20, 32);
  options.b_frames = random.between(1, 3);
  options.key_interval = random.between(24, 200);
  Renderer renderer(script);
  const double ms_per_frame = 1000.0 * script.rate.denominator / script.rate.numerator;
  return video::encode_mp4(options, script.width, script.height,
                           {script.rate.numerator, script.rate.denominator}, script.frames,
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
                   const std::stop_token& cancel, const DatasetProgress& progress) {
  if (options.count < 1) {
    throw Error(ErrorCode::kUsage, "synth: no number of clips is given"_text,
                "give --count N"_text);
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
      throw_if_cancelled(cancel);
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
