// One thread's loop over sockets, timers and tasks from other threads, on Linux's epoll.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <sys/epoll.h>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/mutex.h"
#include "nearhit/result.h"

namespace nearhit {

// Gets the events of a socket, on the loop's thread. It may stop watching any socket meanwhile.
class SocketHandler {
 public:
  virtual ~SocketHandler() = default;
  SocketHandler(const SocketHandler&) = delete;
  SocketHandler& operator=(const SocketHandler&) = delete;

  // `events`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as of epoll(7), level-triggered.
  virtual void OnEvents(std::uint32_t events) = 0;

 protected:
  SocketHandler() = default;
};

// Thread-safety: Post() and Stop() by any thread, everything else by the thread of Run(), or
// before it runs.
class EventLoop {
 public:
  using Task = std::function<void()>;
  using TimePoint = std::chrono::steady_clock::time_point;
  // Names a timer that has not fired.
  struct TimerId {
    TimePoint when{};
    std::uint64_t number = 0;  // 0: none
    friend auto operator<=>(const TimerId&, const TimerId&) = default;
  };

  // Errors: kResourceExhausted when the process has no descriptor left.
  static Result<std::unique_ptr<EventLoop>> Create();
  ~EventLoop() = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until Stop(), once. Tasks that are posted afterwards are dropped.
  void Run();
  void Stop();

  // Runs `task` soon. Tasks run in the order of their posts. After the end of Run() a task is
  // destroyed at once, by the thread that posts it.
  void Post(Task task) NEARHIT_EXCLUDES(mu_);

  // Hands the socket's events to `handler`, which must outlive the watch.
  //
  // Errors: kResourceExhausted when the system watches too much already.
  Status Watch(int fd, std::uint32_t events, SocketHandler* handler);
  // Requires: the socket is watched with this handler.
  void Rewatch(int fd, std::uint32_t events, SocketHandler* handler);
  // No event of the socket is handed out any more, not even one that has already happened.
  void Unwatch(int fd, SocketHandler* handler);

  // Runs `task` once `when` has passed.
  TimerId At(TimePoint when, Task task);
  TimerId After(std::chrono::milliseconds wait, Task task);
  // Does nothing for one that fired, or for none.
  void Cancel(TimerId id) { timers_.erase(id); }

  // When the events at hand came; one clock reading for all of them.
  TimePoint now() const { return now_; }

 private:
  EventLoop(Descriptor epoll, Descriptor wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

  int WaitMillis() const;
  void ClearWake();
  void RunTasks() NEARHIT_EXCLUDES(mu_);
  void RunTimers();

  const Descriptor epoll_;
  const Descriptor wake_;  // an eventfd
  std::atomic<bool> stopping_{false};

  TimePoint now_ = std::chrono::steady_clock::now();
  std::span<epoll_event> batch_{};  // what is being handed out
  std::map<TimerId, Task> timers_;
  std::uint64_t last_timer_ = 0;

  Mutex mu_;
  std::vector<Task> tasks_ NEARHIT_GUARDED_BY(mu_);
  std::atomic<bool> has_tasks_{false};  // as tasks_ says
  bool ended_ NEARHIT_GUARDED_BY(mu_) = false;
};

}  // namespace nearhit
