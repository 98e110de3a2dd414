#include "server/chat_media.h"

#include <fstream>
#include <utility>

#include "base/error.h"
#include "base/text_file.h"
#include "http/text.h"
#include "server/data_url.h"

namespace shijian::server {
namespace {

constexpr size_t kMaxMedia = 100;
constexpr size_t kMaxFrames = 1000;                // of one video
constexpr int64_t kMaxFetched = int64_t{1} << 30;  // bytes, of all media of one request
constexpr double kFrameRate = 2;                   // of frames that come without times
constexpr std::string_view kFileScheme = "file://";

const OrderedJson& frame_list(const OrderedJson* value, const std::string& where) {
  if (value == nullptr || !value->is_array())
    throw http::HttpError(400, "{} is no list"_text(where));
  if (value->size() > kMaxFrames) {
    refuse_chat("{} has {} entries, at most {} are allowed"_text(where, value->size(), kMaxFrames));
  }
  return *value;
}

// What clients write beside a URL and means nothing here.
void skip_labels(OrderedJsonFields& fields) {
  for (const char* key : {"detail", "uuid", "cache_control", "format"}) fields.any(key);
}

// What is inside {"url": …}, or the value itself where it is the URL.
template <typename Read>
const OrderedJson* url_of(const OrderedJson& value, const std::string& where, const Read& read) {
  if (!value.is_object()) return &value;
  OrderedJsonFields inner(value, where);
  const OrderedJson* url = inner.any("url");
  skip_labels(inner);
  read(inner);
  inner.done();
  return url;
}

bool is_frames_type(const std::string& type) {
  return type == "video/jpeg" || type == "video/jpg" || type == "video/mjpeg";
}

// The path of a file: URL; else the text itself. Nothing: a URL of another scheme.
std::optional<std::string> local_name(std::string_view url) {
  if (http::lower(url.substr(0, kFileScheme.size())) == kFileScheme) {
    return http::percent_decode(url.substr(kFileScheme.size())).value_or(std::string(url));
  }
  return url.find("://") == url.npos ? std::optional<std::string>(url) : std::nullopt;
}

std::filesystem::path closed(std::ofstream& out, const std::filesystem::path& path) {
  out.close();
  if (!out) throw Error(ErrorCode::kIo, "write {}: the disk is full"_text(path.string()));
  return path;
}

}  // namespace

std::optional<text::Part> ChatMediaReader::read(OrderedJsonFields& fields, const std::string& type,
                                                const std::string& where) {
  const bool is_image = type == "image_url" || type == "input_image" || type == "image";
  const bool is_timed = type == "video_frames";
  if (!is_image && !is_timed && type != "video_url" && type != "input_video" && type != "video") {
    return std::nullopt;
  }
  const std::string key = type == "input_image" ? "image_url" : type;
  const OrderedJson* value = fields.any(key.c_str());
  if (value == nullptr) refuse_chat("{}: there is no '{}'"_text(where, key));
  auto& media = request_.describe.media;
  if (media.size() >= kMaxMedia) {
    refuse_chat("{}: more than {} images and videos"_text(where, kMaxMedia));
  }
  skip_labels(fields);
  media.push_back(is_image   ? image(fields, *value, where)
                  : is_timed ? timed_frames(fields, *value, where)
                             : video(fields, *value, where));
  return text::Part{is_image ? text::Part::Kind::kImage : text::Part::Kind::kVideo,
                    {},
                    static_cast<int64_t>(media.size()) - 1};
}

engine::MediaFile ChatMediaReader::image(OrderedJsonFields& fields, const OrderedJson& value,
                                         const std::string& where) {
  engine::MediaFile file;
  file.is_image = true;
  file.sampling = sampling_.of_image();
  read_image_sampling(fields, *file.sampling);
  const OrderedJson* url = url_of(
      value, where, [&](OrderedJsonFields& inner) { read_image_sampling(inner, *file.sampling); });
  fields.done();
  file.path = one_file(url, where);
  return file;
}

engine::MediaFile ChatMediaReader::video(OrderedJsonFields& fields, const OrderedJson& value,
                                         const std::string& where) {
  engine::SamplingRequest sampling = sampling_.of_video(videos_++);
  std::optional<double> listed;  // frames a second of a list
  const auto read = [&](OrderedJsonFields& beside) {
    read_video_sampling(beside, sampling);
    if (const auto rate = read_list_rate(beside)) listed = rate;
  };
  read(fields);
  const OrderedJson* url = url_of(value, where, read);
  fields.done();
  const auto even = [&](std::vector<std::filesystem::path> frames) {
    if (listed) sampling.fps = listed;
    return even_frames(std::move(frames), sampling, where);
  };
  std::vector<std::filesystem::path> pictures;
  if (url != nullptr && url->is_array()) {
    for (const OrderedJson& picture : frame_list(url, where)) {
      pictures.push_back(one_file(&picture, fmt::format("{}.frames[{}]", where, pictures.size())));
    }
    if (pictures.empty()) refuse_chat("{} has no frames"_text(where));
    return even(std::move(pictures));
  }
  bool frames = false;
  pictures = files(url, where, /*is_image=*/false, frames);
  if (frames) return even(std::move(pictures));
  if (listed) {
    refuse_chat("sampling: 'sample_fps' is the rate of a list of frames, and this is a file"_text,
                "give 'fps' instead"_text);
  }
  engine::MediaFile file;
  file.path = std::move(pictures.front());
  file.sampling = sampling;
  return file;
}

engine::MediaFile ChatMediaReader::even_frames(std::vector<std::filesystem::path> pictures,
                                               engine::SamplingRequest sampling,
                                               const std::string& where) {
  engine::MediaFile video;
  video.path = where;
  const double rate = sampling.fps.value_or(kFrameRate);
  for (size_t i = 0; i < pictures.size(); ++i) {
    video.frames.push_back({std::move(pictures[i]), static_cast<double>(i) / rate});
  }
  video.sampling = sampling;
  return video;
}

engine::MediaFile ChatMediaReader::timed_frames(OrderedJsonFields& fields, const OrderedJson& value,
                                                const std::string& where) {
  engine::MediaFile video;
  video.path = where;
  video.sampling = sampling_.of_video(videos_++);
  read_video_sampling(fields, *video.sampling);
  fields.done();
  const std::string list = where + ".video_frames";
  OrderedJsonFields inner(value, list);
  const OrderedJson& pictures = frame_list(inner.any("frames"), list + ".frames");
  const OrderedJson& times = frame_list(inner.any("times"), list + ".times");
  read_video_sampling(inner, *video.sampling);
  inner.done();
  if (pictures.size() != times.size()) {
    refuse_chat("{} has {} frames and {} times"_text(list, pictures.size(), times.size()),
                "give the time of each frame in seconds"_text);
  }
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (!times[i].is_number())
      throw http::HttpError(400, "{}.times holds what is no number"_text(list));
    video.frames.push_back(
        {one_file(&pictures[i], fmt::format("{}.frames[{}]", where, i)), times[i].get<double>()});
  }
  if (video.frames.empty()) refuse_chat("{} has no frames"_text(list));
  return video;
}

