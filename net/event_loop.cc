#include "net/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace nearhit {
namespace {

constexpr std::size_t kMaxBatch = 128;

// The loop that this thread runs.
thread_local const EventLoop* running_loop = nullptr;

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::Create() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the loop's own
  if (epoll.get() < 0 || wake.get() < 0 ||
      ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return ResourceExhausted("cannot make an event loop: " +
                             std::generic_category().message(errno));
  }
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

void EventLoop::Run() {
  std::array<epoll_event, kMaxBatch> events{};
  running_loop = this;
  while (!stopping_.load(std::memory_order_acquire)) {
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), WaitMillis());
    now_ = std::chrono::steady_clock::now();
    batch_ = std::span(events).first(static_cast<std::size_t>(std::max(count, 0)));
    bool woken = false;
    for (const epoll_event& event : batch_) {
      if (event.events == 0) {
        continue;  // no longer watched
      }
      if (event.data.ptr == nullptr) {
        woken = true;
      } else {
        static_cast<SocketHandler*>(event.data.ptr)->OnEvents(event.events);
      }
    }
    batch_ = {};
    RunTimers();
    if (woken) {
      ClearWake();
    }
    RunTasks();
  }
  running_loop = nullptr;
  std::vector<Task> dropped;
  {
    MutexLock lock(&mu_);
    ended_ = true;
    dropped.swap(tasks_);
  }
  const std::map<TimerId, Task> timers = std::exchange(timers_, {});  // they may cancel others
}

void EventLoop::Stop() {
  stopping_.store(true, std::memory_order_release);
  Post([] {});
}

void EventLoop::Post(Task task) {
  bool first = false;
  {
    MutexLock lock(&mu_);
    if (ended_) {
      return;
    }
    first = tasks_.empty();
    tasks_.push_back(std::move(task));
    has_tasks_.store(true, std::memory_order_release);
  }
  // The loop looks at its tasks before it waits.
  if (first && running_loop != this) {
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then the loop wakes up anyway.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
  }
}

void EventLoop::ClearWake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(wake_.get(), &count, sizeof(count));
}

void EventLoop::RunTasks() {
  if (!has_tasks_.load(std::memory_order_acquire)) {
    return;  // one that is posted at this moment wakes the loop
  }
  std::vector<Task> tasks;
  {
    MutexLock lock(&mu_);
    tasks.swap(tasks_);
    has_tasks_.store(false, std::memory_order_relaxed);
  }
  for (Task& task : tasks) {
    task();
    task = nullptr;  // what it holds goes before the next one runs
  }
}

Status EventLoop::Watch(int fd, std::uint32_t events, SocketHandler* handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = handler;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0
             ? Status()
             : ResourceExhausted("cannot watch a socket: " +
                                 std::generic_category().message(errno));
}

void EventLoop::Rewatch(int fd, std::uint32_t events, SocketHandler* handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = handler;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::Unwatch(int fd, SocketHandler* handler) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (epoll_event& event : batch_) {
    if (event.data.ptr == handler) {
      event.events = 0;
    }
  }
}

EventLoop::TimerId EventLoop::At(TimePoint when, Task task) {
  const TimerId id{.when = when, .number = ++last_timer_};
  timers_.emplace(id, std::move(task));
  return id;
}

EventLoop::TimerId EventLoop::After(std::chrono::milliseconds wait, Task task) {
  return At(std::chrono::steady_clock::now() + wait, std::move(task));
}

// Rounded up, so that a timer is due when the wait is over.
int EventLoop::WaitMillis() const {
  constexpr std::chrono::milliseconds kLongest{60'000};
  if (has_tasks_.load(std::memory_order_acquire)) {
    return 0;
  }
  if (timers_.empty()) {
    return static_cast<int>(kLongest.count());
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.when -
                                                                 std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kLongest).count());
}

// Those too that were set in this round and are due at once: they need no round of their own.
void EventLoop::RunTimers() {
  const TimePoint now = timers_.empty() ? now_ : std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first.when <= now) {
    const Task task = std::move(timers_.extract(timers_.begin()).mapped());
    task();
  }
}

}  // namespace nearhit
