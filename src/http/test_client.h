// A client for the tests: a socket, bytes as they are, and a reader of answers.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "http/server.h"
#include "http/text.h"

namespace shijian::http {

struct TestAnswer {
  int status = 0;  // 0: the connection ended, or nothing came in time
  std::map<std::string, std::string> headers;
  std::string body;
};

class TestClient {
 public:
  explicit TestClient(int port, const char* host = "127.0.0.1")
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = inet_addr(host);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { close(); }
  TestClient(TestClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        connected_(other.connected_),
        buffer_(std::move(other.buffer_)) {}

  bool connected() const { return connected_; }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void finish_sending() { shutdown(socket_, SHUT_WR); }

  // False when the server does not take all of it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  // More bytes into the buffer; false when the connection has ended or nothing comes in time.
  bool receive(double seconds = 10) {
    pollfd ready{socket_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(seconds * 1000)) <= 0) return false;
    char bytes[16384];
    const ssize_t count = recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  // Whether the server ends the connection within that time; what it says before is dropped.
  bool closed_within(double seconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) {
      pollfd ready{socket_, POLLIN, 0};
      char bytes[16384];
      if (poll(&ready, 1, 50) > 0 && recv(socket_, bytes, sizeof bytes, 0) <= 0) return true;
    }
    return false;
  }

  // Bytes up to and with `mark`, which leave the buffer; "" when it does not come.
  std::string read_to(std::string_view mark, double seconds = 10) {
    size_t found = 0;
    while ((found = buffer_.find(mark)) == std::string::npos) {
      if (!receive(seconds)) return {};
    }
    std::string result = buffer_.substr(0, found + mark.size());
    buffer_.erase(0, result.size());
    return result;
  }

  TestAnswer read_head(double seconds = 10) {
    TestAnswer answer;
    const std::string head = read_to("\r\n\r\n", seconds);
    if (!head.starts_with("HTTP/1.1 ")) return answer;
    answer.status = std::atoi(head.c_str() + 9);
    for (size_t at = head.find("\r\n") + 2; head.compare(at, 2, "\r\n") != 0;) {
      const size_t colon = head.find(": ", at);
      const size_t end = head.find("\r\n", at);
      answer.headers[lower(head.substr(at, colon - at))] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    return answer;
  }

  TestAnswer read_answer(double seconds = 10) {
    TestAnswer answer = read_head(seconds);
    if (answer.headers.contains("content-length")) {
      const size_t length = std::strtoull(answer.headers["content-length"].c_str(), nullptr, 10);
      while (buffer_.size() < length && receive(seconds)) {
      }
      answer.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    } else if (answer.headers["transfer-encoding"] == "chunked") {
      for (std::string piece = read_chunk(seconds); !piece.empty(); piece = read_chunk(seconds))
        answer.body += piece;
    }
    return answer;
  }

  // "" for the last one, or when none comes.
  std::string read_chunk(double seconds = 10) {
    const size_t length = std::strtoull(read_to("\r\n", seconds).c_str(), nullptr, 16);
    while (buffer_.size() < length + 2 && receive(seconds)) {
    }
    std::string piece = buffer_.substr(0, length);
    buffer_.erase(0, length + 2);
    return piece;
  }

  // `headers` ends with a line break, or is empty.
  TestAnswer ask(std::string_view method, std::string_view target, std::string_view headers = {},
                 std::string_view body = {}) {
    std::string text =
        fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}", method, target, headers);
    if (!body.empty()) text += fmt::format("Content-Length: {}\r\n", body.size());
    if (!send(text + "\r\n" + std::string(body))) return {};
    return method == "HEAD" ? read_head() : read_answer();
  }

 private:
  int socket_;
  bool connected_ = false;
  std::string buffer_;
};

inline HttpOptions test_options() {
  HttpOptions options;
  options.port = 0;
  options.requests_per_second = 0;
  return options;
}

inline HttpResponse text_response(std::string body) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

// Waits until `condition` holds; false when it does not within that time.
template <typename Condition>
bool becomes_true(const Condition& condition, double seconds = 10) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace shijian::http
