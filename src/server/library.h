// The folder of videos that clients may name, and the database's rows about them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/json.h"
#include "cache/content_hashes.h"
#include "jobs/store.h"

namespace shijian {

// A name as clients write it becomes one inside the folder: "a.mp4", "talks/a.mp4", and
// "/app/videos/a.mp4" for the folder of the container. Error(kPermission), which the server answers
// with 403, for what would leave the folder: "..", another absolute path, NUL, backslashes.
// kUsage for an empty name, one of more than 1000 bytes, or a part of it of more than 255.
std::string library_name(std::string_view path);
// The same for a file that is to come, of at most 240 bytes a part: " (2)" may be added to it.
std::string upload_name(std::string_view path);
// The same for a folder, as what names in it begin with: "" for the library itself, else "talks/".
// A slash at the end makes no difference.
std::string library_prefix(std::string_view folder);

struct LibraryOptions {
  std::filesystem::path folder;
  int64_t quota = int64_t{100} << 30;  // bytes of all files that uploads may fill it to
};

// Thread-safe. Everything here touches the disk: not for HTTP threads.
class Library {
 public:
  // Makes the folder when it is not there. `store` outlives the library.
  Library(LibraryOptions options, Store& store);

  const std::filesystem::path& folder() const { return options_.folder; }

  // The file of a name. kNotFound; kPermission when a part of the way is a link or the file is not
  // a regular one.
  std::filesystem::path file(const std::string& name) const;
  std::filesystem::path file_of(const Video& video) const { return file(video.name); }

  // The video of that name, hashed and probed when it is new or has changed. The errors of file()
  // and probe().
  Video find(const std::string& name);
  // The video with that id whose file is still there and unchanged. kNotFound.
  Video get(const std::string& id);
  // Looks for files put in or taken out by hand. What is no video is left alone.
  void scan(const CancelToken& cancel = {});

  // Takes complete, closed files of partial_folder() in under their names (or "name (2).mp4" when
  // that is taken by other content) and returns their videos. The same content as one that is
  // there: the file is dropped and that video returned. HttpError(415) when one is no video, 413
  // when the quota is full; all of the files are removed then, and none taken in.
  struct Upload {
    std::string name;
    std::filesystem::path file;
  };
  std::vector<Video> accept(const std::vector<Upload>& uploads);
  void remove(const std::string& id);  // all files of that content. kNotFound

  // Bytes that uploads may still bring; those that are not complete count as there. Below 0 when
  // the quota is passed.
  int64_t room() const;
  // HttpError(413) when `bytes` more would pass the quota.
  void check_quota(int64_t bytes) const;

  // A folder on the same disk, outside the listing, for uploads that are not complete; made when it
  // is not there. kPermission where the library may only be read.
  std::filesystem::path partial_folder() const;

 private:
  Video examine(const std::filesystem::path& path, const std::string& name);
  void require_video(const Upload& upload);
  Video store(const Upload& upload);
  std::optional<Video> known(const Upload& upload);  // with the same content

  LibraryOptions options_;
  Store& store_;
  ContentHashes hashes_;
};

OrderedJson video_json(const Video& video);

// Clients know names in a folder, not where the folder lies: the error without its path.
Error without_folder(const Error& error, const std::filesystem::path& folder);

}  // namespace shijian
