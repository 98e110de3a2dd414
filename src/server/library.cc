#include "server/library.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "http/server.h"
#include "server/json_fields.h"
#include "video/probe.h"

namespace shijian::server {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kContainerFolder = "/app/videos/";
constexpr size_t kMaxPart = 255;  // bytes, of most file systems
constexpr size_t kMaxUploadPart = 240;
// Bytes that are hashed while a client waits.
constexpr int64_t kHashedAtOnce = int64_t{64} << 20;

[[noreturn]] void refuse(const Text& why) {
  throw Error(ErrorCode::kPermission, "video path: {}"_text(why),
              "name a video of the library, as GET /api/v1/videos lists them"_text);
}

OrderedJson streams_json(const video::VideoInfo& info) {
  OrderedJson streams = OrderedJson::array();
  for (const video::Track& track : info.tracks) {
    if (track.type != "video") continue;
    streams.push_back({{"index", track.index},
                       {"codec", track.codec},
                       {"width", track.width},
                       {"height", track.height},
                       {"language", track.language},
                       {"programme", track.programme},
                       {"title", track.title}});
  }
  return streams;
}

OrderedJson probe_json(const video::VideoInfo& info) {
  return {{"duration", thousandths(info.duration)},
          {"frame_rate", thousandths(info.frame_rate.value())},
          {"constant_rate", !info.variable_rate},
          {"frames", info.frame_count},
          {"width", info.width},
          {"height", info.height},
          {"rotation", info.rotation},
          {"codec", info.codec},
          {"container", info.container},
          {"stream", info.stream},
          {"streams", streams_json(info)}};
}

// Rethrows an error of probe() with the name that clients know in place of the path. A file that is
// not a readable video becomes HttpError(415).
[[noreturn]] void refuse_video(const Error& error, const fs::path& path, const std::string& name) {
  if (error.code() != ErrorCode::kInvalid && error.code() != ErrorCode::kUnsupported) throw error;
  const std::string shown = path.string();
  const Text why = error.message_text().changed([&](std::string text) {
    if (const size_t at = text.find(shown); at != text.npos) text.replace(at, shown.size(), name);
    return text;
  });
  if (error.code() == ErrorCode::kUnsupported) throw Error(error.code(), why, error.hint_text());
  throw http::HttpError(415, "'{}' is no video that can be read: {}"_text(name, why),
                        error.hint_text());
}

std::string safe_name(std::string_view path, size_t max_part) {
  if (path.find('\0') != path.npos) refuse("it holds a NUL"_text);
  if (path.size() > 1000) {
    throw Error(ErrorCode::kUsage, "video path: {} bytes long"_text(path.size()),
                "at most 1000"_text);
  }
  if (path.starts_with(kContainerFolder)) path.remove_prefix(kContainerFolder.size());
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path.empty())
    throw Error(ErrorCode::kUsage, "video path: it is empty"_text, "name a video"_text);
  if (path.front() == '/') refuse("an absolute path leaves the library"_text);
  if (path.find('\\') != path.npos) refuse("it holds a backslash"_text);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") refuse("'..' leaves the library"_text);
    if (part.empty() || part == ".") refuse("a part of it is empty"_text);
    // Hidden files are not videos of the library: uploads in progress among them.
    if (part.front() == '.') refuse("a part of it begins with a dot"_text);
    if (part.size() > max_part) {
      throw Error(ErrorCode::kUsage, "video path: a name of {} bytes"_text(part.size()),
                  "at most {}"_text(max_part));
    }
    begin = end + 1;
  }
  return std::string(path);
}

}  // namespace

// 160 bits of it: nobody can make two videos with one id.
std::string video_id_of(const std::string& hash) { return "v" + hash.substr(0, 40); }

std::string library_name(std::string_view path) { return safe_name(path, kMaxPart); }
std::string upload_name(std::string_view path) { return safe_name(path, kMaxUploadPart); }

