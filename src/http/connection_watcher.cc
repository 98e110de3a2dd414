#include "http/connection_watcher.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace shijian::http {

namespace {

constexpr uint64_t kStop = 0;  // connections count from 1
constexpr int kTickMs = 100;

// A client whose network is gone closes nothing; the system finds out within about two minutes.
void keep_alive(int socket) {
  const auto set = [&](int level, int name, int value) {
    setsockopt(socket, level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

}  // namespace

ConnectionWatcher::ConnectionWatcher()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kStop}};
  if (epoll_ < 0 || stop_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &event) != 0)
    throw system_error("watch", "connections", errno);
  thread_ = std::thread([this] { run(); });
}

ConnectionWatcher::~ConnectionWatcher() {
  const uint64_t one = 1;
  CHECK(::write(stop_, &one, sizeof one) == sizeof one);
  thread_.join();
  close(stop_);
  close(epoll_);
}

uint64_t ConnectionWatcher::opened(int socket, Time deadline) {
  keep_alive(socket);
  const std::lock_guard lock(mutex_);
  const uint64_t id = ++last_;
  connections_[id] = Connection{.socket = socket, .deadline = deadline, .exchange = nullptr};
  // Once is enough, and a client that closed its side would ring for ever.
  epoll_event event{.events = EPOLLRDHUP | EPOLLONESHOT, .data = {.u64 = id}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  return id;
}

void ConnectionWatcher::closed(uint64_t connection) {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(connection);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second.socket, nullptr);
  connections_.erase(found);
}

size_t ConnectionWatcher::size() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

void ConnectionWatcher::set_busy(uint64_t connection, bool busy) {
  const std::lock_guard lock(mutex_);
  connections_.at(connection).busy = busy;
}

bool ConnectionWatcher::cut_one() {
  const std::lock_guard lock(mutex_);
  Connection* least = nullptr;
  for (auto& [id, connection] : connections_) {
    if (connection.exchange || connection.deadline == Time::max()) continue;
    if (!least ||
        std::tie(connection.busy, connection.deadline) < std::tie(least->busy, least->deadline)) {
      least = &connection;
    }
  }
  if (!least) return false;
  least->deadline = Time::max();
  shutdown(least->socket, SHUT_RDWR);
  return true;
}

void ConnectionWatcher::set_deadline(uint64_t connection, Time deadline) {
  const std::lock_guard lock(mutex_);
  connections_.at(connection).deadline = deadline;
}

void ConnectionWatcher::set_exchange(uint64_t connection, std::shared_ptr<Exchange> exchange) {
  const auto given = exchange;
  bool left = false;
  {
    const std::lock_guard lock(mutex_);
    Connection& entry = connections_.at(connection);
    std::swap(entry.exchange, exchange);
    left = entry.left;
  }
  if (left && given) given->client_left();
}

void ConnectionWatcher::run() {
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), kTickMs);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kStop) return;
      note_left(events[i].data.u64);
    }
    tick(std::chrono::steady_clock::now());
  }
}

void ConnectionWatcher::note_left(uint64_t connection) {
  std::shared_ptr<Exchange> exchange;
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;  // it was closed while this event was on its way
    found->second.left = true;
    exchange = found->second.exchange;
  }
  if (exchange) exchange->client_left();
}

void ConnectionWatcher::tick(Time now) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, connection] : connections_) {
    // The library misses an end that comes with the last bytes: edge-triggered, it does not read
    // again after a read that was not full. This makes it look, whenever it gets there.
    if (connection.left) shutdown(connection.socket, SHUT_RD);
    if (now < connection.deadline) continue;
    connection.deadline = Time::max();
    shutdown(connection.socket, SHUT_RDWR);  // the library closes it; until then it is ours
  }
}

}  // namespace shijian::http
