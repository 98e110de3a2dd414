// The folder of videos that clients may name, and the database's rows about them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/json.h"
#include "cache/content_hashes.h"
#include "jobs/store.h"
#include "server/library_folder.h"

namespace shijian::server {

// At the top of the folder, for uploads that are not complete.
inline constexpr const char* kPartialFolder = ".uploads";

// What a video with that content hash is called.
std::string video_id_of(const std::string& hash);

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

// Thread-safe. Everything here touches the disk: not for HTTP threads. A StoreError is the store's
// fault and says nothing about a video.
class Library {
 public:
  // Makes the folder when it is not there. `store` outlives the library.
  Library(LibraryOptions options, jobs::Store& store);

  const std::filesystem::path& folder() const { return folder_.path(); }

  // The file of a name. kNotFound; kPermission when a part of the way is a link or the file is not
  // a regular one.
  std::filesystem::path file(const std::string& name) const;
  std::filesystem::path file_of(const jobs::Video& video) const { return file(video.name); }

  // The video of that name, hashed and probed when it is new or has changed. The errors of file()
  // and probe(); kCancelled.
  jobs::Video find(const std::string& name, const std::stop_token& cancel = {});
  // The same without reading all of a large file that is new: its `id` is then "" until it is
  // hashed, by a scan or by find().
  jobs::Video find_soon(const std::string& name);
  // The video with that id, or one that it had in an older database, whose file is still there and
  // unchanged. kNotFound.
  jobs::Video get(const std::string& id, const std::stop_token& cancel = {});

  // Scans the folder for files that were added or removed by hand. Files that are not videos are
  // ignored. A missing file is no longer listed but keeps its row, which is valid again when the
  // file returns: a share may be unmounted for a while. Gives rows of older databases new ids.
  void scan(const std::stop_token& stop = {});
  // Starts a scan on the library's own thread and waits if it ends soon. Returns false when it is
  // still running and the rows may be outdated. After a slow scan none is started for a while.
  bool refresh();

  // Error(kPermission) when a file of that name, from upload_name(), would not lie in the library.
  void check_upload(const std::string& name) const { folder_.check_way_to(name); }
  // Moves complete, closed files of partial_folder() into the library under their names (or "name
  // (2).mp4" when that is taken by other content) and returns their videos. A file whose content is
  // already stored is deleted and the stored video returned. Throws HttpError(415) for a file that
  // is not a video, 413 when the quota is exceeded. All or none: an error removes all files.
  struct Upload {
    std::string name;
    std::filesystem::path file;
    std::string hash = {};  // of its content, where that is known
  };
  std::vector<jobs::Video> accept(std::vector<Upload> uploads);
  void remove(const std::string& id);  // all files of that content. kNotFound

  // Returns the bytes that uploads may still add; negative when the quota is exceeded. Incomplete
  // uploads count as stored. Files added by hand count from the next scan on.
  int64_t remaining_quota();
  // HttpError(413) when `bytes` more would pass the quota, counted anew.
  void check_quota(int64_t bytes);

  // A folder on the same disk, outside the listing, for uploads that are not complete; made when it
  // is not there. kPermission where the library may only be read.
  std::filesystem::path partial_folder() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct ScanResult {
    std::vector<LibraryFolder::File> fresh;  // new or changed
    std::vector<LibraryFolder::File> old;    // whose rows have an id of an older database
  };

  std::optional<jobs::Video> known_row(const LibraryFolder::File& file);
  jobs::Video examine(const LibraryFolder::File& file, std::string hash,
                      const std::stop_token& cancel);
  void require_video(Upload& upload);
  std::optional<jobs::Video> known(Upload& upload);  // with the same content
  jobs::Video store(Upload& upload, std::vector<std::string>& taken);
  void undo_store(const std::vector<std::string>& names);
  // library_scan.cc
  int64_t stored_bytes();
  void count_stored();
  uint64_t want_scan();
  ScanResult walk_folder(const std::stop_token& stop);
  void read_changed(const ScanResult& found, const std::stop_token& stop);
  void run_scans(const std::stop_token& stop);

  const LibraryFolder folder_;
  const int64_t quota_;
  jobs::Store& store_;
  cache::ContentHashes hashes_;

  mutable std::mutex mutex_;  // guards all below
  // Files that were found not to be videos: size and mtime by name.
  std::map<std::string, std::pair<int64_t, int64_t>> non_videos_;
  std::optional<int64_t> stored_;  // bytes of the library without incomplete uploads
  int64_t uploaded_ = 0;           // bytes that were stored since the start
  int64_t walk_bytes_ = 0;         // bytes of the files that the running walk has visited
  std::condition_variable_any changed_;
  uint64_t wanted_ = 0, begun_ = 0, walked_ = 0, done_ = 0;  // scans, by their numbers
  Clock::time_point begun_at_{}, rest_until_{};
  size_t fresh_ = 0;   // new or changed files that the last walk found
  bool slow_ = false;  // the last walk exceeded kMaxScanWait
  std::jthread scanner_;
};

OrderedJson video_json(const jobs::Video& video);

// Clients know names in a folder, not where the folder lies: the error without its path.
Error without_folder(const Error& error, const std::filesystem::path& folder);

}  // namespace shijian::server
