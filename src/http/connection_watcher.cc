#include "http/connection_watcher.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace shijian::http {

namespace {

constexpr uint64_t kWake = 0;  // connections count from 1

// Interval at which the library is woken while a client has disconnected and its connection is not
// closed: nothing reports whether the library has noticed the disconnect.
constexpr std::chrono::milliseconds kBetweenReminders{100};

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

// For epoll_wait(), not too early.
int milliseconds_until(ConnectionWatcher::Time time) {
  if (time == ConnectionWatcher::Time::max()) return -1;
  const auto left = time - std::chrono::steady_clock::now();
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<int64_t>(milliseconds, 0, INT_MAX));
}

}  // namespace

ConnectionWatcher::ConnectionWatcher()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWake}};
  if (epoll_.get() < 0 || wake_.get() < 0 ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
    throw system_error("watch connections"_text, errno);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

uint64_t ConnectionWatcher::opened(int socket, Time deadline) {
  keep_alive(socket);
  const std::lock_guard lock(mutex_);
  const uint64_t id = ++last_;
  connections_[id] = Connection{.socket = socket, .deadline = deadline, .exchange = nullptr};
  wake_by(deadline);
  // EPOLLONESHOT limits this to one event; a client that closed its side would signal endlessly.
  epoll_event event{.events = EPOLLRDHUP | EPOLLONESHOT, .data = {.u64 = id}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event);
  return id;
}

void ConnectionWatcher::closed(uint64_t connection) {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(connection);
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.socket, nullptr);
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
  wake_by(deadline);
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

void ConnectionWatcher::wake_by(Time deadline) {
  if (deadline >= next_check_) return;
  next_check_ = deadline;
  wake();
}

void ConnectionWatcher::wake() const {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);  // refused only where it is awake anyway
}

void ConnectionWatcher::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  std::array<epoll_event, 64> events;
  Time next = Time::max();
  while (!stop.stop_requested()) {
    const int count =
        epoll_wait(epoll_.get(), events.data(), events.size(), milliseconds_until(next));
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 != kWake) {
        note_left(events[i].data.u64);
        continue;
      }
      uint64_t times = 0;
      (void)!::read(wake_.get(), &times, sizeof times);
    }
    next = check_connections(std::chrono::steady_clock::now());
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

ConnectionWatcher::Time ConnectionWatcher::check_connections(Time now) {
  const std::lock_guard lock(mutex_);
  next_check_ = Time::max();
  for (auto& [id, connection] : connections_) {
    // The library misses an end that comes with the last bytes: edge-triggered, it does not read
    // again after a read that was not full. This makes it look, whenever it gets there.
    if (connection.left) {
      shutdown(connection.socket, SHUT_RD);
      next_check_ = std::min(next_check_, now + kBetweenReminders);
    }
    if (now >= connection.deadline) {
      connection.deadline = Time::max();
      shutdown(connection.socket, SHUT_RDWR);  // the library closes it; until then it is ours
    }
    next_check_ = std::min(next_check_, connection.deadline);
  }
  return next_check_;
}

}  // namespace shijian::http
