// Drops the privileges of a process before it reads untrusted bytes.
#pragma once

#include <cstdint>
#include <string>

namespace shijian::process {

struct Confinement {
  int64_t memory_bytes = int64_t{4} << 30;  // of address space
  int64_t cpu_seconds = 120;                // of all threads together
  // The one open file that may be written, and how long it may become; -1: none.
  int writable = -1;
  int64_t file_bytes = 0;
};

// For good, for this process and its threads: limits of memory and processor time; no file or
// socket can be opened, no file written but the one that is named, no core dumped; standard input
// and outputs are closed; and, by seccomp, no system call but those that computing, reading an open
// file, writing that one and answering on an open socket need. To be called while there is one
// thread. Returns why there is no seccomp, "" when there is: the rest holds all the
// same. Sanitisers need more: under them only processor time and core dumps are limited.
std::string confine(const Confinement& limits);

// What confine() will return, tried in a process of its own. For a process with one thread.
std::string try_confine();

}  // namespace shijian::process
