// A `shijian serve` of its own process, and calls to it.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http/test_client.h"

namespace shijian {

class Served {
 public:
  // Starts the server under test on a free port and waits until it listens; throws when it does
  // not. `environment`: "NAME=value". Its log goes to the file `log`.
  explicit Served(const std::vector<std::string>& arguments,
                  const std::vector<std::string>& environment = {},
                  const std::string& log = "/dev/null");
  ~Served();  // kill -9
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  int port() const { return port_; }
  pid_t process() const { return process_; }
  const std::string& greeting() const { return greeting_; }  // the line that it prints
  void kill();                                               // -9, and waits
  int interrupt();  // Ctrl-C; the exit status, or 128 + signal

  http::TestAnswer call(const std::string& method, const std::string& path,
                        const std::string& body = "",
                        const std::string& headers = "Content-Type: application/json\r\n") const;
  // The answer's body; throws when the status is not 2xx.
  nlohmann::json json(const std::string& method, const std::string& path,
                      const std::string& body = "") const;

 private:
  int wait();

  pid_t process_ = -1;
  int port_ = 0;
  std::string greeting_;
};

}  // namespace shijian
