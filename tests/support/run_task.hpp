// Runs one task to its end and hands out its value or its exception. For tests that are not coroutines themselves.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "docker_client/task.hpp"

namespace orchestration {

/// On `context`: what keeps connections open between tasks needs the same one for all of them.
template <class T>
T run_task(docker::task<T> doing, boost::asio::io_context& context) {
  std::exception_ptr failed;
  std::optional<T> out;
  boost::asio::co_spawn(context, std::move(doing), [&](std::exception_ptr thrown, T value) {
    failed = thrown;
    if (!failed) out.emplace(std::move(value));
  });
  context.restart();
  context.run();
  if (failed) std::rethrow_exception(failed);
  if (!out) throw std::logic_error("the task never ended");
  return std::move(*out);
}

inline void run_task(docker::task<> doing, boost::asio::io_context& context) {
  std::exception_ptr failed;
  bool ended = false;
  boost::asio::co_spawn(context, std::move(doing), [&](std::exception_ptr thrown) {
    failed = thrown;
    ended = true;
  });
  context.restart();
  context.run();
  if (failed) std::rethrow_exception(failed);
  if (!ended) throw std::logic_error("the task never ended");
}

template <class T>
T run_task(docker::task<T> doing) {
  boost::asio::io_context context;
  return run_task(std::move(doing), context);
}

}  // namespace orchestration
