// Tests alone: a disk that is full, or broken, for every database of this process.
#pragma once

#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "base/error.h"

namespace shijian::jobs {

// While it lives, `full` makes SQLite's writes fail as on a full disk, `broken` its reads as of a
// failing one. One at a time. Databases may be open already.
class StoreFaults {
 public:
  StoreFaults() {
    full = broken = false;
    refused = 0;
    sqlite3_initialize();
    set_calls("pwrite", "pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(&faulty_pwrite));
    set_calls("pread", "pread64", reinterpret_cast<sqlite3_syscall_ptr>(&faulty_pread));
  }
  ~StoreFaults() {
    set_calls("pwrite", "pwrite64", nullptr);
    set_calls("pread", "pread64", nullptr);
  }
  StoreFaults(const StoreFaults&) = delete;
  StoreFaults& operator=(const StoreFaults&) = delete;

  static inline std::atomic<bool> full{false}, broken{false};
  static inline std::atomic<int64_t> refused{0};  // reads and writes

 private:
  static ssize_t refuse(int reason) {
    ++refused;
    errno = reason;
    return -1;
  }
  // A commit writes the frames of its log with this call, and a checkpoint the pages.
  static ssize_t faulty_pwrite(int file, const void* bytes, size_t size, off_t offset) {
    return full ? refuse(ENOSPC) : ::pwrite(file, bytes, size, offset);
  }
  static ssize_t faulty_pread(int file, void* bytes, size_t size, off_t offset) {
    return broken ? refuse(EIO) : ::pread(file, bytes, size, offset);
  }
  // SQLite reaches the system through a table that it lets others change; null: its own again.
  static void set_calls(const char* name, const char* other_name, sqlite3_syscall_ptr call) {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    for (const char* known : {name, other_name}) {
      CHECK(vfs != nullptr && vfs->xSetSystemCall(vfs, known, call) == SQLITE_OK, "{}", known);
    }
  }
};

}  // namespace shijian::jobs