std::string library_prefix(std::string_view folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.remove_suffix(1);
  if (folder.empty() || folder == kContainerFolder.substr(0, kContainerFolder.size() - 1))
    return "";
  return library_name(folder) + "/";
}

Library::Library(LibraryOptions options, jobs::Store& store)
    : folder_(std::move(options.folder)), quota_(options.quota), store_(store) {
  std::error_code failed;
  fs::create_directories(folder(), failed);
  if (failed) throw system_error("make {}"_text(folder().string()), failed.value());
}

fs::path Library::partial_folder() const {
  fs::path at = folder() / kPartialFolder;
  std::error_code failed;
  fs::create_directory(at, failed);
  if (fs::is_symlink(fs::symlink_status(at, failed))) refuse("links are not followed"_text);
  if (!failed) return at;
  const Error error = system_error("write to the library's folder"_text, failed.value());
  throw Error(
      failed.value() == EROFS ? ErrorCode::kPermission : error.code(), error.message_text(),
      "whoever runs the server must own that folder, and it must not be mounted read-only"_text);
}

fs::path Library::file(const std::string& name) const {
  return folder() / folder_.find(library_name(name)).name;
}

std::optional<jobs::Video> Library::known_row(const LibraryFolder::File& file) {
  auto known = store_.unchanged_video(file.name, file.size, file.mtime);
  if (known && known->missing != 0) store_.set_missing({file.name}, false);
  return known;
}

jobs::Video Library::examine(const LibraryFolder::File& file, std::string hash,
                             const std::stop_token& cancel) {
  const fs::path path = folder() / file.name;
  video::VideoInfo info;
  try {
    info = video::probe(path, cancel);
  } catch (const Error& error) {
    refuse_video(error, path, file.name);
  }
  jobs::Video video;
  video.name = file.name;
  video.size = file.size;
  video.mtime = file.mtime;
  video.hash = hash.empty() ? hashes_.of(path, cancel) : std::move(hash);
  video.id = video_id_of(video.hash);
  video.probe = write_json(probe_json(info));
  try {
    store_.put_video(video);
    return *store_.video_named(file.name);
  } catch (
      const jobs::StoreError& error) {  // the row saves work; what it says is known all the same
    log_event(LogLevel::kWarning, "video_not_noted", {{"message", error.message()}});
    video.created = store_.now();
    return video;
  }
}

jobs::Video Library::find(const std::string& name, const std::stop_token& cancel) {
  const LibraryFolder::File file = folder_.find(library_name(name));
  if (auto known = known_row(file)) return *std::move(known);
  return examine(file, "", cancel);
}

jobs::Video Library::find_soon(const std::string& name) {
  const LibraryFolder::File file = folder_.find(library_name(name));
  if (auto known = known_row(file)) return *std::move(known);
  if (file.size <= kHashedAtOnce) return examine(file, "", {});
  jobs::Video video;
  video.name = file.name;
  video.size = file.size;
  video.mtime = file.mtime;
  try {
    video.probe = write_json(probe_json(video::probe(folder() / file.name)));
  } catch (const Error& error) {
    refuse_video(error, folder() / file.name, file.name);
  }
  return video;
}

jobs::Video Library::get(const std::string& id, const std::stop_token& cancel) {
  const std::string today = store_.present_id(id);
  for (const std::string& name : store_.video_names(today)) {
    try {
      jobs::Video video = find(name, cancel);
      if (video.id == today) return video;
    } catch (const jobs::StoreError&) {  // says nothing about the video
      throw;
    } catch (const Error& error) {  // another name may still hold it
      if (error.code() == ErrorCode::kCancelled) throw;
    }
  }
  throw not_in_library(id);
}

int64_t Library::remaining_quota() {
  int64_t left = quota_ - stored_bytes();
  std::error_code ignored;
  fs::directory_iterator at(folder() / kPartialFolder, ignored), end;
  for (; at != end; at.increment(ignored)) {
    const auto size = at->is_regular_file(ignored) ? at->file_size(ignored) : 0;
    if (size != static_cast<std::uintmax_t>(-1)) left -= static_cast<int64_t>(size);
  }
  return left;
}

