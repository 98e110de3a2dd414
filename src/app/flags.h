// Flags that several subcommands share, and how they become requests.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/engine.h"

namespace shijian::app {

// Where what was computed is kept between runs.
struct CacheFlags {
  std::string folder;  // empty: the usual one
  int64_t max_bytes = engine::CacheOptions().max_bytes;
  bool off = false;

  void add_to(CLI::App& command);
  engine::CacheOptions options() const;
};

// Says on standard error when something could not be cached.
void warn_of_cache(const engine::Engine& engine);

// Says on standard error when the memory does not hold the weights.
void warn_of_memory(const engine::Engine& engine);

// Notes on standard error, for outputs that have no place for them.
void print_notes(std::span<const grounding::Note> notes, Language language);

struct ModelFlags {
  std::string model;
  int threads = 0;
  std::string reference = "4";
  CacheFlags cache;

  void add_to(CLI::App& command);
  engine::EngineOptions engine_options() const;
};

struct SamplingFlags {
  std::string fps;
  std::optional<int> frames;
  std::optional<int> max_frames;
  std::optional<int64_t> min_pixels;
  std::optional<int64_t> max_pixels;
  std::optional<int64_t> frame_pixels;
  std::string from;
  std::string to;
  std::optional<int> stream;
  std::string pipeline = "transformers";

  void add_to(CLI::App& command);
  engine::SamplingRequest request() const;
  std::string describe() const;  // the flags that were given, on one line
};

struct GenerationFlags {
  engine::GenerationRequest values;

  // Greedy commands offer only the flags that keep them so.
  void add_to(CLI::App& command, bool greedy);
};

// How closely a video is looked at again.
struct EffortFlags {
  std::string effort = "normal";
  double precision = engine::LocateRequest().precision;
  engine::Budget budget;

  void add_to(CLI::App& command);
  void set(engine::LocateRequest& request) const;
  std::string describe() const;
};

// The files that a run was asked to write: opened before the work, so that one that cannot be
// written costs none, and there together or not at all.
class Outputs {
 public:
  // Nothing when `path` is empty. Throws Error as OutputFile does.
  OutputFile* open(const std::string& path);
  void commit();

 private:
  std::vector<std::unique_ptr<OutputFile>> files_;
};

// --dump FILE: records a run's stages when the file is named.
class DumpFlag {
 public:
  void add_to(CLI::App& command);
  model::StageRecorder* recorder();  // null without the flag
  void open(Outputs& outputs) { file_ = outputs.open(path_); }
  void write() const;  // does nothing without the flag

 private:
  std::string path_;
  OutputFile* file_ = nullptr;
  model::StageRecorder stages_;
};

// Writes to `file`, or to standard output where there is none.
void write_output(const std::string& text, OutputFile* file = nullptr);

}  // namespace shijian::app
