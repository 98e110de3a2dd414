#include "served.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace shijian {

Served::Served(const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment, const std::string& log) {
  std::vector<std::string> all = {SHIJIAN_PROGRAM, "serve"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv, envp;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = environment;
  for (std::string& variable : variables) envp.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) envp.push_back(*variable);
  envp.push_back(nullptr);
  int pipes[2];
  if (::pipe2(pipes, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(pipes[1], 1);
    ::dup2(::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600), 2);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(pipes[1]);
  for (char c; ::read(pipes[0], &c, 1) == 1 && c != '\n';) greeting_ += c;
  ::close(pipes[0]);
  const size_t at = greeting_.find(':', greeting_.find("://") + 3);
  if (greeting_.empty() || at == std::string::npos) {
    throw std::runtime_error(fmt::format("the server did not start: {}, '{}'", wait(), greeting_));
  }
  port_ = std::stoi(greeting_.substr(at + 1));
}

Served::~Served() { kill(); }

int Served::wait() {
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Served::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  wait();
}

int Served::interrupt() {
  ::kill(process_, SIGINT);
  return wait();
}

http::TestAnswer Served::call(const std::string& method, const std::string& path,
                              const std::string& body, const std::string& headers) const {
  http::TestClient client(port_);
  client.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}",
                          method, path, headers, body.size(), body));
  return client.read_answer(120);
}

nlohmann::json Served::json(const std::string& method, const std::string& path,
                            const std::string& body) const {
  const http::TestAnswer answer = call(method, path, body);
  if (answer.status / 100 != 2) {
    throw std::runtime_error(fmt::format("{} {}: {} {}", method, path, answer.status, answer.body));
  }
  return nlohmann::json::parse(answer.body);
}

}  // namespace shijian
