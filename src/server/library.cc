#include "server/library.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "http/server.h"
#include "server/json_fields.h"
#include "video/probe.h"

namespace shijian {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kContainerFolder = "/app/videos/";
constexpr std::string_view kPartial = ".uploads";
constexpr size_t kMaxPart = 255;  // bytes, of most file systems
constexpr size_t kMaxUploadPart = 240;

[[noreturn]] void refuse(std::string_view why) {
  throw Error(ErrorCode::kPermission, fmt::format("video path: {}", why),
              "name a video of the library, as GET /api/v1/videos lists them");
}

// Nanoseconds of the file's last change.
int64_t change_time(const struct stat& status) {
  return status.st_mtim.tv_sec * int64_t{1000000000} + status.st_mtim.tv_nsec;
}

struct stat status_of(const fs::path& path, const std::string& name) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) {
    throw Error(ErrorCode::kNotFound, fmt::format("video: no '{}' in the library", name),
                "GET /api/v1/videos lists what there is");
  }
  return status;
}

std::string video_id(const std::string& hash) { return "v" + hash.substr(0, 20); }

OrderedJson probe_json(const VideoInfo& info) {
  return {{"duration", thousandths(info.duration)},
          {"frame_rate", thousandths(info.frame_rate.value())},
          {"constant_rate", !info.variable_rate},
          {"frames", info.frame_count},
          {"width", info.width},
          {"height", info.height},
          {"rotation", info.rotation},
          {"codec", info.codec},
          {"container", info.container}};
}

std::string safe_name(std::string_view path, size_t max_part) {
  if (path.find('\0') != path.npos) refuse("it holds a NUL");
  if (path.size() > 1000) {
    throw Error(ErrorCode::kUsage, fmt::format("video path: {} bytes long", path.size()),
                "at most 1000");
  }
  if (path.starts_with(kContainerFolder)) path.remove_prefix(kContainerFolder.size());
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path.empty()) throw Error(ErrorCode::kUsage, "video path: it is empty", "name a video");
  if (path.front() == '/') refuse("an absolute path leaves the library");
  if (path.find('\\') != path.npos) refuse("it holds a backslash");
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") refuse("'..' leaves the library");
    if (part.empty() || part == ".") refuse("a part of it is empty");
    // Hidden files are not videos of the library: uploads in progress among them.
    if (part.front() == '.') refuse("a part of it begins with a dot");
    if (part.size() > max_part) {
      throw Error(ErrorCode::kUsage, fmt::format("video path: a name of {} bytes", part.size()),
                  fmt::format("at most {}", max_part));
    }
    begin = end + 1;
  }
  return std::string(path);
}

}  // namespace

std::string library_name(std::string_view path) { return safe_name(path, kMaxPart); }
std::string upload_name(std::string_view path) { return safe_name(path, kMaxUploadPart); }

std::string library_prefix(std::string_view folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.remove_suffix(1);
  if (folder.empty() || folder == kContainerFolder.substr(0, kContainerFolder.size() - 1))
    return "";
  return library_name(folder) + "/";
}

Library::Library(LibraryOptions options, Store& store)
    : options_(std::move(options)), store_(store) {
  std::error_code failed;
  fs::create_directories(options_.folder, failed);
  if (failed) throw system_error("make", options_.folder.string(), failed.value());
}

fs::path Library::partial_folder() const {
  fs::path folder = options_.folder / kPartial;
  std::error_code failed;
  fs::create_directory(folder, failed);
  if (!failed) return folder;
  const Error error = system_error("write to", "the library's folder", failed.value());
  throw Error(failed.value() == EROFS ? ErrorCode::kPermission : error.code(), error.message(),
              "whoever runs the server must own that folder, and it must not be mounted read-only");
}

fs::path Library::file(const std::string& name) const {
  const std::string inside = library_name(name);
  fs::path at = options_.folder;
  const fs::path parts(inside);
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    at /= *part;
    const struct stat status = status_of(at, name);
    if (S_ISLNK(status.st_mode)) refuse("links are not followed");
    const bool last = std::next(part) == parts.end();
    if (last ? !S_ISREG(status.st_mode) : !S_ISDIR(status.st_mode)) refuse("it is no file");
  }
  return at;
}

Video Library::examine(const fs::path& path, const std::string& name) {
  const struct stat status = status_of(path, name);
  if (auto known = store_.unchanged_video(name, status.st_size, change_time(status))) return *known;
  VideoInfo info;
  try {
    info = probe(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalid && error.code() != ErrorCode::kUnsupported) throw;
    throw HttpError(415, fmt::format("'{}' is no video that can be read", name),
                    "MP4, MOV, MKV, WebM and AVI with the usual codecs can");
  }
  Video video;
  video.name = name;
  video.size = status.st_size;
  video.mtime = change_time(status);
  video.hash = hashes_.of(path);
  video.id = video_id(video.hash);
  video.probe = write_json(probe_json(info));
  store_.put_video(video);
  return *store_.video_named(name);
}