std::filesystem::path ChatMediaReader::one_file(const OrderedJson* url, const std::string& name) {
  bool frames = false;
  auto paths = files(url, name, /*is_image=*/true, frames);
  if (paths.size() > 1)
    refuse_chat("{}: it holds {} pictures"_text(name, paths.size()),
                "send several pictures as a video, or each on its own"_text);
  return std::move(paths.front());
}

std::vector<std::filesystem::path> ChatMediaReader::files(const OrderedJson* url,
                                                          const std::string& name, bool is_image,
                                                          bool& frames) {
  if (url == nullptr || !url->is_string())
    throw http::HttpError(400, "{}: 'url' is no string"_text(name));
  const std::string_view text = without_bom(url->get_ref<const std::string&>());
  if (is_data_url(text)) {
    const DataUrl data = read_data_url(text);
    frames = is_frames_type(data.type) || data.files.size() > 1;
    if (data.files.size() > kMaxFrames) {
      refuse_chat(
          "{} has {} entries, at most {} are allowed"_text(name, data.files.size(), kMaxFrames));
    }
    if (!frames) return {kept(data.files.front(), name)};
    std::vector<std::filesystem::path> pictures;
    for (const std::string& bytes : data.files) {
      pictures.push_back(kept(bytes, fmt::format("{}.frames[{}]", name, pictures.size())));
    }
    return pictures;
  }
  if (const auto local = local_name(text)) {
    const std::string known = library_name(*local);
    Library& library = sources_.library;
    return {is_image ? library.file(known) : library.file_of(library.find(known))};
  }
  return {fetched(check_fetching(std::string(text), sources_.fetch), name)};
}

std::filesystem::path ChatMediaReader::kept(std::string_view bytes, const std::string& name) {
  if (!request_.files) request_.files = std::make_shared<TemporaryFolder>();
  const std::filesystem::path path = request_.files->path() / name;
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return closed(out, path);
}

std::filesystem::path ChatMediaReader::fetched(const http::AllowedUrl& from,
                                               const std::string& name) {
  if (!request_.files) request_.files = std::make_shared<TemporaryFolder>();
  const std::filesystem::path path = request_.files->path() / name;
  std::ofstream out(path, std::ios::binary);
  http::download(
      from, sources_.fetch.hosts, std::min(sources_.fetch.max_bytes, kMaxFetched - fetched_),
      [&](std::span<const std::byte> bytes) {
        out.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
        fetched_ += static_cast<int64_t>(bytes.size());
      },
      sources_.cancel);
  return closed(out, path);
}

}  // namespace shijian::server
