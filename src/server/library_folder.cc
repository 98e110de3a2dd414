#include "server/library_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace shijian::server {
namespace {

// O_PATH: a folder that may be entered but not listed leads on.
constexpr int kStep = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kList = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Thrown when the name exists but is not a regular file inside the library, such as a link.
class NoFile : public Error {
 public:
  explicit NoFile(const Text& why)
      : Error(ErrorCode::kPermission, "video path: {}"_text(why),
              "name a video of the library, as GET /api/v1/videos lists them"_text) {}
};

int64_t change_time(const struct stat& status) {
  return status.st_mtim.tv_sec * int64_t{1000000000} + status.st_mtim.tv_nsec;
}

std::string last_part(const std::string& name) { return name.substr(name.rfind('/') + 1); }

// The folder `part` of `at`; throws what find() says.
Descriptor enter(const Descriptor& at, const std::string& part, const std::string& name) {
  Descriptor next(::openat(at.get(), part.c_str(), kStep));
  if (next.get() >= 0) return next;
  const int reason = errno;
  struct stat status {};
  if (::fstatat(at.get(), part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(status.st_mode)) throw NoFile("links are not followed"_text);
    if (!S_ISDIR(status.st_mode)) throw NoFile("a part of it is no folder"_text);
  }
  if (reason == ENOENT) throw not_in_library(name);
  throw system_error("open {}"_text(name), reason);
}

class Walker {
 public:
  Walker(const std::function<void(LibraryFolder::File)>& visit, const std::stop_token& stop,
         LibraryFolder::Walk& walk)
      : visit_(visit), stop_(stop), walk_(walk) {}

  // `prefix` is what names in it begin with: "" or "talks/".
  void enter(Descriptor folder, const std::string& prefix, bool hidden, const std::string& apart) {
    const std::string name = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(folder.get()), &::closedir);
    if (!entries) {
      walk_.unread.push_back(name);
      return;
    }
    const int at = folder.release();  // the DIR's now
    std::vector<std::string> inner;
    for (errno = 0; const dirent* entry = ::readdir(entries.get()); errno = 0) {
      if (stop_.stop_requested()) {
        walk_.whole = false;
        return;
      }
      const std::string part = entry->d_name;
      if (part == "." || part == ".." || part == apart) continue;
      look(at, part, prefix, hidden, inner);
    }
    if (errno != 0) walk_.unread.push_back(name);
    for (const std::string& part : inner) {
      const std::string below = prefix + part;
      Descriptor next(::openat(at, part.c_str(), kList));
      if (next.get() < 0) {
        if (errno != ENOENT) walk_.unread.push_back(below);
        continue;
      }
      enter(std::move(next), below + "/", hidden || part.front() == '.', "");
      if (!walk_.whole) return;
    }
  }

 private:
  void look(int at, const std::string& part, const std::string& prefix, bool hidden,
            std::vector<std::string>& inner) {
    struct stat status {};
    if (::fstatat(at, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISDIR(status.st_mode)) inner.push_back(part);
    if (!S_ISREG(status.st_mode)) return;
    walk_.bytes += status.st_size;
    if (!hidden && part.front() != '.') {
      visit_({prefix + part, status.st_size, change_time(status)});
    }
  }

  const std::function<void(LibraryFolder::File)>& visit_;
  const std::stop_token& stop_;
  LibraryFolder::Walk& walk_;
};

}  // namespace

Error not_in_library(const std::string& video) {
  return {ErrorCode::kNotFound, "video: no '{}' in the library"_text(video),
          "GET /api/v1/videos lists what there is"_text};
}

Descriptor LibraryFolder::open_root() const {
  Descriptor root(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) throw system_error("open the library's folder"_text, errno);
  return root;
}

Descriptor LibraryFolder::open_parent(const std::string& name, bool make) const {
  Descriptor at = open_root();
  for (size_t begin = 0, end; (end = name.find('/', begin)) != name.npos; begin = end + 1) {
    const std::string part = name.substr(begin, end - begin);
    if (make && ::mkdirat(at.get(), part.c_str(), 0777) != 0 && errno != EEXIST) {
      throw system_error("make a folder of {}"_text(name), errno);
    }
    at = enter(at, part, name);
  }
  return at;
}

LibraryFolder::File LibraryFolder::find(const std::string& name) const {
  const Descriptor parent = open_parent(name, false);
  struct stat status {};
  if (::fstatat(parent.get(), last_part(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT || errno == ENAMETOOLONG) throw not_in_library(name);
    throw system_error("open {}"_text(name), errno);
  }
  if (S_ISLNK(status.st_mode)) throw NoFile("links are not followed"_text);
  if (!S_ISREG(status.st_mode)) throw NoFile("it is no file"_text);
  return {name, status.st_size, change_time(status)};
}

bool LibraryFolder::is_gone(const std::string& name) const {
  try {
    find(name);
    return false;
  } catch (const NoFile&) {
    return true;
  } catch (const Error& error) {
    return error.code() == ErrorCode::kNotFound;
  }
}

void LibraryFolder::check_way_to(const std::string& name) const {
  try {
    open_parent(name, false);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;  // it will be made
  }
}

bool LibraryFolder::link(const std::filesystem::path& file, const std::string& name) const {
  const Descriptor parent = open_parent(name, true);
  // Fails when the name is taken, unlike rename(): two uploads of one name keep both files.
  if (::linkat(AT_FDCWD, file.c_str(), parent.get(), last_part(name).c_str(), 0) == 0) return true;
  if (errno == EEXIST) return false;
  throw system_error("store {}"_text(name), errno);
}

bool LibraryFolder::remove(const std::string& name) const {
  const Descriptor parent = open_parent(name, false);
  return ::unlinkat(parent.get(), last_part(name).c_str(), 0) == 0;
}

LibraryFolder::Walk LibraryFolder::walk(const std::string& apart,
                                        const std::function<void(File)>& visit,
                                        const std::stop_token& stop) const {
  Walk walk;
  Descriptor root(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) {
    walk.unread.emplace_back();
    return walk;
  }
  Walker(visit, stop, walk).enter(std::move(root), "", false, apart);
  return walk;
}

}  // namespace shijian::server