void Library::check_quota(int64_t bytes) {
  if (remaining_quota() >= bytes) return;
  count_stored();
  const int64_t left = remaining_quota();
  if (left >= bytes) return;
  throw http::HttpError(413,
                        "the library holds {} bytes of at most {}, {} more do not fit"_text(
                            quota_ - left, quota_, bytes),
                        "delete videos, or start the server with a larger --quota"_text);
}

std::optional<jobs::Video> Library::known(Upload& upload) {
  if (upload.hash.empty()) upload.hash = hashes_.of(upload.file);
  try {
    return get(video_id_of(upload.hash));
  } catch (const jobs::StoreError&) {
    throw;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void Library::require_video(Upload& upload) {
  upload.name = upload_name(upload.name);
  check_upload(upload.name);
  if (known(upload)) return;
  check_quota(0);
  try {
    video::probe(upload.file);
  } catch (const Error& error) {
    refuse_video(error, upload.file, upload.name);
  }
}

jobs::Video Library::store(Upload& upload, std::vector<std::string>& taken) {
  if (std::optional<jobs::Video> video = known(upload)) return *std::move(video);
  const fs::path parts(upload.name);
  for (int i = 1; i <= 10000; ++i) {
    const std::string name =
        i == 1 ? upload.name
               : (parts.parent_path() /
                  fmt::format("{} ({}){}", parts.stem().string(), i, parts.extension().string()))
                     .string();
    if (!folder_.link(upload.file, name)) continue;
    taken.push_back(name);
    const LibraryFolder::File file = folder_.find(name);
    {
      const std::lock_guard lock(mutex_);
      uploaded_ += file.size;
      if (stored_) *stored_ += file.size;
    }
    return examine(file, upload.hash, {});
  }
  throw system_error("store {}"_text(upload.name), EEXIST);
}

// Removes the stored files and rows of a failed accept().
void Library::undo_store(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    try {
      const LibraryFolder::File file = folder_.find(name);
      folder_.remove(name);
      const std::lock_guard lock(mutex_);
      if (stored_) *stored_ -= file.size;
    } catch (const Error&) {  // it has gone by itself
    }
    try {
      store_.remove_video(name);
    } catch (const jobs::StoreError&) {  // a scan will find that its file has gone
    }
  }
}

std::vector<jobs::Video> Library::accept(std::vector<Upload> uploads) {
  const auto drop_files = [&] {
    std::error_code ignored;
    for (const Upload& upload : uploads) fs::remove(upload.file, ignored);
  };
  std::vector<std::string> taken;
  std::vector<jobs::Video> videos;
  try {
    for (Upload& upload : uploads) require_video(upload);
    for (Upload& upload : uploads) videos.push_back(store(upload, taken));
  } catch (...) {
    undo_store(taken);
    drop_files();
    throw;
  }
  drop_files();
  return videos;
}

void Library::remove(const std::string& id) {
  bool any = false;
  for (const std::string& name : store_.video_names(store_.present_id(id))) {
    try {
      const LibraryFolder::File file = folder_.find(name);
      any = folder_.remove(name) || any;
      const std::lock_guard lock(mutex_);
      if (stored_) *stored_ -= file.size;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
    }
    store_.remove_video(name);
  }
  if (!any) throw not_in_library(id);
}

OrderedJson video_json(const jobs::Video& video) {
  OrderedJson json = {{"id", video.id},
                      {"name", video.name},
                      {"size", video.size},
                      {"created", rfc3339(video.created)}};
  if (!video.probe.empty()) json.update(parse_ordered_json(video.probe, "the database"_text));
  return json;
}

Error without_folder(const Error& error, const std::filesystem::path& folder) {
  const std::string prefix = folder.string() + "/";
  const auto without = [&](std::string text) {
    for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  };
  return Error(error.code(), error.message_text().changed(without), error.hint_text());
}

}  // namespace shijian::server