Video Library::find(const std::string& name) {
  const std::string inside = library_name(name);
  return examine(file(inside), inside);
}

Video Library::get(const std::string& id) {
  for (const std::string& name : store_.video_names(id)) {
    try {
      Video video = find(name);
      if (video.id == id) return video;
    } catch (const Error&) {  // another name may still hold it
    }
  }
  throw Error(ErrorCode::kNotFound, fmt::format("video: no '{}' in the library", id),
              "GET /api/v1/videos lists what there is");
}

void Library::scan(const CancelToken& cancel) {
  std::error_code ignored;
  fs::recursive_directory_iterator at(options_.folder, ignored), end;
  for (; at != end; at.increment(ignored)) {
    cancel.check();
    const std::string name = at->path().lexically_relative(options_.folder).string();
    if (at->path().filename().string().starts_with('.')) {
      if (at->is_directory(ignored)) at.disable_recursion_pending();
      continue;
    }
    if (at->is_symlink(ignored) || !at->is_regular_file(ignored)) continue;
    try {
      find(name);
    } catch (const Error&) {  // no video: none of ours
    }
  }
  // Rows whose file has gone.
  PageRequest page{1000, {}};
  do {
    const Page<Video> videos = store_.videos({}, page);
    for (const Video& video : videos.items) {
      for (const std::string& name : store_.video_names(video.id)) {
        try {
          file(name);
        } catch (const Error&) {
          store_.remove_video(name);
        }
      }
    }
    page.cursor = videos.next;
  } while (!page.cursor.empty());
}

int64_t Library::room() const {
  int64_t room = options_.quota;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(options_.folder, ignored)) {
    if (entry.is_regular_file(ignored)) room -= static_cast<int64_t>(entry.file_size(ignored));
  }
  return room;
}

void Library::check_quota(int64_t bytes) const {
  const int64_t left = room();
  if (left >= bytes) return;
  throw HttpError(413,
                  fmt::format("the library holds {} bytes of at most {}, {} more do not fit",
                              options_.quota - left, options_.quota, bytes),
                  "delete videos, or start the server with a larger --quota");
}

std::optional<Video> Library::known(const Upload& upload) {
  const std::string id = video_id(hashes_.of(upload.file));
  try {
    return get(id);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void Library::require_video(const Upload& upload) {
  if (known(upload)) return;
  check_quota(0);
  try {
    probe(upload.file);
  } catch (const Error&) {
    throw HttpError(415, fmt::format("'{}' is no video that can be read", upload.name),
                    "MP4, MOV, MKV, WebM and AVI with the usual codecs can");
  }
}

Video Library::store(const Upload& upload) {
  if (std::optional<Video> video = known(upload)) {
    fs::remove(upload.file);
    return *std::move(video);
  }
  const fs::path parts(upload.name);
  for (int i = 1;; ++i) {
    const fs::path tried =
        i == 1 ? parts
               : parts.parent_path() /
                     fmt::format("{} ({}){}", parts.stem().string(), i, parts.extension().string());
    const fs::path target = options_.folder / tried;
    fs::create_directories(target.parent_path());
    // Fails when the name is taken, unlike rename(): two uploads of one name keep both files.
    if (::link(upload.file.c_str(), target.c_str()) == 0) {
      fs::remove(upload.file);
      return find(tried.string());
    }
    if (errno != EEXIST || i > 10000) throw system_error("store", upload.name, errno);
  }
}

std::vector<Video> Library::accept(const std::vector<Upload>& uploads) {
  try {
    for (const Upload& upload : uploads) require_video(upload);
    std::vector<Video> videos;
    videos.reserve(uploads.size());
    for (const Upload& upload : uploads)
      videos.push_back(store({upload_name(upload.name), upload.file}));
    return videos;
  } catch (...) {
    std::error_code ignored;
    for (const Upload& upload : uploads) fs::remove(upload.file, ignored);
    throw;
  }
}

void Library::remove(const std::string& id) {
  bool any = false;
  for (const std::string& name : store_.video_names(id)) {
    std::error_code ignored;
    any = fs::remove(file(name), ignored) || any;
    store_.remove_video(name);
  }
  if (!any) {
    throw Error(ErrorCode::kNotFound, fmt::format("video: no '{}' in the library", id),
                "GET /api/v1/videos lists what there is");
  }
}

OrderedJson video_json(const Video& video) {
  OrderedJson json = {{"id", video.id},
                      {"name", video.name},
                      {"size", video.size},
                      {"created", rfc3339(video.created)}};
  if (!video.probe.empty()) json.update(parse_ordered_json(video.probe, "the database"));
  return json;
}

Error without_folder(const Error& error, const std::filesystem::path& folder) {
  const std::string prefix = folder.string() + "/";
  std::string message = error.message();
  for (size_t at; (at = message.find(prefix)) != std::string::npos;) {
    message.erase(at, prefix.size());
  }
  return Error(error.code(), std::move(message), error.hint());
}

}  // namespace shijian
